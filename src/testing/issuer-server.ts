import type { ServerResponse } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import { type IssuerPath, issuerDocument, issuerPaths } from './issuer-documents.js';
import { type LoopbackServer, startLoopbackServer } from './loopback-server.js';

/** How an issuer fails: not at all, with an answer 503, or by breaking the connection. */
export type Outage = 'none' | 'unavailable' | 'reset';

/** What the server asks for each request, so that rotation and outage show at once. */
export interface IssuerServerOptions {
  readonly published: () => JSONWebKeySet;
  readonly outage: () => Outage;
  readonly algorithm: string;
}

/** A running server. */
export interface IssuerServer extends LoopbackServer {
  /** Requests so far, those refused during an outage included. */
  readonly requests: Readonly<Record<IssuerPath, number>>;
}

/**
 * Publishes metadata and keys on an ephemeral port of the loopback interface. It does not keep the process alive.
 */
export async function startIssuerServer(options: IssuerServerOptions): Promise<IssuerServer> {
  const requests = Object.fromEntries(issuerPaths.map((path) => [path, 0])) as Record<IssuerPath, number>; // a member per path
  const isIssuerPath = (path: string): path is IssuerPath => Object.hasOwn(requests, path);
  const { algorithm } = options;

  const server = await startLoopbackServer(
    (url) =>
      ({ url: path = '', socket }, response) => {
        if (isIssuerPath(path)) requests[path] += 1;
        const outage = options.outage();
        if (outage === 'reset') {
          socket.resetAndDestroy();
        } else if (outage === 'unavailable') {
          send(response, 503, 'application/json', {});
        } else if (isIssuerPath(path)) {
          const published = options.published();
          const { mediaType, body } = issuerDocument(path, { url, algorithm, published });
          send(response, 200, mediaType, body);
        } else {
          send(response, 404, 'application/json', {});
        }
      },
    { background: true },
  );

  return {
    ...server,
    get requests() {
      return { ...requests };
    },
  };
}

function send(response: ServerResponse, status: number, mediaType: string, body: object): void {
  response.writeHead(status, { 'Content-Type': mediaType }).end(JSON.stringify(body));
}
