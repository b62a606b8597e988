import {
  BadGatewayError,
  InsufficientScopeError,
  InvalidTokenError,
  type ResourceServerError,
  UnavailableError,
} from '../errors.js';
import { isTokenRequestError, type TokenRequestError } from './errors.js';

/**
 * Returns what an API answers its own caller if it can't get a token for the next API. Adapters turn it into
 * a response with the right challenge.
 *
 * - 401: the caller's token has expired or was refused. The caller needs another one.
 * - 403: this may not be done on behalf of this caller.
 * - 502: the client itself is refused, or got an unusable answer.
 * - 503 with `Retry-After`: the authorization server, or the source of the credential, can't be reached.
 *
 * @param given the error, or one of another HTTP client that has it as its `cause`
 * @returns undefined if `given` has nothing to do with a {@link TokenRequestError}
 * @example
 * ```ts
 * import { toResourceServerError } from 'oauth-resource-server/client';
 * import { deny } from 'oauth-resource-server/express';
 * import type { ErrorRequestHandler } from 'express';
 *
 * export const answerErrors: ErrorRequestHandler = (error, req, res, next) =>
 *   deny(toResourceServerError(error) ?? error, req, res, next);
 * ```
 */
export function toResourceServerError(given: unknown): ResourceServerError | undefined {
  const error = findTokenRequestError(given);
  if (error === undefined) return undefined;
  const { reason, message, hint = message } = error;
  if (reason === 'subject_expired') return new InvalidTokenError('expired', hint);
  if (reason === 'subject_refused') return new InvalidTokenError('exchange_refused', hint);
  if (reason === 'delegation_refused') return new InsufficientScopeError('delegation_refused', hint);
  return error.transient || reason === 'closed'
    ? new UnavailableError('exchange_unavailable', error.retryAfter ?? 1, error, hint)
    : new BadGatewayError('exchange_failed', error, hint);
}

/** More than HTTP clients put around an error. */
const MAX_CAUSES = 5;

function findTokenRequestError(given: unknown): TokenRequestError | undefined {
  let error = given;
  for (let depth = 0; depth <= MAX_CAUSES && typeof error === 'object' && error !== null; depth += 1) {
    if (isTokenRequestError(error)) return error;
    error = Reflect.get(error, 'cause');
  }
  return undefined;
}
