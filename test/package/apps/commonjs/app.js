const express = require('express');
const { InvalidTokenError } = require('oauth-resource-server');
const { authenticate, getAuth, requireScope } = require('oauth-resource-server/express');

exports.createApp = function createApp(options) {
  const app = express();
  app.use(authenticate({ ...options, errors: 'next' }));
  app.get('/stock/:sku', requireScope('read:inventory'), (req, res) => {
    res.json({ sku: req.params.sku, caller: getAuth(req).clientId });
  });
  app.use((error, _req, res, _next) => {
    res.status(error.status).json({ isInvalidToken: error instanceof InvalidTokenError });
  });
  return app;
};
