import '../../../adapters/express/types.js';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import cors from 'cors';
import express from 'express';
import {
  authenticate,
  deny,
  getAuth,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
  resourceMetadata,
} from '../../../adapters/express/index.js';
import {
  createResourceServer,
  InsufficientScopeError,
  isResourceServer,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../../src/index.js';
import type { Harness, HarnessSettings } from './harness.js';

export const express5Harness: Harness = {
  name: 'express 5',
  start: (...given) => start(express, ...given),
};
export const express4Harness: Harness = {
  name: 'express 4',
  // Installed under another name, without types; what is used of it is the same.
  start: (...given) => start(createRequire(import.meta.url)('express4') as typeof express, ...given),
};

async function start(
  framework: typeof express,
  options: ResourceServerOptions | ResourceServer,
  { tls, trustsProxies = false, hasCors = true }: HarnessSettings = {},
) {
  let handled = 0;
  const count: express.RequestHandler = (_request, _response, next) => {
    handled += 1;
    next();
  };
  const stock: express.RequestHandler = (request, response) => {
    const { clientId, scopes } = getAuth(request);
    response.json({ sku: request.params.sku, caller: clientId ?? null, scopes });
  };
  const whoami: express.RequestHandler = (request, response) => {
    const { auth } = request;
    response.json({ subject: auth?.subject, caller: auth?.clientId, anonymous: auth === undefined });
  };

  const app = framework();
  if (trustsProxies) app.set('trust proxy', 'loopback');
  const resourceServer = isResourceServer(options) ? options : createResourceServer(options);
  if (resourceServer.resourceMetadata !== undefined) app.use(resourceMetadata(resourceServer));
  app.get('/public', (_request, response) => {
    response.json({ ok: true });
  });
  app.use(framework.urlencoded({ extended: true }), framework.json());
  app.use((request, _response, next) => {
    const { 'x-forwarded-access-token': token } = request.headers;
    if (token !== undefined) request.headers.authorization ??= `Bearer ${token}`;
    next();
  });
  app.use(authenticate(resourceServer));
  if (hasCors) app.use(cors());
  app.get('/stock/:sku', requireScope('read:inventory'), count, stock);
  app.post('/orders', requireScope('read:inventory', 'write:orders'), count, (_request, response) => {
    response.status(201).json({ ok: true });
  });
  app.get('/any', requireAnyScope('read:inventory', 'admin'), count, whoami);
  app.get(
    '/claims',
    requireClaims((claims) => claims.tenant === 'acme'),
    count,
    whoami,
  );
  app.get(
    '/secure',
    requireAuthentication({ acrValues: ['silver', 'gold'], maxAgeSeconds: 300 }),
    count,
    whoami,
  );
  app.get('/recent', requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] }), count, whoami);
  app.get(
    '/payments',
    requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment')),
    count,
    whoami,
  );
  app.get(
    '/own',
    requireScope('read:inventory'),
    (request, response, next) => {
      if (getAuth(request).claims.tenant === 'acme') next();
      else deny(new InsufficientScopeError('claims_not_met'), request, response, next);
    },
    count,
    whoami,
  );
  app.post('/refunds', requireScope('read:inventory'), requireScope('write:orders'), count, whoami);
  app.get(
    '/stocktake',
    [requireScope('read:inventory'), requireAnyScope('write:orders', 'admin')],
    count,
    whoami,
  );
  app.get('/vault', requireScope('admin'), requireAuthentication({ maxAgeSeconds: 300 }), count, whoami);
  app.get('/whoami', count, whoami);
  app.options('/whoami', count, whoami);
  app.post('/whoami', count, whoami);
  const mounted = framework.Router();
  mounted.get('/stock/:sku', requireScope('read:inventory'), count, stock);
  app.use('/mounted', mounted);

  const server = tls === undefined ? createServer(app) : createTlsServer(tls, app);
  const port = await listen(server);
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    close: () => close(server),
    handled: () => handled,
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return port;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
}
