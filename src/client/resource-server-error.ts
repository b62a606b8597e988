import {
  BadGatewayError,
  InsufficientScopeError,
  InvalidTokenError,
  type ResourceServerError,
  UnavailableError,
} from '../errors.js';
import { isTokenRequestError } from './errors.js';

/**
 * What an API answers its own caller when it can't get a token for the next API. Adapters make an answer of
 * it, with the right challenge.
 *
 * - 401: the caller's token has expired or was refused. The caller needs another one.
 * - 403: nobody may do this on behalf of this caller.
 * - 502: this client is refused itself, or got an answer that can't be used.
 * - 503 with `Retry-After`: the authorization server, or what the credential comes from, is out of reach.
 *
 * @returns undefined if `error` isn't a {@link TokenRequestError}
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
export function toResourceServerError(error: unknown): ResourceServerError | undefined {
  if (!isTokenRequestError(error)) return undefined;
  const { reason, message, hint = message } = error;
  if (reason === 'subject_expired') return new InvalidTokenError('expired', hint);
  if (reason === 'subject_refused') return new InvalidTokenError('exchange_refused', hint);
  if (reason === 'delegation_refused') return new InsufficientScopeError('delegation_refused', hint);
  return error.transient || reason === 'closed'
    ? new UnavailableError('exchange_unavailable', error.retryAfter ?? 1, error, hint)
    : new BadGatewayError('exchange_failed', error, hint);
}
