import { hash } from 'node:crypto';
import { type Auth, isAuth } from '../auth.js';
import { CircuitBreaker } from '../issuer/circuit-breaker.js';
import { RequestHeldBack, RequestSlots } from '../issuer/request-slots.js';
import {
  type Checked,
  type Checks,
  checkObject,
  numberBetween,
  oneOf,
  optional,
  optionError,
  text,
  typeName,
  wholeNumberBetween,
} from '../lib/check.js';
import { unlessAborted } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';
import { LruCache } from '../lib/lru-cache.js';
import { type ApiClient, connectApiClients, shownAs } from './api-client.js';
import { isTokenRequestError, restate, TokenRequestError, type TokenRequestReason } from './errors.js';
import {
  type ClientOptions,
  type ClientSettings,
  checkClientOptions,
  checkResource,
  checkScope,
  defaultOrigins,
} from './options.js';
import type { TokenCache } from './token-cache.js';
import type { ReceivedToken } from './token-endpoint.js';

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const PREFIX = 'urn:ietf:params:oauth:token-type:';
/** Those of RFC 8693 §3. */
const TOKEN_TYPES = ['access_token', 'id_token', 'jwt', 'refresh_token', 'saml1', 'saml2'] as const;

/**
 * The type of a token (RFC 8693 §3): a registered one by its last word, `'jwt'`, or any as an absolute URI,
 * `'urn:ietf:params:oauth:token-type:jwt'`.
 */
export type TokenType = (typeof TOKEN_TYPES)[number] | `${string}:${string}`;

/** Options of {@link createTokenExchange}. */
export interface TokenExchangeOptions extends ClientOptions {
  /** What the callers' tokens are. Default `'access_token'`. Some servers want `'jwt'`. */
  readonly subjectTokenType?: TokenType;
  /** What to ask for, of what can be sent to an API. Default: the server decides, for an access token. */
  readonly requestedTokenType?: 'access_token' | 'jwt';
  /**
   * Gets the token of who acts for the caller, for servers that don't take this client for it: a function, or
   * a client such as {@link createClientCredentials} returns. Called for each request.
   */
  readonly actorToken?: (() => string | Promise<string>) | Pick<ApiClient, 'getToken'>;
  /** What it is. Default `'access_token'`. */
  readonly actorTokenType?: TokenType;
  /**
   * Of how many callers tokens are kept, 1 to 100000. Who called least lately makes room. Default 1000, which
   * is about 3 MB with tokens of 1 KB.
   */
  readonly maxTokens?: number;
}

/** A token of a caller that this package hasn't verified. Whether it's valid is for you to know. */
export interface SubjectToken {
  readonly token: string;
  /** Default: the option `subjectTokenType`. */
  readonly tokenType?: TokenType;
  /** In seconds since the epoch. Undefined if you don't know: the issued tokens live as long as they live. */
  readonly expiresAt?: number;
}

/** What one token is for. What's left out is as the options say. */
export interface ExchangeTarget {
  readonly scope?: string | readonly string[];
  /** Without the option `origins`, the token goes to the origin of this URL. */
  readonly resource?: string;
  readonly audience?: string;
}

/** Calls APIs on behalf of the callers of this one. The long-lived object, one per API. */
export interface TokenExchange {
  /**
   * The client for one caller: make one per request, it costs next to nothing. Its tokens are kept here, by
   * a digest of all that they depend on, and are never used for longer than the caller's own.
   *
   * Its `close()` ends this one object; the caller's next request needs no other token.
   *
   * @param subject what a gate found out about who calls, or another token
   * @throws {TypeError} it's neither: undefined, say, or a copy of an `Auth`
   */
  for(subject: Auth | SubjectToken, target?: ExchangeTarget): ApiClient;
  /** Where `fetch` sends tokens. */
  readonly origins: readonly string[];
  /** Forgets all tokens and refuses who waits for one, now and later, with the reason `closed`. */
  close(): void;
}

function tokenType(given: unknown, path: string): string {
  if (TOKEN_TYPES.some((word) => word === given)) return `${PREFIX}${given}`;
  if (typeof given === 'string' && /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(given)) return given;
  throw optionError(path, `${TOKEN_TYPES.join(', ')} or an absolute URI`, given);
}

/** @returns a function that gets it */
function checkActor(given: unknown, path: string): () => unknown {
  if (typeof given === 'function') return () => given();
  const client = given as Pick<ApiClient, 'getToken'> | null | undefined; // looked at in the next line
  if (typeof client?.getToken !== 'function') throw optionError(path, 'a function or a client', given);
  return async () => (await client.getToken()).accessToken;
}

