import { isResourceServerError } from '../../src/index.js';
import { refuseOrContinue } from '../kit/check-requirements.js';
import { denyRequest, type Reply } from '../kit/index.js';

/**
 * Refuses a request that the plugin let through, after a check of your own: with the status, challenge and
 * body of any other refusal. With `errors: 'next'` it passes the error to Fastify's error handler.
 *
 * It has the signature of a Fastify error handler. So `app.setErrorHandler(deny)` answers every error of this
 * package that a hook or handler throws, and leaves all others to Fastify.
 *
 * @param error `new InsufficientScopeError('claims_not_met')`, or another error of this package
 * @returns the reply, for an async hook or handler to return
 * @example
 * ```ts
 * import { fastify } from 'fastify';
 * import { InsufficientScopeError } from 'oauth-resource-server';
 * import { deny, getAuth, resourceServer } from 'oauth-resource-server/fastify';
 *
 * const app = fastify();
 * await app.register(resourceServer, options);
 * app.get<{ Params: { owner: string } }>('/orders/of/:owner', async (request, reply) => {
 *   if (request.params.owner === getAuth(request).subject) return [];
 *   return deny(new InsufficientScopeError('claims_not_met'), request, reply);
 * });
 * ```
 */
export function deny<R extends { send(payload: unknown): unknown }>(
  error: unknown,
  request: object,
  reply: R,
): R {
  const hand = (given: unknown): void => void reply.send(given);
  if (!isResourceServerError(error)) hand(error);
  // The reply types of the route don't cover a refusal.
  else refuseOrContinue(() => denyRequest(request, error, MISTAKE), reply as object as Reply, hand);
  return reply;
}

const MISTAKE = { name: 'deny', advice: '. Register the resourceServer plugin in this scope or around it' };
