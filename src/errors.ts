/** Reasons of an {@link InvalidRequestError}: the request has to be sent differently. */
export type InvalidRequestReason = 'malformed_credentials' | 'multiple_methods' | 'repeated_parameter';

/** Reasons of an {@link InvalidTokenError}: another access token is needed. */
export type InvalidTokenReason =
  | 'missing_credentials'
  | 'token_too_large'
  | 'malformed_token'
  | 'alg_not_allowed'
  | 'typ_mismatch'
  | 'crit_unsupported'
  | 'iss_mismatch'
  | 'missing_claim'
  | 'invalid_claim'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'aud_mismatch'
  | 'not_an_access_token'
  | 'no_matching_key'
  | 'ambiguous_key'
  | 'key_mismatch'
  | 'key_rejected'
  | 'signature_invalid'
  | 'unsupported_confirmation';

/** Reasons of an {@link InsufficientScopeError}: the access token holds but does not open this. */
export type InsufficientScopeReason = 'insufficient_scope' | 'claims_not_met';

/** Reasons of an {@link UnavailableError}: the issuer's metadata or keys are out of reach or unusable. */
export type UnavailableReason =
  | 'metadata_unavailable'
  | 'metadata_invalid'
  | 'issuer_mismatch'
  | 'jwks_unavailable'
  | 'jwks_invalid';

/**
 * Why a request was refused. Stable words for logs, metrics and tests; `docs/errors.md` explains each.
 * They never reach the client, which sees only the registered OAuth `error` code and a fixed description.
 */
export type Reason = InvalidRequestReason | InvalidTokenReason | InsufficientScopeReason | UnavailableReason;

/** The registered OAuth error codes that this package sends (RFC 6750 §3.1, RFC 6749 §4.1.2.1). */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'temporarily_unavailable';

const UNAVAILABLE = 'The access token cannot be verified at the moment';

/**
 * The fixed text per reason that the client may read. Only characters that RFC 6750 §3 allows in `error_description`, and no claim value.
 */
const DESCRIPTIONS: Readonly<Record<Reason, string>> = {
  malformed_credentials: 'The credentials are malformed',
  multiple_methods: 'The access token was sent more than once',
  repeated_parameter: 'The access_token parameter is repeated or not a string',

  missing_credentials: 'No access token was sent',
  token_too_large: 'The access token is too large',
  malformed_token: 'The access token is malformed',
  alg_not_allowed: 'The access token is signed with an algorithm that is not accepted',
  typ_mismatch: 'The token is not of the accepted type',
  crit_unsupported: 'The access token requires an extension that is not supported',
  iss_mismatch: 'The access token was issued by an untrusted issuer',
  missing_claim: 'The access token lacks a required claim',
  invalid_claim: 'The access token has a claim of the wrong type',
  expired: 'The access token expired',
  not_yet_valid: 'The access token is not valid yet',
  issued_in_future: 'The access token was issued in the future',
  aud_mismatch: 'The access token was issued for another audience',
  not_an_access_token: 'The token is not an access token',
  no_matching_key: 'The access token is signed with an unknown key',
  ambiguous_key: 'The access token does not say which key signed it',
  key_mismatch: 'The access token is signed with a key of another algorithm',
  key_rejected: 'The access token is signed with a key that is not accepted',
  signature_invalid: 'The access token signature is invalid',
  unsupported_confirmation: 'The access token is bound to a key and cannot be used as a bearer token',

  insufficient_scope: 'The access token lacks a required scope',
  claims_not_met: 'The access token does not grant access to this resource',

  metadata_unavailable: UNAVAILABLE,
  metadata_invalid: UNAVAILABLE,
  issuer_mismatch: UNAVAILABLE,
  jwks_unavailable: UNAVAILABLE,
  jwks_invalid: UNAVAILABLE,
};

/** Every reason, for documentation and metrics. */
export const reasons: readonly Reason[] = Object.freeze(Object.keys(DESCRIPTIONS) as Reason[]); // the record has a member per reason and no other

type Kind =
  | 'ResourceServerError'
  | 'InvalidRequestError'
  | 'InvalidTokenError'
  | 'InsufficientScopeError'
  | 'UnavailableError';

/** Marks our errors across duplicate installs of this package and across frameworks' exception classes. */
export const errorKind: unique symbol = Symbol.for('oauth-resource-server.error') as never; // see the annotation: a unique symbol from the registry

