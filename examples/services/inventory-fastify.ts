import { type FastifyInstance, fastify } from 'fastify';
import {
  getAuth,
  type ResourceServerOptions,
  requireScope,
  resourceServer,
} from 'oauth-resource-server/fastify';

interface StockRoute {
  Params: { sku: string };
}

const reads = { onRequest: requireScope('read:inventory') };
const writes = { onRequest: requireScope('write:inventory') };

/** The inventory service on Fastify: `const app = await createInventory({ issuer, audience })`. */
export async function createInventory(options: ResourceServerOptions): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(resourceServer, options); // every route below is protected

  app.get('/health', { config: { public: true } }, async () => ({ status: 'ok' })); // but this one

  app.get<StockRoute>('/stock/:sku', reads, async (request) => {
    return { sku: request.params.sku, inStock: 7, caller: getAuth(request).clientId };
  });

  app.post<StockRoute>('/stock/:sku/reservations', writes, async (request, reply) => {
    reply.code(201);
    return { sku: request.params.sku, reserved: 1, caller: getAuth(request).clientId };
  });

  return app;
}