const OWN = {
  subjectTokenType: optional(tokenType, `${PREFIX}access_token`),
  requestedTokenType: optional(oneOf(['access_token', 'jwt'])),
  actorToken: optional(checkActor),
  actorTokenType: optional(tokenType, `${PREFIX}access_token`),
  maxTokens: optional(wholeNumberBetween(1, 100_000), 1000),
} satisfies Checks<Omit<TokenExchangeOptions, keyof ClientOptions>>;

const SUBJECT = {
  token: text,
  tokenType: optional(tokenType),
  expiresAt: optional(numberBetween(0, 99_999_999_999)), // milliseconds are a mistake
} satisfies Checks<SubjectToken>;

const TARGET = {
  scope: optional(checkScope),
  resource: optional(checkResource),
  audience: optional(text),
} satisfies Checks<ExchangeTarget>;

/**
 * Creates what a service in the middle calls other APIs with: it exchanges the token of its own caller for
 * one that is for the next API (RFC 8693), and the caller's token never goes there. Nothing is requested
 * before the first use.
 *
 * @throws {TypeError} an option is missing, unknown or wrong
 * @example
 * ```ts
 * import { createTokenExchange } from 'oauth-resource-server/client';
 * import { getAuth } from 'oauth-resource-server/express';
 *
 * const warehouse = createTokenExchange({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'inventory-service',
 *   clientSecret,
 *   scope: 'read:warehouse',
 *   resource: 'https://warehouse.example.com',
 * });
 * app.get('/stock/:sku', async (req, res) => {
 *   const response = await warehouse.for(getAuth(req)).fetch('https://warehouse.example.com/bins/7');
 *   res.json(await response.json());
 * });
 * ```
 */
export function createTokenExchange(options: TokenExchangeOptions): TokenExchange {
  const settings = checkClientOptions(options, OWN);
  const { runtime, server, clientId, requestedScopes, own } = settings;
  const createApiClient = connectApiClients(settings, 'TokenExchange');
  const guard = createGuard(settings);
  let caches = new LruCache<string, TokenCache>({ max: own.maxTokens });
  let isClosed = false;

  const open = (given: Auth | SubjectToken, target: ExchangeTarget | undefined): ApiClient => {
    const { token, tokenType: type = own.subjectTokenType, expiresAt } = checkSubject(given);
    const { scope = requestedScopes, resource, audience } = checkObject(target ?? {}, 'target', TARGET);
    const known = new URLSearchParams(settings.parameters);
    known.set('subject_token_type', type);
    if (own.requestedTokenType !== undefined)
      known.set('requested_token_type', `${PREFIX}${own.requestedTokenType}`);
    if (resource !== undefined) known.set('resource', resource);
    if (audience !== undefined) known.set('audience', audience);
    const key = hash('sha256', JSON.stringify([token, [...scope].sort(), `${known}`]), 'base64url');
    // What a token is for says where it goes, unless the options do.
    const goesElsewhere = resource !== undefined && options.origins === undefined;
    const origins = goesElsewhere
      ? defaultOrigins(resource, runtime.allowInsecureRequests)
      : settings.origins;
    const checkExpiry = (): void => {
      if (expiresAt !== undefined && !(runtime.clock() < expiresAt * 1000))
        throw new TokenRequestError('subject_expired');
    };
    let isOver = false;
    const checkOpen = (): void => {
      if (isClosed || isOver) throw new TokenRequestError('closed');
    };
    const parameters = async (signal: AbortSignal): Promise<URLSearchParams> => {
      const all = new URLSearchParams(known);
      all.set('subject_token', token);
      if (own.actorToken === undefined) return all;
      all.set('actor_token', await getActorToken(own.actorToken, signal));
      all.set('actor_token_type', own.actorTokenType);
      return all;
    };
    return createApiClient(
      { type: GRANT_TYPE, scope, expiresAt, parameters },
      {
        origins,
        keep: (request, create) => ({
          get: async (signal) => {
            checkOpen();
            checkExpiry();
            const cache = caches.get(key) ?? create();
            if (!caches.has(key)) caches.set(key, cache);
            const granted = await cache.get(async (limit, onStart) => {
              const received = await guard(limit, () => request(limit, onStart)).catch((error: unknown) => {
                checkExpiry();
                throw findFault(error);
              });
              checkExpiry();
              return received;
            }, signal);
            checkOpen();
            return granted;
          },
          drop: (accessToken) => caches.get(key)?.drop(accessToken) ?? true,
          accept: (accepted) => caches.get(key)?.accept(accepted),
          close: () => {
            isOver = true;
          },
        }),
      },
    );
  };

  const shown = { ...server, clientId, scope: requestedScopes, origins: settings.origins };
  return shownAs<TokenExchange>('TokenExchange', shown, {
    for: open,
    origins: settings.origins,
    close: () => {
      isClosed = true;
      for (const cache of caches.values()) cache.close();
      caches = new LruCache({ max: 1 });
    },
  });
}

