import Router from '@koa/router';
import Koa from 'koa';
import type { ResourceServer, ResourceServerOptions } from 'oauth-resource-server';
import { getAuth } from 'oauth-resource-server/adapter';
import { authenticate, requireScope } from './resource-server.js';

/** The inventory service on Koa: `createInventory({ issuer, audience }).listen(3000)`. */
export function createInventory(options: ResourceServerOptions | ResourceServer): Koa {
  const open = new Router();
  open.get('/health', (ctx) => {
    ctx.body = { status: 'ok' };
  });

  const stock = new Router();
  stock.get('/stock/:sku', requireScope('read:inventory'), (ctx) => {
    ctx.body = { sku: ctx.params.sku, inStock: 7, caller: getAuth(ctx.req).clientId };
  });
  stock.post('/stock/:sku/reservations', requireScope('write:inventory'), (ctx) => {
    ctx.status = 201;
    ctx.body = { sku: ctx.params.sku, reserved: 1, caller: getAuth(ctx.req).clientId };
  });

  const app = new Koa();
  app.use(open.routes());
  app.use(authenticate(options)); // everything below is protected, unknown paths too
  app.use(stock.routes());
  return app;
}
