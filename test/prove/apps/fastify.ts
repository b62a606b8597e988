import { fastify, type RouteHandlerMethod } from 'fastify';
import {
  type ResourceServerOptions,
  requireAnyScope,
  requireAuthentication,
  requireClaims,
  requireScope,
  resourceServer,
} from 'oauth-resource-server/fastify';

export async function createApp(options: ResourceServerOptions, handle: RouteHandlerMethod) {
  const app = fastify();
  app.register(async (open) => {
    open.get('/about/:topic', handle);
  });
  app.register(async (scope) => {
    await scope.register(resourceServer, options);
    scope.get('/health', { config: { public: true } }, handle);
    scope.get('/stock/:sku', { onRequest: requireScope('read:inventory') }, handle);
    scope.put('/stock/:sku', { onRequest: requireScope('read:inventory', 'write:inventory') }, handle);
    scope.get('/me', handle);
    scope.register(
      async (orders) => {
        orders.get('/', { onRequest: requireAnyScope('read:orders', 'admin') }, handle);
        orders.post('/', { onRequest: requireScope('write:orders') }, handle);
        const recent = requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] });
        orders.delete('/:id', { onRequest: recent }, handle);
      },
      { prefix: '/shops/:shop/orders' },
    );
    scope.register(
      async (admin) => {
        admin.addHook('onRequest', requireScope('admin'));
        admin.route({ method: ['GET', 'POST'], url: '/audit', handler: handle });
        const acme = requireClaims((claims) => claims.tenant === 'acme');
        admin.get('/tenants', { preHandler: acme }, handle);
        admin.post('/tenants', { onRequest: [requireScope('write:tenants'), acme] }, handle);
      },
      { prefix: '/admin' },
    );
  });
  return app;
}
