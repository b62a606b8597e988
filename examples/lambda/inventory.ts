import { createResourceServer, type ResourceServerOptions } from 'oauth-resource-server';
import { requireScope } from 'oauth-resource-server/fetch';
import { type Handler, metadata, protect } from './protect.js';

/** The handlers of the inventory service, one per route. */
export function createInventory(options: ResourceServerOptions): Readonly<Record<string, Handler>> {
  const server = createResourceServer(options); // one for all handlers, and for all calls
  return {
    'GET /health': async () => ({ statusCode: 200, body: '{"status":"ok"}' }),

    'GET /stock/{sku}': protect(
      server,
      ({ pathParameters }, { clientId }) => ({
        statusCode: 200,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ sku: pathParameters?.sku, inStock: 7, caller: clientId }),
      }),
      requireScope('read:inventory'),
    ),

    'POST /stock/{sku}/reservations': protect(
      server,
      ({ pathParameters }, { clientId }) => ({
        statusCode: 201,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ sku: pathParameters?.sku, reserved: 1, caller: clientId }),
      }),
      requireScope('write:inventory'),
    ),

    'GET /.well-known/oauth-protected-resource': metadata(server),
  };
}
