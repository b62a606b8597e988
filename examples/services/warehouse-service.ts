import { type FastifyInstance, fastify } from 'fastify';
import {
  getAuth,
  type ResourceServerOptions,
  requireScope,
  resourceServer,
} from 'oauth-resource-server/fastify';

interface BinRoute {
  Params: { sku: string };
}

/** The warehouse service, which others call on behalf of their callers. It says for whom, and who acts. */
export async function createWarehouse(options: ResourceServerOptions): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(resourceServer, options); // every route below is protected

  app.get<BinRoute>('/bins/:sku', { onRequest: requireScope('read:warehouse') }, async (request) => {
    const { subject, actor } = getAuth(request);
    return { sku: request.params.sku, bin: 'A-7', inStock: 7, caller: subject, actor: actor?.subject };
  });

  return app;
}
