import express, { type Express } from 'express';
import {
  type Auth,
  authenticate,
  getAuth,
  type ResourceServerOptions,
  requireAnyScope,
  requireClaims,
  requireScope,
} from 'oauth-resource-server/express';
import type {} from 'oauth-resource-server/express/types';

export function createApp(options: ResourceServerOptions): Express {
  const app = express();
  app.use(authenticate(options));
  app.get('/stock/:sku', requireScope('read:inventory'), (req, res) => {
    const sku: string = req.params.sku;
    const mayBeMissing: string | undefined = req.auth?.claims.tenant;
    const tenant: string = getAuth(req).claims.tenant;
    req.auth = getAuth(req); // exactly the same type, where no other library has a say in it
    res.json({ sku, tenant, isSame: tenant === mayBeMissing });
  });
  app.get(
    '/tenants/acme',
    requireAnyScope('read:inventory', 'write:orders'),
    requireClaims((claims) => claims.tenant === 'acme'),
    (req, res) => {
      res.json(describe(getAuth(req)));
    },
  );

  // @ts-expect-error not one of the registered scopes
  requireScope('read:inventry');
  // @ts-expect-error not one of the registered scopes
  requireAnyScope('read:inventory', 'write:order');
  requireClaims((claims) => {
    // @ts-expect-error not one of the registered claims, so it is unknown
    const region: string = claims.region;
    return region === 'eu';
  });
  app.get('/', (req, res) => {
    // @ts-expect-error before authenticate() there is no auth
    res.json(req.auth.clientId);
  });
  return app;
}

function describe({ claims, clientId, scopes }: Auth): string {
  return `${clientId ?? 'nobody'} of ${claims.tenant} may ${scopes.join(' ')}`;
}
