import { customFetch, genericTokenEndpointRequest } from 'oauth4webapi';
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
import { ClientIdentity } from '../issuer/client-identity.js';
import { type CredentialSource, CredentialUnavailable } from '../issuer/credential-source.js';
import { createIssuerMetadata, type IssuerMetadata } from '../issuer/metadata.js';
import { describeError } from '../lib/errors.js';
import { discard, FetchFailure, sendRequest } from '../lib/fetch.js';
import { DpopNonces, type DpopProver, readNonce } from './dpop.js';
import { isTokenRequestError, TokenRequestError, type TokenRequestReason } from './errors.js';
import { type GrantedToken, HeldToken } from './granted-token.js';
import { tokenLifetime } from './lifetime.js';
import type { ClientSettings } from './options.js';
import { type Stopwatch, startStopwatch } from './stopwatch.js';
import { type FaultFinder, isTelling, readTokenResponse, type TokenResponse } from './token-response.js';

/** How long metadata is used before it's fetched again, and how much longer if that fails. */
const METADATA_POLICY = { maxAgeSeconds: 3600, staleIfErrorSeconds: 86_400 };
/** Parameters that only the endpoint may see (RFC 7521 §4, RFC 8693 §2.1). */
const SECRET_PARAMETERS = ['client_assertion', 'assertion', 'subject_token', 'actor_token'] as const;
/**
 * So close to the end of what the client shows, another token isn't worth a request. Servers that end theirs
 * with it have clocks of their own, and round.
 */
const LAST_SECONDS = 10;
/** The endpoint may have moved. */
const MOVED_STATUS: ReadonlySet<number | undefined> = new Set([404, 405, 410]);

type Fetch = typeof globalThis.fetch;

/** A token and how long it may be used, counted from the answer. */
export interface ReceivedToken {
  readonly token: GrantedToken;
  readonly lifetimeSeconds: number;
  readonly age: Stopwatch;
  /** Whether a new one couldn't last longer, because it ends with what the client shows for it. */
  readonly isLast: boolean;
}

/** Asks once, after it has called `onStart`. @throws {TokenRequestError} */
export type TokenRequest = (signal: AbortSignal, onStart: () => void) => Promise<ReceivedToken>;

/** What a client shows to get an access token (RFC 6749 §1.3). */
export interface Grant {
  /** `grant_type`. */
  readonly type: string;
  readonly scope: readonly string[];
  /**
   * When what the client shows expires, in seconds since the epoch: no token is used for longer. Undefined if
   * unknown.
   */
  readonly expiresAt?: number | undefined;
  /**
   * The request's other parameters. Called for each request. Default: those in the options.
   *
   * @throws {TokenRequestError} they aren't available
   */
  readonly parameters?: (signal: AbortSignal) => Promise<URLSearchParams>;
  /**
   * The source of the parameter `assertion` (RFC 7521 §4.1), if there's one. Asked for each request, like a
   * credential.
   */
  readonly assertion?: CredentialSource;
  /** Whose fault a refusal is. Default: this client's. */
  readonly findFault?: FaultFinder;
}

/** The token endpoint of one authorization server, as one client uses it (RFC 6749 §3.2). */
export class TokenEndpoint {
  readonly #settings: ClientSettings;
  readonly #prover: DpopProver | undefined;
  readonly #metadata: IssuerMetadata;
  readonly #identity: ClientIdentity;
  /** The connection that each token came over: the token may be bound to its certificate. */
  readonly #connections = new WeakMap<GrantedToken, Fetch>();
  readonly #nonces: DpopNonces = new DpopNonces();

