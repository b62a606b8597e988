import { discard, FetchFailure, parseObject, readText } from '../lib/fetch.js';
import type { JsonObject } from '../lib/json.js';
import { readRetryAfter } from '../lib/retry-after.js';
import { isSendableToken } from '../request/credentials.js';
import type { Scheme } from '../terms.js';
import { parseScopes } from '../token/scope.js';
import { isRegisteredCode, TokenRequestError, type TokenRequestReason } from './errors.js';

/** Types that can be sent to an API (RFC 8693 §3), and a missing one. */
const ISSUED_TYPES: ReadonlySet<unknown> = new Set([
  undefined,
  'urn:ietf:params:oauth:token-type:access_token',
  'urn:ietf:params:oauth:token-type:jwt',
]);
/** A token must fit into a header field, and 16 KiB are usual for all fields together. */
const MAX_BODY_KIB = 256;
const DIGITS = /^\d+(?:\.\d+)?$/;
/** RFC 6749 §5.2 allows more characters, but no registered code has them. */
const ERROR_CODE = /^[A-Za-z0-9_.-]{1,64}$/;
const MAX_DESCRIPTION_LENGTH = 256;
/** Codes that mean the same as a 5xx status, from servers that send them with another status. */
const SERVER_FAILURES: ReadonlySet<unknown> = new Set(['server_error', 'temporarily_unavailable']);

/** What a token endpoint granted (RFC 6749 §5.1), without any refresh token (§4.4.3). */
export interface TokenResponse {
  readonly accessToken: string;
  /** `expires_in` in seconds, undefined if the answer has none. */
  readonly expiresIn: number | undefined;
  /**
   * The granted scopes, undefined if the answer names none: then they're the requested ones (RFC 6749 §3.3).
   */
  readonly scope: readonly string[] | undefined;
}

/**
 * Tells from an answer's `error` and `error_description` who has to change something. They're as the server
 * sent them, and may repeat secrets.
 */
export type FaultFinder = (code: string | undefined, description: string) => TokenRequestReason;

export interface ReadingOptions {
  /** Milliseconds since the epoch, for `Retry-After`. */
  readonly now: number;
  /** The secrets of the request: an answer that repeats one isn't quoted. */
  readonly secrets: readonly string[];
  /** What may be wrong if the credentials are refused. */
  readonly hint: string | undefined;
  /** Default: this client, `refused`. */
  readonly findFault?: FaultFinder | undefined;
  /** What was asked for. */
  readonly tokenType: Scheme;
  readonly signal: AbortSignal;
}

/**
 * Reads the answer of a token endpoint (RFC 6749 §5.1, §5.2), at most 256 KiB of it.
 *
 * @throws {TokenRequestError} there's no usable token of the wanted type
 */
export async function readTokenResponse(response: Response, options: ReadingOptions): Promise<TokenResponse> {
  const { now, tokenType, signal } = options;
  const { status } = response;
  const retryAfter = readRetryAfter(response.headers.get('retry-after'), now);
  const failure = failureByStatus(response, retryAfter);
  if (failure !== undefined) {
    discard(response);
    throw failure;
  }
  const body = await readJson(response, signal);
  const { error } = typeof body === 'string' ? {} : body;
  // Some servers always have the member, empty if there's no error.
  if (!response.ok || (typeof error === 'string' && error !== ''))
    throw refusal(status, retryAfter, body, options);
  if (typeof body === 'string') throw new TokenRequestError('invalid_response', { status, detail: body });
  return readToken(body, status, tokenType);
}

/** What the status alone says. */
function failureByStatus(response: Response, retryAfter: number | undefined): TokenRequestError | undefined {
  const { status } = response;
  // An application's own fetch may have followed redirects anyway.
  if (response.redirected || response.type === 'opaqueredirect' || (status >= 300 && status < 400))
    return new TokenRequestError('redirected', { status });
  if (status === 429) return new TokenRequestError('rate_limited', { status, retryAfter });
  if (status >= 500 || status === 408) return new TokenRequestError('server_error', { status, retryAfter });
  return undefined;
}

