import { type Auth, createResourceServer, type ResourceServerOptions } from 'oauth-resource-server';
import { requireScope } from 'oauth-resource-server/fetch';
import type { HttpEvent, Result } from './http-event.js';
import { type Handler, metadata, protect } from './protect.js';

interface Handlers {
  readonly getStock: Handler;
  readonly reserveStock: Handler;
  readonly getMetadata: Handler;
}

/** The handlers of the inventory service, one for each route. */
export function createInventory(options: ResourceServerOptions): Handlers {
  const server = createResourceServer(options); // one for all of them
  return {
    getStock: protect(server, getStock, requireScope('read:inventory')),
    reserveStock: protect(server, reserveStock, requireScope('write:inventory')),
    getMetadata: metadata(server),
  };
}

function getStock({ pathParameters }: HttpEvent, { clientId }: Auth): Result {
  return json(200, { sku: pathParameters?.sku, inStock: 7, caller: clientId });
}

function reserveStock({ pathParameters }: HttpEvent, { clientId }: Auth): Result {
  return json(201, { sku: pathParameters?.sku, reserved: 1, caller: clientId });
}

function json(statusCode: number, content: object): Result {
  return { statusCode, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(content) };
}
