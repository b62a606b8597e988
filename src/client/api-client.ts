import { type InspectOptions, inspect } from 'node:util';
import { type Checks, object, optional, optionError, text, wholeNumberBetween } from '../lib/check.js';
import { readVerdict } from './challenge.js';
import { DpopProver, readNonce } from './dpop.js';
import { nameIssuer } from './errors.js';
import { createReport } from './events.js';
import type { GrantedToken } from './granted-token.js';
import { type ClientSettings, checkTokenText } from './options.js';
import { checkOrigin, createProtectedFetch } from './protected-fetch.js';
import { type OwnTokens, TokenCache } from './token-cache.js';
import { type Grant, TokenEndpoint, type TokenRequest } from './token-endpoint.js';
import { type TokenHeaders, TokenPresenter } from './token-presenter.js';

/** Options of `getToken`. */
export interface GetTokenOptions {
  /** Ends this caller's wait, with the signal's reason. The request goes on for others. */
  readonly signal?: AbortSignal;
}

/** The request that header fields are for. */
export interface HeadersRequest extends GetTokenOptions {
  readonly url: string | URL;
  /** Default `GET`. */
  readonly method?: string;
}

/** An API's answer to a request with the fields of {@link ApiClient.headers}. */
export interface ApiAnswer {
  /** Of the request. */
  readonly url: string | URL;
  readonly status: number;
  /**
   * A `Headers` object, also from another package, or pairs of names and values; or an object with names,
   * as in Node.
   */
  readonly headers:
    | Headers
    | Iterable<readonly [string, string | readonly string[]]>
    | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The field `Authorization` of the request. */
  readonly authorization: string;
}

/**
 * The calling side of one API: an access token that is fetched once and renewed in time. The long-lived
 * object, one per API.
 */
export interface ApiClient {
  /**
   * Returns an access token that hasn't expired: at once if there is one, otherwise after one request,
   * however many callers wait for it.
   *
   * @throws {TokenRequestError} there's no token
   * @throws the signal's reason, if it's aborted
   */
  getToken(options?: GetTokenOptions): Promise<GrantedToken>;
  /**
   * `fetch` with the access token in `Authorization` (RFC 6750 §2.1). The token goes only to the configured
   * {@link origins}, and doesn't follow a redirect to another origin. If the API answers 401 `invalid_token`,
   * the request is made once more with a new token, unless its body is a stream.
   *
   * @throws {TokenRequestError} there's no access token
   * @throws {TypeError} another origin, your own `Authorization` field, or what `fetch` itself throws
   */
  readonly fetch: typeof globalThis.fetch;
  /** Where `fetch` sends the token: `["https://inventory.example.com"]`. For use with other HTTP clients. */
  readonly origins: readonly string[];
  /**
   * The header fields of one request with the access token, for other HTTP clients. With the option `dpop`
   * they're for this method and URL and for one attempt: call it again for the next one.
   *
   * @throws {TokenRequestError} there's no access token
   * @throws {TypeError} a URL of another origin
   * @throws the signal's reason, if it's aborted
   * @example
   * ```ts
   * import { type ApiClient } from 'oauth-resource-server/client';
   * import { request } from 'undici';
   *
   * export async function countStock(inventory: ApiClient): Promise<unknown> {
   *   const url = 'https://inventory.example.com/stock/42';
   *   const { body } = await request(url, { headers: { ...(await inventory.headers({ url })) } });
   *   return body.json();
   * }
   * ```
   */
  headers(request: HeadersRequest): Promise<TokenHeaders>;
  /**
   * Tells this client what an API answered, for use with other HTTP clients. It keeps a nonce for proofs (RFC
   * 9449 §8.2), and doesn't give out a refused token again. Pass every answer: a success shows that the token
   * is accepted.
   *
   * @returns whether another attempt makes sense, with new {@link headers}. Make only one per call, or you
   *   keep asking an API that always refuses
   */
  takeAnswer(answer: ApiAnswer): boolean;
  /**
   * Tells this client that the API refused this token with 401, for use with other HTTP clients. It isn't
   * given out again. A token that has already replaced it stays.
   *
   * @returns whether another attempt makes sense. False if the token replaced a refused one less than 30
   *   seconds ago and no API has accepted it since, or if ten tokens were replaced in that time: the API
   *   would refuse the next one too
   * @throws {TypeError} it isn't a token, but a whole field: `Bearer …`
   */
  dropToken(accessToken: string): boolean;
  /**
   * Forgets the token and refuses every caller, waiting or new, with the reason `closed`. The process can
   * exit without it.
   */
  close(): void;
}

/** Where the access tokens of a client are, and where they may go. */
export interface ApiClientParts {
  /** Default: those in the options. */
  readonly origins?: readonly string[];
  /** Default: a {@link TokenCache} of its own. */
  readonly keep?: (request: TokenRequest, create: () => TokenCache) => OwnTokens & { close(): void };
}

/** Makes the clients of APIs that get their access tokens as one client of one authorization server. */
export type CreateApiClient = (grant: Grant, parts?: ApiClientParts) => ApiClient;

