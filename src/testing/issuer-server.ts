import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import process from 'node:process';
import type { JSONWebKeySet } from 'jose';
import type { AuthorizationServer } from './authorization-server/authorization-server.js';
import { createRouter, type Handler, type Route } from './authorization-server/http.js';
import { type IssuerServers, startIssuerServers } from './issuer-servers.js';
import { breakConnection, type TlsSettings } from './loopback-server.js';
import { misbehave, type NextResponse, send } from './next-response.js';
import type { KeyRing } from './signing-key.js';

/** The paths of an issuer's documents. */
export const documentPaths = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/jwks',
] as const;

export type DocumentPath = (typeof documentPaths)[number];

/** What a listening issuer serves. */
export type IssuerPath = DocumentPath | '/token' | '/introspect';

export const issuerPaths: readonly IssuerPath[] = [...documentPaths, '/token', '/introspect'];

/** What the documents of an issuer say. */
export interface IssuerFacts {
  /** The issuer identifier, which is also where the documents are. */
  readonly url: string;
  readonly algorithm: string;
  /** Public keys only. */
  readonly published: JSONWebKeySet;
  /** More members of the metadata, for an issuer that can do more than publish keys. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface IssuerDocument {
  readonly mediaType: string;
  readonly body: object;
}

/** Metadata (RFC 8414 §3, OpenID Connect Discovery §4) or keys (RFC 7517 §5), by path. */
export function issuerDocument(path: DocumentPath, facts: IssuerFacts): IssuerDocument {
  const { url, algorithm, published, metadata } = facts;
  if (path === '/jwks') return { mediaType: 'application/jwk-set+json', body: published };
  // The members that RFC 8414 §2 and OpenID Connect Discovery §3 require: MCP clients refuse a document
  // without one of them. Nobody logs in here, so there's no response type.
  const required = {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
  };
  return { mediaType: 'application/json', body: { ...required, ...metadata } };
}

/** How an issuer fails: not at all, with an answer 503, or by breaking the connection. */
export type Outage = 'none' | 'unavailable' | 'reset';

/** The server calls these for each request, so that rotation and outage show at once. */
export interface IssuerServerOptions {
  readonly outage: () => Outage;
  /** The next response that a test wants at this path, taken out of its queue. */
  readonly nextResponse: (path: IssuerPath) => NextResponse | undefined;
  readonly keys: KeyRing;
  /** What it does in addition to publishing its keys. */
  readonly createAuthorizationServer: (url: string, mtlsUrl: string | undefined) => AuthorizationServer;
  /** Undefined: clients can't present certificates. */
  readonly tls: TlsSettings | undefined;
}

/** A running server. */
export interface IssuerServer extends IssuerServers {
  /** Requests so far, those refused during an outage included. */
  readonly requests: Readonly<Record<IssuerPath, number>>;
}

/**
 * Serves an issuer on an ephemeral port of the loopback interface: metadata, keys and endpoints. It doesn't
 * keep the process alive.
 */
export async function startIssuerServer(options: IssuerServerOptions): Promise<IssuerServer> {
  // All of them are in the list.
  const requests = Object.fromEntries(issuerPaths.map((path) => [path, 0])) as Record<IssuerPath, number>;
  const { keys, tls } = options;
  const answer = (route: RequestListener, request: IncomingMessage, response: ServerResponse): void => {
    const path = issuerPaths.find((known) => known === request.url);
    if (path !== undefined) requests[path] += 1;
    const outage = options.outage();
    const next = outage === 'none' && path !== undefined ? options.nextResponse(path) : undefined;
    if (outage === 'reset') breakConnection(request.socket);
    else if (outage === 'unavailable') send(response, { status: 503, body: '{}' });
    else if (next === undefined) route(request, response);
    else misbehave(next, request, response, route);
  };

  const server = await startIssuerServers(
    (url, mtlsUrl) => {
      const { routes, metadata } = options.createAuthorizationServer(url, mtlsUrl);
      const documents = documentPaths.map((path) => {
        const GET: Handler = () => {
          const { published, current } = keys;
          const facts = { url, algorithm: current.algorithm, published, metadata };
          const { mediaType, body } = issuerDocument(path, facts);
          return { status: 200, headers: { 'Content-Type': mediaType }, body: JSON.stringify(body) };
        };
        return [path, { GET }] as const;
      });
      const served = new Map<string, Route>([...documents, ...routes]);
      const onFault = (fault: unknown) => process.emitWarning(fault instanceof Error ? fault : String(fault));
      const listenAt = (address: string): RequestListener => {
        const route = createRouter({ routes: served, url: address, onFault, onRequest: () => undefined });
        return (request, response) => answer(route, request, response);
      };
      return { main: listenAt(url), mtls: listenAt };
    },
    { background: true, tls: tls && { ...tls, mtlsPort: 0 } },
  );
  return {
    ...server,
    get requests() {
      return { ...requests };
    },
  };
}

/** How the API under test authenticates at the introspection endpoint of a listening issuer. */
export const introspectionClient = { clientId: 'test-api', clientSecret: 'test-secret' } as const;
