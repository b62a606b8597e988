import type { RequestListener, ServerResponse } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import { type DocumentPath, documentPaths, type IssuerPath, issuerDocument } from './issuer-documents.js';
import { type LoopbackServer, startLoopbackServer } from './loopback-server.js';

const INTROSPECT = '/introspect';

/** How an issuer fails: not at all, with an answer 503, or by breaking the connection. */
export type Outage = 'none' | 'unavailable' | 'reset';

/** What the server asks for each request, so that rotation and outage show at once. */
export interface IssuerServerOptions {
  readonly published: () => JSONWebKeySet;
  readonly outage: () => Outage;
  readonly algorithm: string;
  /** Answers requests for `/introspect`. */
  readonly introspect: RequestListener;
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
  const paths: readonly IssuerPath[] = [...documentPaths, INTROSPECT];
  const requests = Object.fromEntries(paths.map((path) => [path, 0])) as Record<IssuerPath, number>; // a member per path
  const isIssuerPath = (path: string): path is IssuerPath => Object.hasOwn(requests, path);
  const { algorithm } = options;

  const server = await startLoopbackServer(
    (url) => (request, response) => {
      const { url: path = '', socket } = request;
      if (isIssuerPath(path)) requests[path] += 1;
      const outage = options.outage();
      if (outage === 'reset') {
        socket.resetAndDestroy();
      } else if (outage === 'unavailable') {
        send(response, 503, 'application/json', {});
      } else if (path === INTROSPECT) {
        options.introspect(request, response);
      } else if (isDocumentPath(path)) {
        const facts = { url, algorithm, published: options.published(), metadata: metadataOf(url) };
        const { mediaType, body } = issuerDocument(path, facts);
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

function isDocumentPath(path: string): path is DocumentPath {
  return documentPaths.some((known) => known === path);
}

function metadataOf(url: string): Readonly<Record<string, unknown>> {
  return { introspection_endpoint: `${url}${INTROSPECT}` };
}

function send(response: ServerResponse, status: number, mediaType: string, body: object): void {
  response.writeHead(status, { 'Content-Type': mediaType }).end(JSON.stringify(body));
}
