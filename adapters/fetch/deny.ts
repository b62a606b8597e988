import type { ResourceServerError } from '../../src/index.js';
import { denyRequest } from '../kit/index.js';

/**
 * The `Response` that refuses a request that a gate let in, after a check of your own: with the status,
 * challenge and body of any other refusal.
 *
 * @param error `new InsufficientScopeError('claims_not_met')`, or another error of this package
 * @param request the one you gave the gate, or the one your handler got from `protect`
 * @throws {Error} no gate has seen the request
 * @example
 * ```ts
 * import { InsufficientScopeError } from 'oauth-resource-server';
 * import { deny, getAuth, resourceServer } from 'oauth-resource-server/fetch';
 *
 * const gate = resourceServer(options);
 * export const GET = gate.protect((request) => {
 *   if (request.url.endsWith(`/${getAuth(request).subject}`)) return Response.json([]);
 *   return deny(new InsufficientScopeError('claims_not_met'), request);
 * });
 * ```
 */
export function deny(error: ResourceServerError, request: Request): Response {
  return denyRequest(request, error, MISTAKE).toResponse();
}

const MISTAKE = { name: 'deny', advice: '; give the request to a gate first' };
