import {
  type BadGatewayReason,
  DESCRIPTIONS,
  type ErrorCode,
  type InsufficientScopeReason,
  type InsufficientUserAuthenticationReason,
  type InvalidProofReason,
  type InvalidRequestReason,
  type InvalidTokenReason,
  type Reason,
  type UnavailableReason,
} from './reasons.js';

/** Marks our errors across duplicate installs of this package and across frameworks' exception classes. */
export const errorKind: unique symbol = Symbol.for('oauth-resource-server.error');

/**
 * The base of every refusal: `status`, `error`, `reason`, `message`.
 *
 * `instanceof` and {@link isResourceServerError} recognize these errors by a mark, not by the prototype. So
 * they also work if two copies of this package are installed, and for the exceptions of the NestJS guard.
 *
 * Security: no member contains a token, claim or key, so you may log the whole error.
 */
export abstract class ResourceServerError extends Error {
  /** HTTP status of the answer: 400, 401, 403, 502 or 503. */
  abstract readonly status: number;
  /**
   * The registered OAuth error code. Undefined if no credentials were sent: RFC 6750 §3.1 wants none then.
   */
  abstract readonly error: ErrorCode | undefined;
  /** Why, as a stable word. */
  readonly reason: Reason;
  /** For the log: a text that helps to configure the issuer or the API, if there is one. Quotes no token. */
  readonly hint: string | undefined;

  /** @param hint see {@link hint} */
  constructor(reason: Reason, hint?: string, options?: ErrorOptions) {
    super(DESCRIPTIONS[reason], options);
    this.reason = reason;
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
  declare readonly reason: InvalidRequestReason;

  constructor(reason: InvalidRequestReason) {
    super(reason);
  }
}

/** 401: no access token, or an invalid one (RFC 6750 §3.1 `invalid_token`). The client needs a new token. */
export class InvalidTokenError extends ResourceServerError {
  readonly status: 401 = 401;
  readonly error: 'invalid_token' | undefined;
  declare readonly reason: InvalidTokenReason;

  constructor(reason: InvalidTokenReason, hint?: string) {
    super(reason, hint);
    // RFC 6750 §3.1: a request that carried no credentials gets no error code.
    this.error = reason === 'missing_credentials' ? undefined : 'invalid_token';
  }
}

/**
 * 401: the DPoP proof is invalid or missing (RFC 9449 §7.1). The client needs a new proof, not a new token.
 */
export class InvalidProofError extends ResourceServerError {
  readonly status: 401 = 401;
  readonly error: 'invalid_dpop_proof' | 'use_dpop_nonce';
  declare readonly reason: InvalidProofReason;
  /** A nonce for the next proof, sent as `DPoP-Nonce` (RFC 9449 §9). Undefined if nonces are off. */
  readonly nonce: string | undefined;

  constructor(reason: InvalidProofReason, nonce?: string) {
    super(reason);
    this.error = reason === 'nonce_required' ? 'use_dpop_nonce' : 'invalid_dpop_proof';
    this.nonce = nonce;
  }
}

/** 401: the access token is valid, but the user must authenticate again, or differently (RFC 9470 §3). */
export class InsufficientUserAuthenticationError extends ResourceServerError {
  readonly status: 401 = 401;
  readonly error: 'insufficient_user_authentication' = 'insufficient_user_authentication';
  declare readonly reason: InsufficientUserAuthenticationReason;

  constructor(reason: InsufficientUserAuthenticationReason) {
    super(reason);
  }
}

/** 403: the access token is valid but doesn't grant this (RFC 6750 §3.1 `insufficient_scope`). */
export class InsufficientScopeError extends ResourceServerError {
  readonly status: 403 = 403;
  readonly error: 'insufficient_scope' = 'insufficient_scope';
  declare readonly reason: InsufficientScopeReason;

  constructor(reason: InsufficientScopeReason, hint?: string) {
    super(reason, hint);
  }
}

/**
 * 502: this API needs another server to answer, which refused this API itself, or sent an answer that can't
 * be used. Never the client's fault, and trying again doesn't help.
 */
export class BadGatewayError extends ResourceServerError {
  readonly status: 502 = 502;
  readonly error: 'server_error' = 'server_error';
  declare readonly reason: BadGatewayReason;

  /** @param cause what went wrong, for the log, see {@link UnavailableError} */
  constructor(reason: BadGatewayReason, cause?: unknown, hint?: string) {
    super(reason, hint, cause === undefined ? undefined : { cause });
  }
}

/**
 * 503: the access token can't be verified right now, because the issuer's keys, or something else it takes,
 * can't be reached. Never the client's fault.
 */
export class UnavailableError extends ResourceServerError {
  readonly status: 503 = 503;
  readonly error: 'temporarily_unavailable' = 'temporarily_unavailable';
  declare readonly reason: UnavailableReason;
  /** Seconds until another attempt makes sense, at least 1. Sent as `Retry-After`. */
  readonly retryAfterSeconds: number;

  /**
   * @param retryAfterSeconds seconds until another attempt makes sense; rounded up, at least 1
   * @param cause what went wrong, for the log: our own error, or that of `fetch` or the replay store, never a
   *   response body
   * @param hint see {@link hint}
   */
  constructor(reason: UnavailableReason, retryAfterSeconds: number, cause?: unknown, hint?: string) {
    super(reason, hint, cause === undefined ? undefined : { cause });
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

// Under names of our own: minifying tools rename classes.
const CLASSES = {
  ResourceServerError,
  InvalidRequestError,
  InvalidTokenError,
  InvalidProofError,
  InsufficientUserAuthenticationError,
  InsufficientScopeError,
  BadGatewayError,
  UnavailableError,
};
for (const [kind, { prototype }] of Object.entries(CLASSES)) {
  Object.defineProperty(prototype, errorKind, { value: kind });
  Object.defineProperty(prototype, 'name', { value: kind, configurable: true, writable: true });
}

/** Whether `value` is an error of this package, whichever copy of the package or adapter made it. */
export function isResourceServerError(value: unknown): value is ResourceServerError {
  return kindOf(value) !== undefined;
}

/** The name of the class that `value` counts as, or undefined if it isn't ours. */
export function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && errorKind in value ? value[errorKind] : undefined;
}
