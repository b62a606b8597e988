import { hash } from 'node:crypto';
import { type Auth, isAuth } from '../auth.js';
import { type AskedCredential, CredentialSource } from '../issuer/credential-source.js';
import {
  type Checked,
  type Checks,
  checkObject,
  numberBetween,
  oneOf,
  optional,
  optionError,
  text,
  wholeNumberBetween,
} from '../lib/check.js';
import { LruCache } from '../lib/lru-cache.js';
import { type ApiClient, type ApiClientParts, connectApiClients, shownAs } from './api-client.js';
import { TokenRequestError } from './errors.js';
import { findFault } from './exchange-faults.js';
import {
  type ClientOptions,
  checkClientOptions,
  checkResource,
  checkScope,
  checkTokenText,
} from './options.js';
import { defaultOrigins } from './origins.js';
import { createOutageGuard } from './outage-guard.js';
import type { TokenCache } from './token-cache.js';

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
   * Gets the token of the party that acts for the caller, for servers that don't take this client as the
   * actor: a function, or a client such as {@link createClientCredentials} returns. Called for each request,
   * and once for requests at the same time.
   */
  readonly actorToken?: (() => string | Promise<string>) | Pick<ApiClient, 'getToken'>;
  /** The type of the actor's token. Default `'access_token'`. */
  readonly actorTokenType?: TokenType;
  /**
   * How many tokens are kept, 1 to 100000. The least recently used one makes room. Default 1000, which is
   * about 3 MB with tokens of 1 KB.
   */
  readonly maxTokens?: number;
}

/** A caller's token that this package hasn't verified. Make sure yourself that it's valid. */
export interface SubjectToken {
  /** Its text, without `Bearer`. */
  readonly token: string;
  /** Default: the option `subjectTokenType`. */
  readonly tokenType?: TokenType;
  /**
   * In seconds since the epoch. Undefined if you don't know it: issued tokens are then used for their own
   * lifetime.
   */
  readonly expiresAt?: number;
}

/** What one token is for. The options fill in what you leave out. */
export interface ExchangeTarget {
  /** What the token may do. */
  readonly scope?: string | readonly string[];
  /** Without the option `origins`, the token goes to the origin of this URL. */
  readonly resource?: string;
  /** The API's name at the authorization server (RFC 8693 §2.1). */
  readonly audience?: string;
}

/** Calls APIs on behalf of the callers of this one. The long-lived object, one per API. */
export interface TokenExchange {
  /**
   * The client for one caller: make one per request, it costs next to nothing. Its tokens are kept here, by a
   * digest of everything they depend on, and never used for longer than the caller's own.
   *
   * Its `close()` ends only this object; tokens stay cached for the caller's next request.
   *
   * @param subject the caller's verified `Auth`, or another token
   * @throws {TypeError} it's neither: undefined, say, or a copy of an `Auth`
   */
  for(subject: Auth | SubjectToken, target?: ExchangeTarget): ApiClient;
  /** Where `fetch` sends tokens. */
  readonly origins: readonly string[];
  /** Forgets all tokens and refuses every caller, waiting or new, with the reason `closed`. */
  close(): void;
}

function tokenType(given: unknown, path: string): string {
  if (TOKEN_TYPES.some((word) => word === given)) return `${PREFIX}${given}`;
  if (typeof given === 'string' && /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(given)) return given;
  throw optionError(path, `${TOKEN_TYPES.join(', ')} or an absolute URI`, given);
}

function checkActor(given: unknown, path: string): AskedCredential {
  const asked = { kind: 'asked', name: 'actorToken' } as const;
  if (typeof given === 'function') return { ...asked, ask: () => given() };
  const client = given as Pick<ApiClient, 'getToken'> | null | undefined; // looked at in the next line
  if (typeof client?.getToken !== 'function') throw optionError(path, 'a function or a client', given);
  return { ...asked, ask: async () => (await client.getToken()).accessToken };
}

const OWN = {
  subjectTokenType: optional(tokenType, `${PREFIX}access_token`),
  requestedTokenType: optional(oneOf(['access_token', 'jwt'])),
  actorToken: optional(checkActor),
  actorTokenType: optional(tokenType, `${PREFIX}access_token`),
  maxTokens: optional(wholeNumberBetween(1, 100_000), 1000),
} satisfies Checks<Omit<TokenExchangeOptions, keyof ClientOptions>>;

const SUBJECT = {
  token: checkTokenText,
  tokenType: optional(tokenType),
  expiresAt: optional(numberBetween(0, 99_999_999_999)), // milliseconds are a mistake
} satisfies Checks<SubjectToken>;

