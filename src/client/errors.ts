import { SafeError } from '../lib/errors.js';

const MESSAGES = {
  refused: 'The authorization server refused the request for an access token',
  subject_expired: 'The token to be exchanged has expired',
  subject_refused: 'The authorization server refused the token to be exchanged',
  delegation_refused: 'The authorization server does not let this client act on behalf of the caller',
  server_error: 'The authorization server failed',
  rate_limited: 'The authorization server is rate-limiting token requests',
  unreachable: 'The authorization server cannot be reached',
  timeout: 'The authorization server did not answer in time',
  redirected: 'The token endpoint answered with a redirect, which is not followed',
  invalid_response: 'The token endpoint did not answer with a usable access token',
  unsupported_token_type: 'The token endpoint issued a token of a type that was not asked for',
  token_not_bound: "A bearer token was issued, but one bound to the client's key was requested",
  scope_narrowed: 'Fewer scopes were granted than requested',
  assertion_failed: 'The client assertion could not be signed',
  credential_unavailable: "The client's credential is not available",
  metadata_unavailable: 'The metadata of the authorization server cannot be fetched',
  metadata_invalid: 'The metadata of the authorization server is unusable',
  issuer_mismatch: 'The metadata names another issuer',
  closed: 'The client is closed',
} as const;

/** Why there's no access token. Stable words for logs, metrics and tests; `docs/client.md` explains each. */
export type TokenRequestReason = keyof typeof MESSAGES;

/** Every reason, for documentation and metrics. */
export const tokenRequestReasons: readonly TokenRequestReason[] = Object.freeze(
  Object.keys(MESSAGES) as TokenRequestReason[], // the record has a member per reason and no other
);

const TRANSIENT: ReadonlySet<TokenRequestReason> = new Set([
  'server_error',
  'rate_limited',
  'unreachable',
  'timeout',
  'credential_unavailable',
  'metadata_unavailable',
]);

/**
 * Registered codes (RFC 6749 §5.2, RFC 6750 §3.1, RFC 8707 §2, RFC 9449 §12.2, OpenID Connect Core
 * §3.1.2.6). A message has only these: any other code is third-party text, which may repeat a secret.
 */
const REGISTERED_CODES: ReadonlySet<string> = new Set([
  ...['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client'],
  ...['unsupported_grant_type', 'invalid_scope', 'invalid_target', 'access_denied', 'invalid_dpop_proof'],
  ...['use_dpop_nonce', 'server_error', 'temporarily_unavailable', 'invalid_token'],
  ...['consent_required', 'interaction_required', 'login_required'],
]);

export function isRegisteredCode(code: string | undefined): code is string {
  return code !== undefined && REGISTERED_CODES.has(code);
}

/** What is known of a failure in addition to its reason. */
export type TokenRequestFailure = Partial<
  Pick<TokenRequestError, 'error' | 'status' | 'retryAfter' | 'detail' | 'hint' | 'transient' | 'description'>
>;

/**
 * Marks these errors across duplicate installs of this package. It isn't the core errors' mark, because a
 * failed token request doesn't refuse a request.
 */
const tokenRequestError: unique symbol = Symbol.for('oauth-resource-server.token-request-error');

/**
 * There's no access token.
 *
 * `instanceof` and {@link isTokenRequestError} recognize it by a mark, so they work even if two copies of
 * this package are installed.
 *
 * Security: no member has a secret, assertion or token, so you can log it whole. It has no `cause`: errors of
 * your own `fetch` may carry the request.
 */
export class TokenRequestError extends SafeError {
  /** Why, as a stable word. */
  readonly reason: TokenRequestReason;
  /** The answer's OAuth error code (RFC 6749 §5.2), such as `invalid_client`; undefined if it had none. */
  readonly error: string | undefined;
  /**
   * The HTTP status of the token endpoint's answer; undefined if there was none. Don't answer your own caller
   * with it.
   */
  readonly status: number | undefined;
  /**
   * Seconds until another attempt makes sense: from `Retry-After`, at most 300, or the rest of a pause.
   * Undefined if unknown.
   */
  readonly retryAfter: number | undefined;
  /**
   * A fixed text, or an error code such as `ECONNREFUSED`. Its only third-party text is public identifiers in
   * quotation marks: the issuer that metadata names.
   */
  readonly detail: string | undefined;
  /** How to configure this client, if there's something to say. */
  readonly hint: string | undefined;
  /** Whether trying again later may help without any change. */
  readonly transient: boolean;
  /** The client's option `issuer`, or `tokenEndpoint` if there's none. */
  readonly issuer: string | undefined;
  readonly #description: string | undefined;

  constructor(reason: TokenRequestReason, failure: TokenRequestFailure = {}) {
    super(describeFailure(reason, failure));
    this.reason = reason;
    this.error = failure.error;
    this.status = failure.status;
    this.retryAfter = failure.retryAfter;
    this.detail = failure.detail;
    this.hint = failure.hint;
    this.transient = failure.transient ?? TRANSIENT.has(reason);
    this.issuer = undefined; // see `nameIssuer`
    this.#description = failure.description;
    // Until its stack is formatted, V8 keeps alive what the functions on it had, a caller's token included. A
    // pause keeps errors, and so may the application.
    void this.stack;
  }

  /**
   * The server's `error_description`: at most 256 characters, no control characters, and undefined if it
   * repeats a credential.
   *
   * Security: third-party text. No log has it unless you put it there by name.
   */
  get description(): string | undefined {
    return this.#description;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== TokenRequestError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return isTokenRequestError(value);
  }
}

Object.defineProperties(TokenRequestError.prototype, {
  [tokenRequestError]: { value: true },
  name: { value: 'TokenRequestError', configurable: true, writable: true },
});

/** Whether `value` is a {@link TokenRequestError}, from any copy of this package. */
export function isTokenRequestError(value: unknown): value is TokenRequestError {
  return typeof value === 'object' && value !== null && tokenRequestError in value;
}

/** Says in an error which authorization server it's about. */
export function nameIssuer(error: unknown, issuer: string): void {
  if (isTokenRequestError(error)) Object.assign(error, { issuer: error.issuer ?? issuer });
}

/** The same failure, with another time to wait. */
export function restate(failure: TokenRequestError, retryAfter: number): TokenRequestError {
  const { reason, description } = failure; // a getter, so the spread below leaves it out
  return new TokenRequestError(reason, { ...failure, description, retryAfter });
}

function describeFailure(reason: TokenRequestReason, { error, status }: TokenRequestFailure): string {
  if (isRegisteredCode(error)) return `${MESSAGES[reason]} (${error})`;
  return status === undefined ? MESSAGES[reason] : `${MESSAGES[reason]} (status ${status})`;
}
