import type { StatusObject } from '@grpc/grpc-js';
import type { ResourceServerError } from '../../src/index.js';
import { denyRequest } from '../kit/index.js';
import { toStatus } from './status.js';

/**
 * The status that refuses a call that {@link authenticate} let in, after a check of your own: with the code
 * and challenge of any other refusal.
 *
 * @param error `new InsufficientScopeError('claims_not_met')`, or another error of this package
 * @param call the one that the handler got
 * @returns for the callback of a unary handler, or to emit as `error` on a stream
 * @throws {Error} nothing authenticated the call
 * @example
 * ```ts
 * import type { handleUnaryCall } from '@grpc/grpc-js';
 * import { InsufficientScopeError } from 'oauth-resource-server';
 * import { deny, getAuth } from 'oauth-resource-server/grpc';
 *
 * type Handler = handleUnaryCall<{ owner: string }, { orders: string[] }>;
 * export const listOrders: Handler = (call, callback) => {
 *   if (call.request.owner === getAuth(call).subject) callback(null, { orders: [] });
 *   else callback(deny(new InsufficientScopeError('claims_not_met'), call));
 * };
 * ```
 */
export function deny(error: ResourceServerError, call: { readonly metadata: object }): StatusObject {
  return toStatus(denyRequest(call.metadata, error, MISTAKE));
}

const MISTAKE = { name: 'deny', advice: '. List its method, but not as public' };
