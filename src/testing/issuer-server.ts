import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JSONWebKeySet } from 'jose';

/** What a listening issuer serves. */
export type IssuerPath =
  | '/.well-known/oauth-authorization-server'
  | '/.well-known/openid-configuration'
  | '/jwks';

/** How an issuer fails: not at all, with an answer 503, or by breaking the connection. */
export type Outage = 'none' | 'unavailable' | 'reset';

/** What the server asks for each request, so that rotation and outage show at once. */
export interface IssuerServerOptions {
  readonly published: () => JSONWebKeySet;
  readonly outage: () => Outage;
  readonly algorithm: string;
}

/** A running server. */
export interface IssuerServer {
  /** Without a trailing slash: `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Requests so far, those refused during an outage included. */
  readonly requests: Readonly<Record<IssuerPath, number>>;
  close(): Promise<void>;
}

/**
 * Publishes metadata (RFC 8414 §3, OpenID Connect Discovery §4) and keys on an ephemeral port of the loopback
 * interface.
 */
export async function startIssuerServer(options: IssuerServerOptions): Promise<IssuerServer> {
  const requests: Record<IssuerPath, number> = {
    '/.well-known/oauth-authorization-server': 0,
    '/.well-known/openid-configuration': 0,
    '/jwks': 0,
  };
  const isIssuerPath = (path: string): path is IssuerPath => Object.hasOwn(requests, path);
  const server = createServer(({ url: path = '', socket }, response) => {
    if (isIssuerPath(path)) requests[path] += 1;
    const outage = options.outage();
    if (outage === 'reset') socket.resetAndDestroy();
    else if (outage === 'unavailable') send(response, 503, 'application/json', {});
    else if (!isIssuerPath(path)) send(response, 404, 'application/json', {});
    else if (path === '/jwks') send(response, 200, 'application/jwk-set+json', options.published());
    else send(response, 200, 'application/json', describeIssuer(url, options.algorithm));
  });
  const url = await listenOnLoopback(server);

  return {
    url,
    get requests() {
      return { ...requests };
    },
    close: () => close(server),
  };
}

/** The members that RFC 8414 §2 and OpenID Connect Discovery §3 require and a resource server may read. */
function describeIssuer(issuer: string, algorithm: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
  };
}

function send(response: ServerResponse, status: number, mediaType: string, body: object): void {
  response.writeHead(status, { 'Content-Type': mediaType }).end(JSON.stringify(body));
}

/**
 * Neither the server nor its connections keep the process alive, since a test that fails may never close it.
 */
function listenOnLoopback(server: Server): Promise<string> {
  server.on('connection', (socket) => socket.unref());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.off('error', reject);
      server.unref();
      const { port } = server.address() as AddressInfo; // a TCP server that listens has one
      resolve(`http://127.0.0.1:${port}`);
    });
  });
}

/** Ends every connection, idle or not; does nothing when closed already. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve()); // the only error is that it does not run any more
    server.closeAllConnections();
  });
}
