import type { Express, RequestHandler, Router } from 'express';
import {
  authenticate,
  type ResourceServerOptions,
  requireAnyScope,
  requireAuthentication,
  requireClaims,
  requireScope,
} from 'oauth-resource-server/express';

/** Express 4 or 5. */
export interface Framework {
  (): Express;
  json(): RequestHandler;
  Router(options?: { mergeParams?: boolean }): Router;
}

export function createApp(express: Framework, options: ResourceServerOptions, handle: RequestHandler) {
  const app = express();
  app.use(express.json());
  app.get('/health', handle);
  app.get('/about/:topic', handle);
  app.use(authenticate(options));
  app.get('/stock/:sku', requireScope('read:inventory'), handle);
  app.put('/stock/:sku', requireScope('read:inventory', 'write:inventory'), handle);
  app.get('/me', handle);

  const orders = express.Router({ mergeParams: true });
  orders.get('/', requireAnyScope('read:orders', 'admin'), handle);
  orders.post('/', requireScope('write:orders'), handle);
  orders.delete('/:id', requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] }), handle);
  app.use('/shops/:shop/orders', orders);

  const admin = express.Router();
  admin.use(requireScope('admin'));
  admin.all(['/audit', '/log'], handle);
  const acme = requireClaims((claims) => claims.tenant === 'acme');
  admin.get('/tenants', acme, handle);
  admin.post('/tenants', requireScope('write:tenants'), acme, handle);
  app.use('/admin', admin);
  return app;
}
