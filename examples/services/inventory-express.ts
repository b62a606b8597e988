import express, { type Express } from 'express';
import {
  authenticate,
  getAuth,
  type ResourceServerOptions,
  requireScope,
} from 'oauth-resource-server/express';

/** The inventory service on Express: `createInventory({ issuer, audience }).listen(3000)`. */
export function createInventory(options: ResourceServerOptions, app: Express = express()): Express {
  app.get('/health', (_req, res) => {
    res.json({ status: 'ok' });
  });

  app.use(authenticate(options)); // every route below is protected

  app.get('/stock/:sku', requireScope('read:inventory'), (req, res) => {
    res.json({ sku: req.params.sku, inStock: 7, caller: getAuth(req).clientId });
  });

  app.post('/stock/:sku/reservations', requireScope('write:inventory'), (req, res) => {
    res.status(201).json({ sku: req.params.sku, reserved: 1, caller: getAuth(req).clientId });
  });

  return app;
}
