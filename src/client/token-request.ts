import { clientCredentialsGrantRequest, customFetch } from 'oauth4webapi';
import { UnavailableError } from '../errors.js';
import {
  type AuthenticatedEndpoint,
  authenticateClient,
  basicCredentials,
  ClientAuthenticationFailure,
  type ClientCredential,
  clientRequest,
  formEncode,
  refusalHint,
} from '../issuer/client-authentication.js';
import { CredentialSource, CredentialUnavailable } from '../issuer/credential-source.js';
import { createIssuerMetadata, type IssuerMetadata } from '../issuer/metadata.js';
import { describeError } from '../lib/errors.js';
import { discard, FetchFailure, sendRequest } from '../lib/fetch.js';
import { DpopNonces, type DpopProver } from './dpop.js';
import { isTokenRequestError, TokenRequestError, type TokenRequestReason } from './errors.js';
import { createGrantedToken, type GrantedToken } from './granted-token.js';
import { tokenLifetime } from './lifetime.js';
import type { ClientSettings } from './options.js';
import { type Stopwatch, startStopwatch, type Time } from './stopwatch.js';
import { readTokenResponse, type TokenResponse } from './token-response.js';

/** How long metadata is used before it's fetched anew, and how much longer if that fails. */
const METADATA_POLICY = { maxAgeSeconds: 3600, staleIfErrorSeconds: 86_400 };
/** The endpoint may have moved. */
const MOVED_STATUS: ReadonlySet<number | undefined> = new Set([404, 405, 410]);

/** A token and how long it may be used, counted from when the answer came. */
export interface ReceivedToken {
  readonly token: GrantedToken;
  readonly lifetimeSeconds: number;
  readonly age: Stopwatch;
}

/** Asks once. @throws {TokenRequestError} */
export type TokenRequest = (signal: AbortSignal) => Promise<ReceivedToken>;

/** Makes requests of one kind: client-credentials grant, RFC 6749 §4.4.2. */
export function createTokenRequest(
  settings: ClientSettings,
  time: Time,
  prover: DpopProver | undefined,
): TokenRequest {
  const { server, metadataUrl, runtime, timeoutSeconds } = settings;
  const { issuer = '', tokenEndpoint } = server;
  const source = { issuer, metadataUrl, wanted: ['token_endpoint'] as const };
  const metadata = createIssuerMetadata(source, { ...METADATA_POLICY, timeoutSeconds }, runtime);
  // Asked for each token: that isn't often, and then a rotated credential is used from the next one on.
  const credentials = new CredentialSource(settings.credential, {
    ...runtime,
    rememberSeconds: 0,
    timeoutSeconds,
  });
  const nonces = new DpopNonces();
  const prove = async (url: URL): Promise<string | undefined> =>
    prover?.prove({ method: 'POST', url, nonce: nonces.get(url) });
  return async (signal) => {
    const endpoint =
      tokenEndpoint === undefined ? await locate(metadata, signal) : { url: tokenEndpoint, supported: [] };
    const request = async (credential: ClientCredential): Promise<ReceivedToken> => {
      const current = { ...settings, credential, prove, nonces };
      try {
        return await requestToken(endpoint, current, time, signal);
      } catch (error) {
        // RFC 9449 §8: once more, with the nonce that came with the answer.
        if (prover === undefined || !wantsNonce(error)) throw error;
        return requestToken(endpoint, current, time, signal);
      }
    };
    try {
      return await credentials.use(request, isRefusal, signal);
    } catch (error) {
      if (error instanceof CredentialUnavailable)
        throw new TokenRequestError('credential_unavailable', { detail: error.message });
      if (mayHaveMoved(error)) metadata.doubt();
      throw error;
    }
  };
}

function wantsNonce(error: unknown): boolean {
  return isTokenRequestError(error) && error.error === 'use_dpop_nonce';
}

/** Whether the server doesn't accept the client's credential; some send other codes with the status. */
function isRefusal(error: unknown): boolean {
  if (!isTokenRequestError(error) || error.reason !== 'refused') return false;
  return error.error === 'invalid_client' || error.status === 401;
}

async function locate(metadata: IssuerMetadata, signal: AbortSignal): Promise<AuthenticatedEndpoint> {
  try {
    const document = await metadata.get(signal);
    const supported = document.list('token_endpoint_auth_methods_supported');
    return { url: document.endpoint('token_endpoint'), supported };
  } catch (error) {
    if (signal.aborted) throw new TokenRequestError('timeout');
    if (!(error instanceof UnavailableError)) throw error;
    const { cause, hint } = error;
    const detail = describeError(cause);
    // The reasons are named the same.
    const reason = error.reason as TokenRequestReason;
    const isTransient = !(cause instanceof FetchFailure) || cause.isTransient;
    const transient = reason === 'metadata_unavailable' && isTransient;
    throw new TokenRequestError(reason, { detail, hint, transient });
  }
}

