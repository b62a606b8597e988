import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens on loopback, by default on a free port, and returns the origin: `"http://127.0.0.1:41234"`. */
export async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo; // what a TCP server that listens has
  return `http://127.0.0.1:${address.port}`;
}

/** Closes the server at once, with the connections that clients keep open; does nothing when it is closed. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
