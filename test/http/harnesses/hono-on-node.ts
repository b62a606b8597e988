import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { FetchConnection } from '../../../src/index.js';
import type { TlsOptions } from './harness.js';

/** What Hono's context has on Node. */
export type OnNode = { Bindings: HttpBindings };

/** Serves an application of Hono with Node. @param trustProxy as a platform would that is told to believe its proxy */
export async function serve(
  app: Pick<Hono<OnNode>, 'fetch'>,
  tls: TlsOptions | undefined,
  trustProxy: boolean,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const listener = getRequestListener((request, env) => {
    const url = new URL(request.url);
    const forwarded = trustProxy ? env.incoming.headers : {};
    url.protocol = String(forwarded['x-forwarded-proto'] ?? url.protocol);
    url.host = String(forwarded['x-forwarded-host'] ?? url.host);
    return app.fetch(url.href === request.url ? request : new Request(url, request), env);
  });
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** For the option `connection`. */
export function connection(_request: Request, { env }: Context<OnNode>): FetchConnection {
  const { socket } = env.incoming;
  return {
    remoteAddress: socket.remoteAddress,
    clientCertificate: socket instanceof TLSSocket ? socket.getPeerCertificate()?.raw : undefined,
  };
}