  constructor(settings: ClientSettings, prover: DpopProver | undefined) {
    const { issuer = '', metadataUrl, runtime, timeoutSeconds } = settings;
    this.#settings = settings;
    this.#prover = prover;
    const source = { issuer, metadataUrl, wanted: ['token_endpoint'] as const };
    // Asked for each token: that isn't often, and then a rotated credential is used from the next one on.
    this.#identity = new ClientIdentity(settings, { ...runtime, timeoutSeconds }, runtime.fetch);
    const fetch: Fetch = async (url, init) => (await this.#identity.connect())(url, init);
    const policy = { ...METADATA_POLICY, timeoutSeconds };
    this.#metadata = createIssuerMetadata(source, policy, { ...runtime, fetch });
  }

  /** @throws {TokenRequestError} */
  async request(grant: Grant, signal: AbortSignal): Promise<ReceivedToken> {
    try {
      await this.#identity.connect(signal); // metadata may need its certificate too
      const endpoint = await this.#locate(signal);
      const use = (assertion?: ClientCredential) =>
        this.#identity.use(
          (credential, fetch) => this.#attempt(grant, { endpoint, credential, assertion, fetch }, signal),
          isRefusal,
          signal,
        );
      const isRefused = (error: unknown) => hasCode(error, 'invalid_grant');
      return await (grant.assertion?.use(use, isRefused, signal) ?? use());
    } catch (error) {
      if (error instanceof CredentialUnavailable) throw failedCredential('credential_unavailable', error);
      if (mayHaveMoved(error)) this.#metadata.doubt();
      throw error;
    }
  }