/** The settings of a client, with the credential that it uses now. */
interface CurrentSettings extends ClientSettings {
  readonly credential: ClientCredential;
  /** Undefined for bearer tokens. */
  readonly prove: (url: URL) => Promise<string | undefined>;
  readonly nonces: DpopNonces;
}

async function requestToken(
  endpoint: AuthenticatedEndpoint,
  settings: CurrentSettings,
  time: Time,
  signal: AbortSignal,
): Promise<ReceivedToken> {
  const { response, credentials } = await send(endpoint, settings, signal);
  const now = time.clock();
  const age = startStopwatch(time);
  const tokenType = settings.dpop === undefined ? 'Bearer' : 'DPoP';
  let answer: TokenResponse;
  try {
    const hint = refusalHint(settings.clientId, settings.credential, endpoint);
    answer = await readTokenResponse(response, { now, credentials, hint, tokenType, signal });
  } catch (error) {
    throw signal.aborted ? new TokenRequestError('timeout') : error;
  }
  const { requestedScopes, requireAllScopes, defaultLifetimeSeconds } = settings;
  // RFC 6749 §3.3: no scope in the answer means the requested one.
  const scope = answer.scope ?? requestedScopes;
  if (requireAllScopes && !requestedScopes.every((one) => scope.includes(one)))
    throw new TokenRequestError('scope_narrowed');
  const lifetimeSeconds = tokenLifetime(answer.expiresIn, defaultLifetimeSeconds);
  const expiresAt = Math.floor(now / 1000 + lifetimeSeconds);
  return { token: createGrantedToken(answer.accessToken, expiresAt, scope, tokenType), lifetimeSeconds, age };
}

interface Exchange {
  readonly response: Response;
  /** The secret or the assertion that was sent, in every form in which an answer could repeat it. */
  readonly credentials: readonly string[];
}

async function send(
  endpoint: AuthenticatedEndpoint,
  settings: CurrentSettings,
  signal: AbortSignal,
): Promise<Exchange> {
  const { server, clientId, credential, parameters, runtime, prove, nonces } = settings;
  const url = new URL(endpoint.url);
  const { client, options } = clientRequest(clientId, runtime, signal);
  const authorizationServer = { issuer: server.issuer ?? endpoint.url, token_endpoint: endpoint.url };
  const authentication = authenticateClient(credential, endpoint);
  let credentials: readonly string[] = [];
  const request = () =>
    clientCredentialsGrantRequest(authorizationServer, client, authentication, parameters, {
      ...options,
      [customFetch]: async (address, init) => {
        credentials = sentCredentials(init.body, settings);
        const proof = await prove(url);
        const headers = proof === undefined ? init.headers : { ...init.headers, dpop: proof };
        return runtime.fetch(address, { ...init, headers, credentials: 'omit' });
      },
    });
  try {
    // Whether another attempt makes sense is for the caller to say, who knows the time limit.
    const response = await sendRequest(request, signal, { repeat: false, secret: true });
    // A fetch that ignores its signal: nobody waits for this answer any more.
    if (signal.aborted) await discard(response);
    nonces.keep(url, response.headers.get('dpop-nonce'));
    return { response, credentials };
  } catch (error) {
    if (error instanceof ClientAuthenticationFailure)
      throw new TokenRequestError('assertion_failed', { detail: error.message });
    if (signal.aborted) throw new TokenRequestError('timeout');
    throw new TokenRequestError('unreachable', { detail: describeError(error) });
  }
}

function sentCredentials(body: unknown, { credential, clientId }: CurrentSettings): readonly string[] {
  if (credential.kind !== 'secret')
    return body instanceof URLSearchParams ? body.getAll('client_assertion') : [];
  const { clientSecret } = credential;
  const base64 = Buffer.from(clientSecret).toString('base64').replace(/=+$/, '');
  return [
    clientSecret,
    encodeURIComponent(clientSecret),
    formEncode(clientSecret),
    JSON.stringify(clientSecret).slice(1, -1),
    base64,
    basicCredentials(clientId, clientSecret).replace(/=+$/, ''),
  ];
}

function mayHaveMoved(error: unknown): boolean {
  if (!isTokenRequestError(error)) return false;
  const { reason, status } = error;
  return MOVED_STATUS.has(status) || ['redirected', 'unreachable', 'invalid_response'].includes(reason);
}
