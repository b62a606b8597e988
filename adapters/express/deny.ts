import type { IncomingMessage, ServerResponse } from 'node:http';
import { isResourceServerError } from '../../src/index.js';
import { refuseOrContinue } from '../kit/check-requirements.js';
import { denyRequest, replyOf } from '../kit/index.js';

/**
 * Refuses a request that {@link authenticate} let through, after a check of your own: with the status,
 * challenge and body of any other refusal. With `errors: 'next'` it passes the error on.
 *
 * It has the signature of an Express error handler. So `app.use(deny)` answers every error of this package
 * that a handler throws or passes to `next`, and passes on all others. It also passes on the error if an
 * answer has begun, so that Express closes the connection.
 *
 * @param error `new InsufficientScopeError('claims_not_met')`, or another error of this package
 * @example
 * ```ts
 * import { InsufficientScopeError } from 'oauth-resource-server';
 * import { deny, getAuth } from 'oauth-resource-server/express';
 *
 * app.get('/orders/of/:owner', (req, res, next) => {
 *   if (req.params.owner === getAuth(req).subject) res.json([]);
 *   else deny(new InsufficientScopeError('claims_not_met'), req, res, next);
 * });
 * ```
 */
export function deny(
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
): void {
  if (!isResourceServerError(error)) next(error);
  else refuseOrContinue(() => denyRequest(request, error, MISTAKE), replyOf(response), next);
}

const MISTAKE = { name: 'deny', advice: '; put authenticate() before it' };
