import { createServer, type RequestListener } from 'node:http';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import type { Inventory } from './inventory-rows.js';
import { read } from './refusals.js';

/** Serves an example on loopback. */
export async function serveInventory(listener: RequestListener): Promise<Inventory> {
  const server = createServer(listener);
  const url = await listen(server);
  return {
    url,
    send: async (path, { body, ...sent } = {}) =>
      read(await fetch(`${url}${path}`, { ...sent, ...(body !== undefined && { body }) })),
    close: () => closeServer(server),
  };
}
