import { type FastifyInstance, fastify } from 'fastify';
import {
  getAuth,
  type ResourceServerOptions,
  requireScope,
  resourceServer,
} from 'oauth-resource-server/fastify';

interface StockParams {
  Params: { sku: string };
}

/** The inventory service on Fastify: `const app = await createInventory({ issuer, audience })`. */
export async function createInventory(options: ResourceServerOptions): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(resourceServer, options); // every route below is protected

  app.get('/health', { config: { public: true } }, async () => ({ status: 'ok' })); // but this one

  app.get<StockParams>('/stock/:sku', { onRequest: requireScope('read:inventory') }, async (request) => {
    return { sku: request.params.sku, inStock: 7, caller: getAuth(request).clientId };
  });

  app.post('/orders', { onRequest: requireScope('write:orders') }, async (request, reply) => {
    return reply.code(201).send({ accepted: true, caller: getAuth(request).clientId });
  });

  return app;
}
