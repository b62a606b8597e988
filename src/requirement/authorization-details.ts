import type { Auth, RegisteredClaims } from '../auth.js';
import { isJsonObject } from '../lib/json.js';

/** One thing that an access token allows (RFC 9396 §2). What else is in it depends on its type. */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/**
 * Says whether the authorization details of an access token open a route. Only `true` does: another value, a
 * promise or an exception refuses. Never called without a detail.
 *
 * Security: a detail of a type that the predicate does not know grants nothing, so look for one that allows
 * the request, as with `details.some(…)`.
 *
 * @param details all of them, at least one
 * @param auth everything that is known of the caller
 */
export type AuthorizationDetailsPredicate<C extends object = RegisteredClaims> = (
  details: readonly AuthorizationDetail[],
  auth: Auth<C>,
) => boolean;

/**
 * The authorization details of an access token, from the claim `authorization_details` (RFC 9396 §9): `[{
 * type: "payment", … }]`. Empty where there are none, and where the claim is malformed: one element that is
 * not an object with a `type` makes the whole claim worth nothing.
 */
export function authorizationDetailsOf({ claims }: Pick<Auth, 'claims'>): readonly AuthorizationDetail[] {
  if (!Object.hasOwn(claims, 'authorization_details')) return [];
  const { authorization_details: details } = claims;
  return Array.isArray(details) && details.every(isAuthorizationDetail) ? details : [];
}

function isAuthorizationDetail(value: unknown): value is AuthorizationDetail {
  return (
    isJsonObject(value) && Object.hasOwn(value, 'type') && typeof value.type === 'string' && value.type !== ''
  );
}