  /** What a request with a token is made with. */
  fetchWith(token: GrantedToken | undefined): Fetch {
    return (token && this.#connections.get(token)) ?? this.#settings.runtime.fetch;
  }

  /** Whether the certificate that a token may be bound to has been replaced. */
  isOutdated(token: GrantedToken): boolean {
    return this.#identity.hasReplaced(this.fetchWith(token));
  }

  async #locate(signal: AbortSignal): Promise<AuthenticatedEndpoint> {
    const { tokenEndpoint } = this.#settings;
    try {
      return await this.#identity.locate(tokenEndpoint, 'token_endpoint', this.#metadata, signal);
    } catch (error) {
      if (signal.aborted) throw new TokenRequestError('timeout');
      if (!(error instanceof UnavailableError)) throw error;
      const { cause, hint = this.#identity.explain(cause) } = error;
      const detail = describeError(cause);
      // The reasons are named the same.
      const reason = error.reason as TokenRequestReason;
      const isTransient = !(cause instanceof FetchFailure) || cause.isTransient;
      const transient = reason === 'metadata_unavailable' && isTransient;
      throw new TokenRequestError(reason, { detail, hint, transient });
    }
  }

  /** @param nonce what the server wants to find in the proof. Default: its last one */
  async #attempt(grant: Grant, means: Means, signal: AbortSignal, nonce?: string): Promise<ReceivedToken> {
    const { clientId, dpop, requireAllScopes, defaultLifetimeSeconds } = this.#settings;
    const url = new URL(means.endpoint.url);
    const { response, secrets } = await this.#send(grant, means, signal, nonce ?? this.#nonces.get(url));
    const now = this.#settings.runtime.clock();
    const age = startStopwatch(this.#settings.runtime);
    const tokenType = dpop === undefined ? 'Bearer' : 'DPoP';
    const freshNonce = readNonce(response.headers.get('dpop-nonce'));
    let answer: TokenResponse;
    try {
      const hint = refusalHint(clientId, means.credential, means.endpoint);
      const { findFault } = grant;
      answer = await readTokenResponse(response, { now, secrets, hint, findFault, tokenType, signal });
    } catch (error) {
      if (signal.aborted) throw new TokenRequestError('timeout');
      const isFirst = this.#prover !== undefined && nonce === undefined;
      // RFC 9449 §8: once more, with the nonce of this answer. No other request gets it meanwhile, because it
      // may be good for one only.
      if (isFirst && freshNonce !== undefined && hasCode(error, 'use_dpop_nonce'))
        return this.#attempt(grant, means, signal, freshNonce);
      this.#nonces.keep(url, freshNonce ?? nonce);
      throw error;
    }
    this.#nonces.keep(url, freshNonce ?? nonce);
    // RFC 6749 §3.3: no scope in the answer means the requested one.
    const scope = answer.scope ?? grant.scope;
    if (requireAllScopes && !grant.scope.every((one) => scope.includes(one)))
      throw new TokenRequestError('scope_narrowed');
    const ownLifetime = tokenLifetime(answer.expiresIn, defaultLifetimeSeconds);
    const grantLifetime = (grant.expiresAt ?? Number.POSITIVE_INFINITY) - now / 1000;
    const lifetimeSeconds = Math.min(ownLifetime, grantLifetime);
    const expiresAt = Math.floor(now / 1000 + lifetimeSeconds);
    const token = new HeldToken(answer.accessToken, expiresAt, scope, tokenType);
    this.#connections.set(token, means.fetch);
    return { token, lifetimeSeconds, age, isLast: ownLifetime > grantLifetime - LAST_SECONDS };
  }

  async #send(
    grant: Grant,
    { endpoint, credential, assertion, fetch }: Means,
    signal: AbortSignal,
    nonce: string | undefined,
  ): Promise<Exchange> {
    const { issuer = endpoint.url, clientId, runtime, parameters: given } = this.#settings;
    const url = new URL(endpoint.url);
    const { client, options } = clientRequest(clientId, runtime, signal);
    const authorizationServer = { issuer, token_endpoint: endpoint.url };
    const authentication = authenticateClient(credential, endpoint, signal);
    const parameters = new URLSearchParams((await grant.parameters?.(signal)) ?? given);
    if (assertion?.kind === 'assertion') parameters.set('assertion', assertion.assertion);
    if (grant.scope.length > 0) parameters.set('scope', grant.scope.join(' '));
    let secrets: readonly string[] = [];
    const request = () =>
      genericTokenEndpointRequest(authorizationServer, client, authentication, grant.type, parameters, {
        ...options,
        [customFetch]: async (address, init) => {
          secrets = sentSecrets(init.body, credential, clientId);
          const proof = await this.#prover?.prove({ method: 'POST', url, nonce });
          const headers = proof === undefined ? init.headers : { ...init.headers, dpop: proof };
          return fetch(address, { ...init, headers, credentials: 'omit' });
        },
      });
    try {
      // The caller knows the time limit, and decides whether another attempt makes sense.
      const response = await sendRequest(request, signal, { repeat: false, secret: true });
      // A fetch that ignores its signal: no caller waits for this answer any more.
      if (signal.aborted) discard(response);
      return { response, secrets };
    } catch (error) {
      if (error instanceof ClientAuthenticationFailure) throw failedCredential('assertion_failed', error);
      if (signal.aborted) throw new TokenRequestError('timeout');
      const detail = describeError(error);
      if (error instanceof FetchFailure && error.kind === 'invalid')
        throw new TokenRequestError('invalid_response', { detail });
      throw new TokenRequestError('unreachable', { detail, hint: this.#identity.explain(error) });
    }
  }
}

/** What a token request is made with. */
interface Means {
  readonly endpoint: AuthenticatedEndpoint;
  readonly credential: ClientCredential;
  readonly assertion: ClientCredential | undefined;
  readonly fetch: Fetch;
}

interface Exchange {
  readonly response: Response;
  /** The secrets, assertions and tokens sent, in every form in which an answer could repeat them. */
  readonly secrets: readonly string[];
}

function failedCredential(
  reason: TokenRequestReason,
  { message, isTransient }: ClientAuthenticationFailure,
): TokenRequestError {
  return new TokenRequestError(reason, { detail: message, transient: isTransient });
}

/** Whether the server doesn't accept the client's credential; some send other codes with the status. */
function isRefusal(error: unknown): boolean {
  if (!isTokenRequestError(error) || error.transient) return false;
  return error.error === 'invalid_client' || error.status === 401;
}

function hasCode(error: unknown, code: string): boolean {
  return isTokenRequestError(error) && error.error === code;
}

function sentSecrets(body: unknown, credential: ClientCredential, clientId: string): readonly string[] {
  const whole = body instanceof URLSearchParams ? SECRET_PARAMETERS.flatMap((name) => body.getAll(name)) : [];
  // For a JWT, its claims and signature too.
  const sent = whole.flatMap((value) => [value, ...value.split('.').filter(isTelling)]);
  if (credential.kind !== 'secret') return sent;
  const { clientSecret } = credential;
  const base64 = Buffer.from(clientSecret).toString('base64').replace(/=+$/, '');
  return [
    ...sent,
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
