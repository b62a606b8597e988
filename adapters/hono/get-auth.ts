import type { Context } from 'hono';
import type { Auth, RegisteredClaims } from '../../src/index.js';
import { findAuth, getAuth as getAuthOfRequest } from '../kit/index.js';

/**
 * The verified access token of a request that {@link authenticate} let in, never undefined. In a unit test,
 * it may also be a genuine `Auth` that the test set as the variable `auth`.
 *
 * @typeParam C the application's own claims
 * @throws {Error} nothing authenticated the request, or it's anonymous (`optional: true`)
 */
export function getAuth<C extends object = RegisteredClaims>(c: Context): Auth<C> {
  return getAuthOfRequest<C>(findAuth(c.req) === undefined ? c.var : c.req);
}
