import express from 'express';
import { authenticate, getAuth, requireScope } from 'oauth-resource-server/express';

export function createApp(options) {
  const app = express();
  app.use(authenticate(options));
  app.get('/stock/:sku', requireScope('read:inventory'), (req, res) => {
    res.json({ sku: req.params.sku, caller: getAuth(req).clientId });
  });
  return app;
}