const TARGET = {
  scope: optional(checkScope),
  resource: optional(checkResource),
  audience: optional(text),
} satisfies Checks<ExchangeTarget>;

/**
 * Creates clients that call another API on behalf of your callers: they exchange the caller's token for one
 * for the next API (RFC 8693), which never sees the caller's own. Nothing is requested before the first use.
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
  const { runtime, issuer, tokenEndpoint, clientId, requestedScopes, timeoutSeconds } = settings;
  const createApiClient = connectApiClients(settings, 'TokenExchange');
  const spare = createOutageGuard(settings);
  const asked = { ...runtime, timeoutSeconds };
  const actors = settings.actorToken && new CredentialSource(settings.actorToken, asked);
  let caches = new LruCache<string, TokenCache>({ max: settings.maxTokens });
  /** What callers wait for now, even if others have taken its place. */
  const waits = new Set<{ readonly cache: TokenCache }>();
  let isClosed = false;

  const open = (given: Auth | SubjectToken, givenTarget: ExchangeTarget = {}): ApiClient => {
    const { token, tokenType: type = settings.subjectTokenType, expiresAt } = checkSubject(given);
    const { scope = requestedScopes, resource, audience } = checkObject(givenTarget, 'target', TARGET);
    const known = new URLSearchParams(settings.parameters);
    const requested = settings.requestedTokenType && `${PREFIX}${settings.requestedTokenType}`;
    const members = { subject_token_type: type, requested_token_type: requested, resource, audience };
    for (const [name, value] of Object.entries(members)) if (value !== undefined) known.set(name, value);
    const key = hash('sha256', JSON.stringify([token, [...scope].sort(), `${known}`]), 'base64url');

    let isOver = false;
    const checkOpen = (): void => {
      if (isClosed || isOver) throw new TokenRequestError('closed');
    };
    const checkExpiry = (): void => {
      if (expiresAt !== undefined && !(runtime.clock() < expiresAt * 1000))
        throw new TokenRequestError('subject_expired');
    };
    const parameters = async (signal: AbortSignal): Promise<URLSearchParams> => {
      const all = new URLSearchParams(known);
      all.set('subject_token', token);
      const actor = await actors?.get(signal);
      if (actor?.kind !== 'token') return all;
      all.set('actor_token', actor.accessToken);
      all.set('actor_token_type', settings.actorTokenType);
      return all;
    };
    const keep: ApiClientParts['keep'] = (request, create) => ({
      get: async (signal) => {
        checkOpen();
        checkExpiry();
        const cache = caches.get(key) ?? create();
        caches.set(key, cache);
        const wait = { cache };
        waits.add(wait);
        const getting = cache.get(async (limit, onStart) => {
          try {
            const received = await spare(limit, () => request(limit, onStart));
            if (received.token.accessToken !== token) return received;
            throw new TokenRequestError('invalid_response', { detail: 'the same token again' });
          } finally {
            checkExpiry(); // meanwhile, which says more than what came of it
          }
        }, signal);
        const granted = await getting.finally(() => waits.delete(wait));
        checkOpen();
        return granted;
      },
      drop: (accessToken, isExplained) => caches.get(key)?.drop(accessToken, isExplained) ?? true,
      accept: (accessToken) => caches.get(key)?.accept(accessToken),
      close: () => {
        isOver = true;
      },
    });
    // The target says where the token goes, unless the options do.
    const isElsewhere = resource !== undefined && options.origins === undefined;
    const origins = isElsewhere ? defaultOrigins(resource, runtime.allowInsecureRequests) : settings.origins;
    return createApiClient({ type: GRANT_TYPE, scope, expiresAt, parameters, findFault }, { origins, keep });
  };

  const shown = { issuer, tokenEndpoint, clientId, scope: requestedScopes, origins: settings.origins };
  return shownAs<TokenExchange>('TokenExchange', shown, {
    for: open,
    origins: settings.origins,
    close: () => {
      isClosed = true;
      for (const cache of caches.values()) cache.close();
      for (const { cache } of waits) cache.close();
      caches = new LruCache({ max: 1 });
    },
  });
}

/** @throws {TypeError} neither a verified `Auth` nor a {@link SubjectToken} */
function checkSubject(given: Auth | SubjectToken): Checked<typeof SUBJECT> {
  if (isAuth(given)) return { token: given.token, tokenType: undefined, expiresAt: given.expiresAt };
  return checkObject(given, 'subject', SUBJECT, 'a verified Auth, or an object with a token');
}
