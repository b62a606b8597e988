import {
  allowInsecureRequests,
  type Client,
  clientCredentialsGrantRequest,
  clockSkew,
  customFetch,
} from 'oauth4webapi';
import { basicCredentials, ClientAuthenticationFailure } from '../issuer/client-authentication.js';
import { type ClientCredential, clientAuthentication } from './client-authentication.js';
import { discardBody } from './discard-body.js';
import { isTokenRequestError, TokenRequestError } from './errors.js';
import { createGrantedToken, type GrantedToken } from './granted-token.js';
import { lifetimeOf } from './lifetime.js';
import type { MetadataSource, ServerMetadata } from './server-metadata.js';
import { type Stopwatch, startStopwatch, type Time } from './stopwatch.js';
import { readTokenResponse, type TokenResponse } from './token-response.js';

/** The codes of Node and OpenSSL: `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
const ERROR_CODE = /^[A-Z][A-Z0-9_]{1,60}$/;
/** The endpoint may have moved. */
const MOVED_STATUS: ReadonlySet<number | undefined> = new Set([404, 405, 410]);

/** What is asked for, and how. */
export interface TokenRequestOptions {
  readonly issuer: string | undefined;
  readonly clientId: string;
  readonly credential: ClientCredential;
  readonly metadata: MetadataSource;
  /** `scope`, `resource`, `audience` and what else the application sends. */
  readonly parameters: URLSearchParams;
  readonly requestedScopes: readonly string[];
  readonly requireAllScopes: boolean;
  readonly defaultLifetimeSeconds: number;
  readonly fetch: typeof globalThis.fetch;
  readonly time: Time;
}

/** A token and how long it may be used, counted from when the answer came. */
export interface ReceivedToken {
  readonly token: GrantedToken;
  readonly lifetimeSeconds: number;
  readonly age: Stopwatch;
}

/** Asks once. @throws {TokenRequestError} */
export type TokenRequest = (signal: AbortSignal) => Promise<ReceivedToken>;

/** Makes requests of one kind: client-credentials grant, RFC 6749 §4.4.2. */
export function createTokenRequest(options: TokenRequestOptions): TokenRequest {
  return async (signal) => {
    const server = await options.metadata.get(signal);
    try {
      return await requestToken(server, options, signal);
    } catch (error) {
      if (mayHaveMoved(error)) options.metadata.doubt();
      throw error;
    }
  };
}

async function requestToken(
  server: ServerMetadata,
  options: TokenRequestOptions,
  signal: AbortSignal,
): Promise<ReceivedToken> {
  const { response, credentials } = await send(server, options, signal);
  const now = options.time.clock();
  const age = startStopwatch(options.time);
  const { clientId, issuer = server.tokenEndpoint } = options;
  let answer: TokenResponse;
  try {
    answer = await readTokenResponse(response, { issuer, clientId, now, credentials });
  } catch (error) {
    throw signal.aborted ? new TokenRequestError('timeout') : error;
  }
  const scope = grantedScopes(answer, options);
  const lifetimeSeconds = lifetimeOf(answer.expiresIn, options.defaultLifetimeSeconds);
  const expiresAt = Math.floor(now / 1000 + lifetimeSeconds);
  return { token: createGrantedToken(answer.accessToken, expiresAt, scope), lifetimeSeconds, age };
}

interface Exchange {
  readonly response: Response;
  /** The secret or the assertion that was sent, in every form in which an answer could repeat it. */
  readonly credentials: readonly string[];
}

async function send(
  server: ServerMetadata,
  options: TokenRequestOptions,
  signal: AbortSignal,
): Promise<Exchange> {
  const { issuer = server.tokenEndpoint, clientId, credential, parameters, fetch, time } = options;
  const client: Client = { client_id: clientId, [clockSkew]: Math.round((time.clock() - Date.now()) / 1000) };
  let credentials: readonly string[] = [];
  try {
    const response = await clientCredentialsGrantRequest(
      { issuer, token_endpoint: server.tokenEndpoint },
      client,
      clientAuthentication(credential, server),
      parameters,
      {
        headers: { 'user-agent': 'oauth-resource-server' },
        signal,
        // Which endpoints may be http was decided where the endpoint came from; oauth4webapi knows no loopback hosts.
        [allowInsecureRequests]: true,
        [customFetch]: (url, init) => {
          credentials = credentialsIn(init.body, options);
          return fetch(url, { ...init, credentials: 'omit' });
        },
      },
    );
    // A fetch that does not heed its signal: nobody waits for this answer any more.
    if (signal.aborted) await discardBody(response);
    return { response, credentials };
  } catch (error) {
    if (error instanceof ClientAuthenticationFailure)
      throw new TokenRequestError('assertion_failed', { detail: error.message });
    if (signal.aborted) throw new TokenRequestError('timeout');
    // Without the cause: the error of a fetch that the application brings may carry the request.
    throw new TokenRequestError('unreachable', { detail: codeOf(error) });
  }
}

function credentialsIn(body: unknown, { credential, clientId }: TokenRequestOptions): readonly string[] {
  if (credential.kind === 'key')
    return body instanceof URLSearchParams ? body.getAll('client_assertion') : [];
  const { clientSecret } = credential;
  return [clientSecret, encodeURIComponent(clientSecret), basicCredentials(clientId, clientSecret)];
}

/** RFC 6749 §3.3: no scope in the answer means the requested one. */
function grantedScopes(answer: TokenResponse, options: TokenRequestOptions): readonly string[] {
  const { requestedScopes, requireAllScopes } = options;
  const granted = answer.scope ?? requestedScopes;
  if (requireAllScopes && !requestedScopes.every((scope) => granted.includes(scope)))
    throw new TokenRequestError('scope_narrowed');
  return granted;
}

function mayHaveMoved(error: unknown): boolean {
  if (!isTokenRequestError(error)) return false;
  const { reason, status } = error;
  return (
    MOVED_STATUS.has(status) ||
    reason === 'redirected' ||
    reason === 'unreachable' ||
    reason === 'invalid_response'
  );
}

function codeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : undefined;
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' && ERROR_CODE.test(code) ? code : 'network error';
}
