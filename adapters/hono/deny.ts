import type { Context } from 'hono';
import type { ResourceServerError } from '../../src/index.js';
import { denyRequest } from '../kit/index.js';

/**
 * The response that refuses a request that {@link authenticate} let through, after a check of your own: with
 * the status, challenge and body of any other refusal. It's also the answer to an error of this package that
 * reached `app.onError`.
 *
 * @param error `new InsufficientScopeError('claims_not_met')`, or another error of this package
 * @throws {Error} nothing authenticated the request
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { InsufficientScopeError } from 'oauth-resource-server';
 * import { deny, getAuth } from 'oauth-resource-server/hono';
 *
 * const app = new Hono().get('/orders/of/:owner', (c) => {
 *   if (c.req.param('owner') === getAuth(c).subject) return c.json([]);
 *   return deny(new InsufficientScopeError('claims_not_met'), c);
 * });
 * export default app;
 * ```
 */
export function deny(error: ResourceServerError, c: Context): Response {
  return denyRequest(c.req, error, MISTAKE).toResponse();
}

const MISTAKE = { name: 'deny', advice: '; put authenticate() before it' };