/** @throws {TypeError} neither a verified `Auth` nor a {@link SubjectToken} */
function checkSubject(given: Auth | SubjectToken): Checked<typeof SUBJECT> {
  if (isAuth(given)) return { token: given.token, tokenType: undefined, expiresAt: given.expiresAt };
  return checkObject(given, 'subject', SUBJECT, 'a verified Auth, or an object with a token');
}

async function getActorToken(ask: () => unknown, signal: AbortSignal): Promise<string> {
  const failure = (detail: string, known?: TokenRequestError) => {
    const { transient = true, retryAfter } = known ?? {};
    return new TokenRequestError('credential_unavailable', {
      detail: `actorToken: ${detail}`,
      transient,
      retryAfter,
    });
  };
  let token: unknown;
  try {
    token = await unlessAborted((async () => ask())(), signal);
  } catch (error) {
    if (isTokenRequestError(error)) throw failure(error.reason, error);
    throw failure(signal.aborted ? 'time-out' : describeError(error));
  }
  if (typeof token === 'string' && token !== '') return token;
  throw failure(`it returned ${typeName(token)}`);
}

/** What the codes of a refusal are about (RFC 8693 §2.2.2; OpenID Connect Core §3.1.2.6, as Entra ID has it). */
const FAULTS: ReadonlyMap<string | undefined, TokenRequestReason> = new Map([
  ['invalid_grant', 'subject_refused'],
  ['invalid_request', 'subject_refused'],
  ['access_denied', 'delegation_refused'],
  ['invalid_scope', 'delegation_refused'],
  ['invalid_target', 'delegation_refused'],
  ['consent_required', 'delegation_refused'],
  ['interaction_required', 'delegation_refused'],
  ['login_required', 'delegation_refused'],
]);
/** RFC 8693 has one code for all parameters. What's said of these isn't about the caller. */
const OUR_PARAMETERS = /\b(?:actor_token|requested_token_type|grant_type)/;

/** Tells refusals for what the caller has, or may do, from those for what this client does wrong. */
function findFault(error: unknown): unknown {
  if (!isTokenRequestError(error) || error.reason !== 'refused') return error;
  const fault = OUR_PARAMETERS.test(error.description ?? '') ? undefined : FAULTS.get(error.error);
  return fault === undefined ? error : restate(error, { reason: fault });
}

/** Makes a request, if one may be made now. */
type Guard = (signal: AbortSignal, request: () => Promise<ReceivedToken>) => Promise<ReceivedToken>;

/**
 * Spares a token endpoint that fails: all callers notice it together. What's wrong with one caller's token is
 * that caller's alone.
 */
function createGuard({ runtime: { clock }, timeoutSeconds }: ClientSettings): Guard {
  let lastFailure = new TokenRequestError('timeout');
  const breaker = new CircuitBreaker({
    clock,
    cooldownSeconds: 30,
    trialSeconds: timeoutSeconds + 1,
    findOutage: (error) => {
      // Some servers answer 500 to a strange token, which no other caller has.
      if (!isTokenRequestError(error) || !error.transient || error.status === 500) return undefined;
      lastFailure = error;
      return { retryAfterSeconds: error.retryAfter };
    },
    onPause: () => undefined,
    onRecovery: () => undefined,
  });
  const slots = new RequestSlots(clock, timeoutSeconds);
  return async (signal, request) => {
    try {
      breaker.check(false);
      return await slots.run(false, () => {
        if (signal.aborted) throw new TokenRequestError('timeout');
        return breaker.run(false, request);
      });
    } catch (error) {
      if (error instanceof RequestHeldBack) {
        const failure = error.isPaused ? lastFailure : new TokenRequestError('timeout');
        throw restate(failure, { retryAfter: Math.ceil(error.retryAfterSeconds) });
      }
      throw error;
    }
  };
}
