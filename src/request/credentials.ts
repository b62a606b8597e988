import { hash } from 'node:crypto';
import { InvalidRequestError } from '../errors.js';
import type { BearerMethod, Scheme } from '../terms.js';
import { parseQuery, queryText } from './query.js';
import { fieldLinesOf, type RequestView } from './view.js';

// RFC 9110 §5.6.2 (token) for the scheme, §11.2 (token68) for the access token.
const SCHEME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;
const SPACE = 0x20;
const PARAMETER = 'access_token';
/**
 * Two field lines in one: proxies and the Fetch standard join repeated lines with ", ", and Envoy with ",".
 * Either our credentials are followed by another scheme, or another scheme's are followed by ours.
 */
const JOINED = /^(?:bearer|dpop) .*,[ \t]*[!#$%&'*+.^_`|~\w-]+ +[^ ]|,[ \t]*(?:bearer|dpop) +[^ ]/i;
/** Methods whose request content has a meaning (RFC 9110 §9.3). */
const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** An access token as it came in. */
export class Credentials {
  /** Not checked for its form yet: see {@link checkToken}. */
  readonly token: string;
  /** Where in the request it was; undefined if there was no request. */
  readonly method: BearerMethod | undefined;
  readonly scheme: Scheme;
  readonly #line: string | undefined;
  #digest: string | undefined;
  /** Whether the last look-up found the token among those verified before. */
  isKnownToken = false;

  /** @param line the field line it was read from, if any */
  constructor(token: string, method: BearerMethod | undefined, scheme: Scheme, line?: string) {
    this.token = token;
    this.method = method;
    this.scheme = scheme;
    this.#line = line;
  }

  /** Whether this field line would give the same credentials. */
  isFrom(line: string): boolean {
    return this.#line === line;
  }

  /**
   * SHA-256 of the whole token, in base64url. Tokens are remembered by it, and `"ath"` of a DPoP proof must
   * equal it (RFC 9449 §4.2). Computed once.
   */
  get digest(): string {
    this.#digest ??= hash('sha256', this.token, 'base64url');
    return this.#digest;
  }
}

/**
 * Finds the one access token of a request (RFC 6750 §2, RFC 9449 §7.1).
 *
 * @param methods where to look for a bearer token besides the header
 * @param schemes read from the header; any other scheme is ignored
 * @param last what was read before: if the line is the same it's returned again, with its digest
 * @returns undefined if the request carries none, or credentials of another scheme
 * @throws {InvalidRequestError} `malformed_credentials`: not a line with scheme and token;
 *   `multiple_methods`, `repeated_parameter`
 */
export function readCredentials(
  request: RequestView,
  methods: ReadonlySet<BearerMethod>,
  schemes: ReadonlySet<Scheme>,
  last?: Credentials,
): Credentials | undefined {
  // This comes first, so that the token is out of the URL whatever else is wrong with the request.
  const fromQuery = methods.has('query') ? readQuery(request) : undefined;
  const fromHeader = readHeader(request, schemes, last);
  if (fromHeader !== undefined && fromQuery === undefined && !methods.has('body')) return fromHeader;
  const fromBody = methods.has('body') ? readBody(request) : undefined;
  const found = [fromHeader, fromBody, fromQuery].filter((one) => one !== undefined);
  if (found.length > 1) throw new InvalidRequestError('multiple_methods');
  return found[0];
}

/**
 * Refuses what can't be an access token (RFC 6750 §2.1 `b64token`). It's separate from finding the token, so
 * that one that was verified before, and so passed this check, doesn't pay for it again.
 *
 * @throws {InvalidRequestError} `malformed_credentials`; never for a token that came without a request
 */
export function checkToken({ token, method }: Credentials): void {
  if (method !== undefined && !isToken68(token)) throw new InvalidRequestError('malformed_credentials');
}

/** Whether `text` has only the characters of an access token (RFC 6750 §2.1 `b64token`). */
export function isToken68(text: string): boolean {
  return TOKEN68.test(text);
}

/**
 * Whether `value` has only characters that an authorization server may use in an access token and a client
 * may send in a header field (RFC 6749 A.12, without the space). More than {@link isToken68}: Salesforce has
 * `!` in its tokens.
 */
export function isSendableToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

/** What to tell the developer of a request without an access token: an `Authorization` that isn't read. */
export function explainMissing(request: RequestView, schemes: ReadonlySet<Scheme>): string | undefined {
  if (!schemes.has('Bearer') || fieldLinesOf(request, 'authorization').length === 0) return undefined;
  return 'the Authorization field does not begin with "Bearer"; put that before the access token';
}

/**
 * The scheme that refused credentials were meant for; undefined if that isn't clear (RFC 9449 §7.2).
 *
 * @param fault what {@link readCredentials} threw
 */
export function intendedScheme(request: RequestView, fault: unknown): Scheme | undefined {
  if (!(fault instanceof InvalidRequestError) || fault.reason === 'multiple_methods') return undefined;
  const [line] = fieldLinesOf(request, 'authorization');
  // Outside the header there are only bearer tokens.
  return line === undefined ? 'Bearer' : schemeNamed(line.slice(0, lengthOfScheme(line)));
}

/**
 * Reads the `Authorization` field line (RFC 6750 §2.1, RFC 9449 §7.1): `Bearer` or `DPoP`, one or more
 * spaces, and the token. Malformed credentials of a scheme that isn't read don't matter.
 */
function readHeader(
  request: RequestView,
  schemes: ReadonlySet<Scheme>,
  last: Credentials | undefined,
): Credentials | undefined {
  const lines = schemes.size === 0 ? [] : fieldLinesOf(request, 'authorization');
  const line = lines[0];
  if (line === undefined) return undefined;
  if (lines.length === 1 && last?.isFrom(line)) return last;
  // The comma first: the expression alone takes a quarter of the time of a known token.
  if (lines.length > 1 || (line.includes(',') && JOINED.test(line)))
    throw new InvalidRequestError('multiple_methods');
  let start = lengthOfScheme(line);
  if (start === 0) throw new InvalidRequestError('malformed_credentials');
  const scheme = schemeNamed(line.slice(0, start));
  if (scheme === undefined || !schemes.has(scheme)) return undefined;
  if (line.charCodeAt(start) !== SPACE) throw new InvalidRequestError('malformed_credentials');
  while (line.charCodeAt(start) === SPACE) start += 1;
  return new Credentials(line.slice(start), 'header', scheme, line);
}

function lengthOfScheme(line: string): number {
  if (line.startsWith('Bearer ')) return 6; // as nearly everybody writes it
  return SCHEME.exec(line)?.[0].length ?? 0;
}

/** RFC 9110 §11.1: scheme names are case-insensitive. */
function schemeNamed(name: string): Scheme | undefined {
  if (name === 'Bearer') return name;
  const lowerCase = name.toLowerCase();
  if (lowerCase === 'bearer') return 'Bearer';
  return lowerCase === 'dpop' ? 'DPoP' : undefined;
}

/** RFC 6750 §2.2: only a form, and only with a method that gives content a meaning. */
function readBody(request: RequestView): Credentials | undefined {
  const { body } = request;
  if (!METHODS_WITH_CONTENT.has(request.method) || !isForm(request)) return undefined;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, PARAMETER)) return undefined;
  return readParameter([Reflect.get(body, PARAMETER)], 'body');
}

/** RFC 6750 §2.3. The parameter is removed from the URL, so that loggers and the application don't see it. */
function readQuery(request: RequestView): Credentials | undefined {
  const values = parseQuery(queryText(request.url)).getAll(PARAMETER);
  if (values.length === 0) return undefined;
  request.removeQueryParameter?.(PARAMETER);
  return readParameter(values, 'query');
}

function readParameter(values: readonly unknown[], method: BearerMethod): Credentials {
  const [value, another] = values;
  if (another !== undefined || typeof value !== 'string') throw new InvalidRequestError('repeated_parameter');
  return new Credentials(value, method, 'Bearer');
}

/** Whether the content is a form (RFC 6750 §2.2). */
export function isForm(request: RequestView): boolean {
  const [contentType, another] = fieldLinesOf(request, 'content-type');
  if (contentType === undefined || another !== undefined) return false;
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded';
}
