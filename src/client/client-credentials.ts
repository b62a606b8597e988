import { type InspectOptions, inspect } from 'node:util';
import { type Checks, object, optional, optionError } from '../lib/check.js';
import { createReport } from './events.js';
import type { GrantedToken } from './granted-token.js';
import { type ClientCredentialsOptions, checkClientOptions } from './options.js';
import { createProtectedFetch } from './protected-fetch.js';
import type { Time } from './stopwatch.js';
import { TokenCache } from './token-cache.js';
import { createTokenRequest } from './token-request.js';

/** Options of `getToken`. */
export interface GetTokenOptions {
  /** Ends the waiting of this caller, with the signal's reason. The request goes on for others. */
  readonly signal?: AbortSignal;
}

/**
 * The calling side of one API: an access token that is fetched once and renewed in time. The long-lived
 * object, one per API.
 */
export interface ClientCredentials {
  /**
   * An access token that has not expired: at once where there is one, otherwise after one request, however
   * many callers wait for it.
   *
   * @throws {TokenRequestError} none can be had
   * @throws the reason of the signal, when that is aborted
   */
  getToken(options?: GetTokenOptions): Promise<GrantedToken>;
  /**
   * `fetch` with the access token in `Authorization` (RFC 6750 §2.1). It goes to the configured {@link
   * origins} only, and not along with a redirect to another origin. When the API answers 401 `invalid_token`,
   * the request is made once more, with a new token; not when its body is a stream.
   *
   * @throws {TokenRequestError} no access token can be had
   * @throws {TypeError} another origin, an `Authorization` field of the caller, or what `fetch` throws itself
   */
  readonly fetch: typeof globalThis.fetch;
  /** Where `fetch` sends the token: `["https://inventory.example.com"]`. For use with other HTTP clients. */
  readonly origins: readonly string[];
  /**
   * Says that the API refused this token with 401, for use with other HTTP clients. It is not given out
   * again; a token that replaced it already stays.
   *
   * @returns whether another attempt makes sense. False where the token itself replaced a refused one less
   *   than 30 seconds ago: then the API would refuse the next one, too
   */
  dropToken(accessToken: string): boolean;
  /**
   * Forgets the token and refuses who waits for one, now and later, with the reason `closed`. Nothing keeps
   * the process alive without it.
   */
  close(): void;
}

/**
 * Creates a client that gets access tokens for itself (client-credentials grant, RFC 6749 §4.4). Nothing is
 * requested before the first use.
 *
 * @throws {TypeError} an option is missing, unknown or wrong
 * @example
 * ```ts
 * import { createClientCredentials } from 'oauth-resource-server/client';
 *
 * const inventory = createClientCredentials({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'order-service',
 *   clientSecret,
 *   scope: 'read:inventory',
 *   resource: 'https://inventory.example.com',
 * });
 * const response = await inventory.fetch('https://inventory.example.com/stock/42');
 * console.log(await response.json());
 * ```
 */
export function createClientCredentials(options: ClientCredentialsOptions): ClientCredentials {
  const settings = checkClientOptions(options);
  const { runtime, server, clientId, requestedScopes, origins, timeoutSeconds, random } = settings;
  const time: Time = { clock: runtime.clock, monotonic: () => performance.now() };
  const serverName =
    server.tokenEndpoint === undefined ? server.issuer : (server.issuer ?? server.tokenEndpoint);
  const tokens = new TokenCache({
    request: createTokenRequest(settings, time),
    timeoutSeconds,
    random,
    time,
    report: createReport(serverName, clientId, requestedScopes),
  });
  const client: ClientCredentials = {
    getToken: async (given) => tokens.get(checkGetToken(given, 'getToken')?.signal),
    fetch: createProtectedFetch({ tokens, origins, fetch: runtime.fetch }),
    origins,
    dropToken: (accessToken) => tokens.drop(accessToken),
    close: () => tokens.close(),
  };
  const shown = { ...server, clientId, scope: requestedScopes, origins };
  const show = (_depth: number, format: InspectOptions) => `ClientCredentials ${inspect(shown, format)}`;
  Object.defineProperty(client, inspect.custom, { value: show });
  return Object.freeze(client);
}

const checkGetToken = optional(object({ signal: optional(checkSignal) } satisfies Checks<GetTokenOptions>));

function checkSignal(given: unknown): AbortSignal {
  if (given instanceof AbortSignal) return given;
  throw optionError('signal', 'an AbortSignal', given);
}