/** What the server said decides the reason. What repeats a secret is left out only after that. */
function refusal(
  status: number,
  retryAfter: number | undefined,
  body: JsonObject | string,
  { secrets, hint, findFault = () => 'refused' }: ReadingOptions,
): TokenRequestError {
  const { error, error_description: given } = typeof body === 'string' ? {} : body;
  const code = typeof error === 'string' && ERROR_CODE.test(error) ? error : undefined;
  if (status < 400 && code === undefined)
    return new TokenRequestError('invalid_response', {
      status,
      detail: typeof body === 'string' ? body : 'no success',
    });
  const description = typeof given === 'string' ? given : '';
  // Some servers refuse a client with 403 and nothing else.
  const isAboutClient = status === 401 || code === 'invalid_client' || (status === 403 && code === undefined);
  return new TokenRequestError(SERVER_FAILURES.has(code) ? 'server_error' : findFault(code, description), {
    status,
    retryAfter,
    hint: isAboutClient ? hint : undefined,
    error: isRegisteredCode(code) || !repeats(code ?? '', secrets) ? code : undefined,
    description: typeof given === 'string' && !repeats(given, secrets) ? toOneLine(given) : undefined,
  });
}

function readToken(body: JsonObject, status: number, wanted: Scheme): TokenResponse {
  const invalid = (detail: string) => new TokenRequestError('invalid_response', { status, detail });
  const { access_token: accessToken, scope: granted, issued_token_type: issued } = body;
  // RFC 8693 §2.2.1. Keycloak before 26 and others leave it out.
  if (!ISSUED_TYPES.has(issued ?? undefined)) throw new TokenRequestError('unsupported_token_type');
  // Some servers leave the type out, or send the name of a class.
  const type = body.token_type ?? 'bearertoken';
  const expiresIn = readExpiresIn(body.expires_in);
  if (Number.isNaN(expiresIn)) throw invalid('expires_in is not a number of seconds from 0');
  // Some servers write null for "none". Other members, such as a refresh token or an ID token, are never
  // read.
  const isList = Array.isArray(granted) && granted.every((one) => typeof one === 'string');
  const scope = isList ? granted.join(' ') : (granted ?? undefined);
  const isText = [accessToken, type].every((value) => typeof value === 'string' && value !== '');
  if (!isText || (scope !== undefined && typeof scope !== 'string'))
    throw invalid('access_token, token_type or scope is missing or of the wrong type');
  const name = String(type)
    .toLowerCase()
    .replace(/^bearertoken$/, 'bearer');
  if (name !== wanted.toLowerCase())
    throw new TokenRequestError(name === 'bearer' ? 'token_not_bound' : 'unsupported_token_type');
  if (!isSendableToken(accessToken)) throw invalid('access_token has characters that no token has');
  return {
    accessToken,
    expiresIn,
    scope: scope === undefined ? undefined : parseScopes(scope),
  };
}

/** A number of seconds, or digits in a string, as some servers send it. `NaN` for anything else. */
function readExpiresIn(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const seconds = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && seconds >= 0 ? seconds : Number.NaN;
}

const TELLING_LENGTH = 16;

/** Whether part of a secret is long enough to be kept secret itself. */
export function isTelling(part: string): boolean {
  return part.length >= TELLING_LENGTH;
}

/** Whether a text has a secret; or what's shown of it has so much of one that it tells something. */
function repeats(text: string, secrets: readonly string[]): boolean {
  const whole = text.toLowerCase();
  const shown = toOneLine(whole);
  const parts = Array.from(shown, (_, start) => shown.slice(start, start + TELLING_LENGTH)).filter(isTelling);
  return secrets
    .map((secret) => secret.toLowerCase())
    .some((secret) => whole.includes(secret) || parts.some((part) => secret.includes(part)));
}

/** No control, format or separator characters: the text must be one line in a log. */
function toOneLine(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, MAX_DESCRIPTION_LENGTH);
}

/** The JSON object, or a text that says why there's none. Only a success has to be JSON. */
async function readJson(response: Response, signal: AbortSignal): Promise<JsonObject | string> {
  try {
    return parseObject(await readText(response, signal, { maxKib: MAX_BODY_KIB, strict: true }));
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    if (error.kind === 'invalid') return error.message;
    throw new TokenRequestError('unreachable', { status: response.status, detail: error.message });
  }
}
