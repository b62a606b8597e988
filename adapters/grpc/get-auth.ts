import type { Auth, RegisteredClaims } from '../../src/index.js';
import { getAuth as getAuthOfRequest } from '../kit/index.js';

/**
 * The verified access token of a call that {@link authenticate} let in, never undefined.
 *
 * Also takes an object whose member `auth` is a genuine `Auth`, for unit tests.
 *
 * @param call the one that the handler got
 * @typeParam C the application's own claims
 * @throws {Error} nothing authenticated the call: the method is public, or an interceptor after
 *   {@link authenticate} replaced the metadata
 */
export function getAuth<C extends object = RegisteredClaims>(
  call: { readonly metadata: object } | { readonly auth: unknown },
): Auth<C> {
  return getAuthOfRequest<C>('metadata' in call ? call.metadata : call);
}
