import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import { type LoopbackServer, readBody, startLoopbackServer } from './loopback-server.js';
import type { TokenClaims } from './token-claims.js';

/** The paths of an issuer's documents. */
export type DocumentPath =
  | '/.well-known/oauth-authorization-server'
  | '/.well-known/openid-configuration'
  | '/jwks';

/** What a listening issuer serves. */
export type IssuerPath = DocumentPath | '/introspect';

export const documentPaths: readonly DocumentPath[] = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/jwks',
];

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
  readonly published: () => JSONWebKeySet;
  readonly outage: () => Outage;
  readonly algorithm: string;
  /** What introspection says about a token. */
  readonly introspect: (token: string) => TokenClaims;
}

/** A running server. */
export interface IssuerServer extends LoopbackServer {
  /** Requests so far, those refused during an outage included. */
  readonly requests: Readonly<Record<IssuerPath, number>>;
}

/**
 * Publishes metadata and keys, and answers introspection requests, on an ephemeral port of the loopback
 * interface. It doesn't keep the process alive.
 */
export async function startIssuerServer(options: IssuerServerOptions): Promise<IssuerServer> {
  const requests = {
    '/.well-known/oauth-authorization-server': 0,
    '/.well-known/openid-configuration': 0,
    '/jwks': 0,
    '/introspect': 0,
  };
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
        sendJson(response, 503, {});
      } else if (!isIssuerPath(path)) {
        const error = REFUSALS[path.split('?', 1)[0] ?? ''];
        sendJson(response, error === undefined ? 404 : 400, error === undefined ? {} : { error }, NO_STORE);
      } else if (path === '/introspect') {
        void answerIntrospection(request, response, options.introspect);
      } else {
        const metadata = { introspection_endpoint: `${url}/introspect` };
        const facts = { url, algorithm, published: options.published(), metadata };
        const { mediaType, body } = issuerDocument(path, facts);
        sendJson(response, 200, body, { 'Content-Type': mediaType });
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

/** How the API under test authenticates at the introspection endpoint of a listening issuer. */
export const introspectionClient = { clientId: 'test-api', clientSecret: 'test-secret' } as const;

/**
 * What endpoints say that metadata have to name and that this issuer has no use for: its tokens come from
 * the test itself (RFC 6749 §4.1.2.1, §5.2).
 */
const REFUSALS: Readonly<Record<string, string>> = {
  '/authorize': 'unsupported_response_type',
  '/token': 'unsupported_grant_type',
};

/** More than this isn't an introspection request. */
const MAX_FORM_BYTES = 65_536;
const NO_STORE = { 'Cache-Control': 'no-store' };

/**
 * Answers an introspection request (RFC 7662 §2): POST, a form, and {@link introspectionClient} by HTTP
 * Basic.
 */
async function answerIntrospection(
  request: IncomingMessage,
  response: ServerResponse,
  introspect: IssuerServerOptions['introspect'],
): Promise<void> {
  // RFC 6749 §2.3.1 encodes both; these two have nothing in them that would have to be encoded.
  const { clientId, clientSecret } = introspectionClient;
  const credentials = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
  if (request.method !== 'POST') {
    sendJson(response, 405, { error: 'invalid_request' }, NO_STORE);
  } else if (request.headers.authorization !== credentials) {
    const headers = { ...NO_STORE, 'WWW-Authenticate': 'Basic realm="test issuer"' };
    sendJson(response, 401, { error: 'invalid_client' }, headers);
  } else {
    // A client that breaks the connection doesn't wait for an answer.
    const body = await readBody(request, MAX_FORM_BYTES).catch(() => undefined);
    const token = new URLSearchParams(body?.toString()).get('token');
    if (token === null) sendJson(response, 400, { error: 'invalid_request' }, NO_STORE);
    else sendJson(response, 200, introspect(token), NO_STORE);
  }
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}
