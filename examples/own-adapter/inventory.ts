import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InsufficientScopeError } from 'oauth-resource-server';
import { findAuth, getAuth } from 'oauth-resource-server/adapter';
import type { StartContractServer } from 'oauth-resource-server/testing';
import {
  deny,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
  resourceServer,
} from './adapter.js';
import { type Context, type Handler, Router } from './router.js';

/** The routes of the contract, on the router. */
export const startInventory: StartContractServer = async (options, { hasCors, trustsProxies }) => {
  const app = new Router({ trustsProxies });
  const protect = resourceServer(options);
  let handled = 0;
  const counted =
    (handler: Handler): Handler =>
    (context) => {
      handled += 1;
      return handler(context);
    };
  const whoami = ({ message }: Context): unknown => {
    const auth = findAuth(message);
    return { subject: auth?.subject, caller: auth?.clientId, anonymous: auth === undefined };
  };
  const stock = protect(
    counted(({ message, params }) => {
      const { clientId, scopes } = getAuth(message);
      return { sku: params.sku, caller: clientId ?? null, scopes };
    }),
    requireScope('read:inventory'),
  );

  if (hasCors) app.use(cors);
  app.use(({ message: { headers } }) => {
    const { 'x-forwarded-access-token': token } = headers;
    if (token !== undefined) headers.authorization ??= `Bearer ${token}`;
  });
  app.on('GET', '/public', () => ({ ok: true }));
  app.on('GET', '/stock/:sku', stock);
  app.on('GET', '/mounted/stock/:sku', stock);
  const order = counted(({ response }) => {
    response.statusCode = 201;
    return { ok: true };
  });
  app.on('POST', '/orders', protect(order, requireScope('read:inventory', 'write:orders')));
  app.on('GET', '/any', protect(counted(whoami), requireAnyScope('read:inventory', 'admin')));
  const isAcme = requireClaims((claims) => claims.tenant === 'acme');
  app.on('GET', '/claims', protect(counted(whoami), isAcme));
  const secure = requireAuthentication({ acrValues: ['silver', 'gold'], maxAgeSeconds: 300 });
  app.on('GET', '/secure', protect(counted(whoami), secure));
  const recent = requireAuthentication({ maxAgeSeconds: 300, scopes: ['write:orders'] });
  app.on('GET', '/recent', protect(counted(whoami), recent));
  const payment = requireAuthorizationDetails((details) => details.some(({ type }) => type === 'payment'));
  app.on('GET', '/payments', protect(counted(whoami), payment));
  const own: Handler = (context) => {
    if (getAuth(context.message).claims.tenant === 'acme') return counted(whoami)(context);
    return deny(new InsufficientScopeError('claims_not_met'), context);
  };
  app.on('GET', '/own', protect(own, requireScope('read:inventory')));
  const [read, write] = [requireScope('read:inventory'), requireScope('write:orders')];
  app.on('POST', '/refunds', protect(counted(whoami), read, write));
  app.on('GET', '/stocktake', protect(counted(whoami), read, requireAnyScope('write:orders', 'admin')));
  const vault = requireAuthentication({ maxAgeSeconds: 300 });
  app.on('GET', '/vault', protect(counted(whoami), requireScope('admin'), vault));
  for (const method of ['GET', 'POST', 'OPTIONS']) app.on(method, '/whoami', protect(counted(whoami)));

  const server = createServer(app.listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return {
    url: `http://127.0.0.1:${port}`,
    handled: () => handled,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
};

/** Answers preflights, and lets scripts of any origin read the answers. */
function cors({ message: { method, headers }, response }: Context): void {
  response.setHeader('Access-Control-Allow-Origin', '*');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return;
  response.writeHead(204, { 'Access-Control-Allow-Headers': 'authorization' }).end();
}