/**
 * The base of every refusal: `status`, `error`, `reason`, `message`.
 *
 * `instanceof` and {@link isResourceServerError} recognise these errors by a mark, not by the prototype, so they
 * also work when two copies of this package are installed, and for the exceptions of the NestJS guard.
 *
 * Security: no token, claim or key is in any member, so an error may be logged whole.
 */
export abstract class ResourceServerError extends Error {
  /** HTTP status of the answer: 400, 401, 403 or 503. */
  abstract readonly status: number;
  /** The registered OAuth error code, or undefined where RFC 6750 §3.1 wants none (no credentials were sent). */
  abstract readonly error: ErrorCode | undefined;
  /** Why, in a stable word. */
  abstract readonly reason: Reason;
  /** A fixed text for the log that helps whoever configures the issuer or the API, where there is one. */
  readonly hint: string | undefined;

  /**
   * @param message the fixed text of the reason
   * @param hint a fixed text, see {@link hint}
   */
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }

  /** The same as {@link status}, under the name that Express, Fastify and NestJS read. */
  get statusCode(): number {
    return this.status;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    const kind: unknown = Object.hasOwn(this.prototype, errorKind)
      ? Reflect.get(this.prototype, errorKind)
      : undefined;
    if (kind === undefined) return Function.prototype[Symbol.hasInstance].call(this, value);
    return kind === 'ResourceServerError' ? isResourceServerError(value) : kindOf(value) === kind;
  }
}

/** 400: the request is malformed (RFC 6750 §3.1 `invalid_request`). The client must send it differently. */
export class InvalidRequestError extends ResourceServerError {
  readonly status: 400 = 400;
  readonly error: 'invalid_request' = 'invalid_request';
  readonly reason: InvalidRequestReason;

  constructor(reason: InvalidRequestReason) {
    super(DESCRIPTIONS[reason]);
    this.reason = reason;
  }
}

/** 401: no access token, or one that does not hold (RFC 6750 §3.1 `invalid_token`). The client needs a new token. */
export class InvalidTokenError extends ResourceServerError {
  readonly status: 401 = 401;
  readonly error: 'invalid_token' | undefined;
  readonly reason: InvalidTokenReason;

  constructor(reason: InvalidTokenReason, hint?: string) {
    super(DESCRIPTIONS[reason], hint);
    this.reason = reason;
    // RFC 6750 §3.1: a request that carried no credentials gets no error code.
    this.error = reason === 'missing_credentials' ? undefined : 'invalid_token';
  }
}

/** 403: the access token holds but does not grant this (RFC 6750 §3.1 `insufficient_scope`). */
export class InsufficientScopeError extends ResourceServerError {
  readonly status: 403 = 403;
  readonly error: 'insufficient_scope' = 'insufficient_scope';
  readonly reason: InsufficientScopeReason;

  constructor(reason: InsufficientScopeReason) {
    super(DESCRIPTIONS[reason]);
    this.reason = reason;
  }
}

/** 503: whether the access token holds cannot be told now, because the issuer's keys are out of reach. Never the client's fault. */
export class UnavailableError extends ResourceServerError {
  readonly status: 503 = 503;
  readonly error: 'temporarily_unavailable' = 'temporarily_unavailable';
  readonly reason: UnavailableReason;
  /** Seconds until the next attempt to reach the issuer, at least 1; sent as `Retry-After`. */
  readonly retryAfterSeconds: number;

  /**
   * @param retryAfterSeconds seconds until another attempt makes sense; rounded up, at least 1
   * @param cause what went wrong, for the log: our own error or that of `fetch`, never a response body
   */
  constructor(reason: UnavailableReason, retryAfterSeconds: number, cause?: unknown) {
    super(DESCRIPTIONS[reason], undefined, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

mark(ResourceServerError, 'ResourceServerError');
mark(InvalidRequestError, 'InvalidRequestError');
mark(InvalidTokenError, 'InvalidTokenError');
mark(InsufficientScopeError, 'InsufficientScopeError');
mark(UnavailableError, 'UnavailableError');

/** Whether `value` is an error of this package, whichever copy of the package or framework adapter made it. */
export function isResourceServerError(value: unknown): value is ResourceServerError {
  return kindOf(value) !== undefined;
}

/** The name of the class that `value` counts as, or undefined when it is none of ours. */
export function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && errorKind in value ? value[errorKind] : undefined;
}

function mark(errorClass: { prototype: object }, kind: Kind): void {
  Object.defineProperty(errorClass.prototype, errorKind, { value: kind });
  Object.defineProperty(errorClass.prototype, 'name', { value: kind, configurable: true, writable: true });
}
