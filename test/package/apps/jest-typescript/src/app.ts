import websocket from '@fastify/websocket';
import { type FastifyInstance, fastify } from 'fastify';
import {
  getAuth,
  type ResourceServerOptions,
  requireScope,
  resourceServer,
} from 'oauth-resource-server/fastify';

export async function createApp(options: ResourceServerOptions): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(websocket);
  await app.register(resourceServer, options);
  const onRequest = requireScope('read:inventory');
  app.get<{ Params: { sku: string } }>('/stock/:sku', { onRequest }, async (request) => {
    return { sku: request.params.sku, caller: getAuth(request).clientId };
  });
  app.get('/feed', { websocket: true, onRequest }, (socket, request) => {
    socket.send(`hello ${getAuth(request).clientId}`);
  });
  app.get('/forgotten', async () => 'no scope');
  return app;
}
