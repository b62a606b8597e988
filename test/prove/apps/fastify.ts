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
        orders.delete(
          '/:id',
          { onRequest: requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] }) },
          handle,
        );
      },
      { prefix: '/shops/:shop/orders' },
    );
    scope.register(
      async (admin) => {
        admin.addHook('onRequest', requireScope('admin'));
        admin.route({ method: ['GET', 'POST'], url: '/audit', handler: handle });
        admin.get('/tenants', { preHandler: requireClaims((claims) => claims.tenant === 'acme') }, handle);
        admin.post(
          '/tenants',
          { onRequest: [requireScope('write:tenants'), requireClaims((claims) => claims.tenant === 'acme')] },
          handle,
        );
      },
      { prefix: '/admin' },
    );
  });
  return app;
}