/**
 * @param name what `util.inspect` calls the clients
 * @returns a function whose clients share metadata, credential, key and nonces
 */
export function connectApiClients(settings: ClientSettings, name: string): CreateApiClient {
  const { runtime, issuer, tokenEndpoint, clientId, timeoutSeconds, random, dpop } = settings;
  const serverName = issuer ?? tokenEndpoint ?? '';
  const prover = dpop && new DpopProver(dpop, runtime.clock);
  const presenter = new TokenPresenter(prover);
  const endpoint = new TokenEndpoint(settings, prover);
  // Made here, not in the function below: a closure made there would keep the caller's token alive as long as
  // the cached one.
  const isOutdated = (token: GrantedToken): boolean => endpoint.isOutdated(token);
  return (grant, { origins = settings.origins, keep = keepOne } = {}) => {
    const report = createReport(serverName, clientId, grant.scope);
    const request: TokenRequest = (signal, onStart) => {
      onStart();
      return endpoint.request(grant, signal);
    };
    const cache = { timeoutSeconds, random, time: runtime, isOutdated, report };
    const kept = keep(request, () => new TokenCache(cache));
    const get: OwnTokens['get'] = async (signal) => {
      try {
        return await kept.get(signal);
      } catch (error) {
        nameIssuer(error, serverName);
        throw error;
      }
    };
    const tokens = { ...kept, get };
    const client: ApiClient = {
      getToken: async (given) => tokens.get(checkGetToken(given, 'getToken')?.signal),
      fetch: createProtectedFetch({ tokens, presenter, origins, endpoint }),
      origins,
      headers: async (given) => {
        const { url, method, signal } = checkHeadersRequest(given, 'headers');
        checkOrigin(url, origins);
        return presenter.present(await tokens.get(signal), { url, method });
      },
      takeAnswer: (given) => {
        const { url, status, headers, authorization } = checkApiAnswer(given, 'takeAnswer');
        if (!origins.includes(url.origin)) return false; // another server's, behind a redirect
        const nonce = readNonce(headers.get('dpop-nonce'));
        presenter.nonces.keep(url, nonce);
        const scheme = prover === undefined ? 'Bearer' : 'DPoP';
        const verdict = readVerdict(status, headers.get('www-authenticate'), scheme);
        if (verdict === 'nonce wanted') return nonce !== undefined;
        const token = authorization.replace(/^\S+ +/, '');
        if (verdict === 'accepted') tokens.accept(token);
        if (verdict === 'unexplained') tokens.drop(token, false); // the next request gets another one
        return verdict === 'refused' && tokens.drop(token);
      },
      dropToken: (accessToken) => tokens.drop(checkTokenText(accessToken, 'accessToken')),
      close: () => tokens.close(),
    };
    return shownAs(name, { issuer, tokenEndpoint, clientId, scope: grant.scope, origins }, client);
  };
}

const keepOne: NonNullable<ApiClientParts['keep']> = (request, create) => {
  const cache = create();
  return {
    get: (signal) => cache.get(request, signal),
    drop: (accessToken, isExplained) => cache.drop(accessToken, isExplained),
    accept: (accessToken) => cache.accept(accessToken),
    close: () => cache.close(),
  };
};

/** Freezes an object that shows only `shown` when it's inspected. */
export function shownAs<T extends object>(name: string, shown: object, client: T): T {
  const show = (_depth: number, format: InspectOptions) => `${name} ${inspect(shown, format)}`;
  Object.defineProperty(client, inspect.custom, { value: show });
  return Object.freeze(client);
}

const checkGetToken = optional(object({ signal: optional(checkSignal) } satisfies Checks<GetTokenOptions>));
const checkHeadersRequest = object({
  url: checkRequestUrl,
  method: optional(text, 'GET'),
  signal: optional(checkSignal),
} satisfies Checks<HeadersRequest>);

const checkApiAnswer = object({
  url: checkRequestUrl,
  status: wholeNumberBetween(100, 999),
  headers: checkAnswerHeaders,
  authorization: text,
} satisfies Checks<ApiAnswer>);

function checkAnswerHeaders(given: unknown, path: string): Headers {
  if (typeof given !== 'object' || given === null) throw optionError(path, 'header fields', given);
  // The class of npm's undici isn't Node's own, but all such classes can be iterated. `as`: what has an
  // iterator and isn't one of that kind throws here.
  const fields = Symbol.iterator in given ? Array.from(given as Iterable<unknown>) : Object.entries(given);
  const headers = new Headers();
  for (const field of fields) {
    if (!Array.isArray(field)) throw optionError(path, 'header fields', given);
    const [name, value]: readonly unknown[] = field;
    for (const line of [value].flat()) if (typeof line === 'string') headers.append(String(name), line);
  }
  return headers;
}

function checkRequestUrl(given: unknown, path: string): URL {
  const url = given instanceof URL ? given.href : given;
  if (typeof url === 'string' && URL.canParse(url)) return new URL(url);
  throw optionError(path, 'an absolute URL', given);
}

function checkSignal(given: unknown): AbortSignal {
  if (given instanceof AbortSignal) return given;
  throw optionError('signal', 'an AbortSignal', given);
}
