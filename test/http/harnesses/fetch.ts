import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { fetchApplication } from './fetch-application.js';
import type { Harness } from './harness.js';

/** A Hono application on Node. */
export const fetchHarness: Harness = {
  name: 'fetch (hono)',

  async start(options, settings = {}) {
    const { tls } = settings;
    const { fetch, handled } = fetchApplication(options, settings);
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
      },
    };
  },
};
