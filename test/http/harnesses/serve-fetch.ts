import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import type { FetchApplication } from './fetch-application.js';
import type { Running, TlsOptions } from './harness.js';

/** As Node has them. The listener puts others in their places, which servers of other files don't know. */
const own = { Request: globalThis.Request, Response: globalThis.Response };
let running = 0;

/** Serves an application of the Fetch standard with Node. */
export async function serve(
  { fetch, handled }: FetchApplication,
  tls: TlsOptions | undefined,
): Promise<Running> {
  running += 1;
  const listener = getRequestListener((request, { incoming: { socket } }) => {
    const clientCertificate = socket instanceof TLSSocket ? socket.getPeerCertificate()?.raw : undefined;
    return fetch(request, { remoteAddress: socket.remoteAddress, clientCertificate });
  });
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    handled,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      running -= 1;
      if (running === 0) Object.assign(globalThis, own);
    },
  };
}
