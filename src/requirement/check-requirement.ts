import { returnsTrue } from '../ask-application.js';
import type { Auth } from '../auth.js';
import {
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidTokenError,
  type ResourceServerError,
} from '../errors.js';
import { isJsonObject } from '../lib/json.js';
import type { TokenClock } from '../lib/runtime.js';
import type { InsufficientScopeReason, InsufficientUserAuthenticationReason } from '../reasons.js';
import { readClaim } from '../token/claims.js';
import { grantsScope, type ImpliedScopes } from './implied-scopes.js';
import {
  type AuthenticationRequirement,
  type AuthorizationDetail,
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  type Requirement,
  requiredScopes,
} from './requirement.js';

/** What the route requires of an access token, for the challenge. */
export interface Wanted {
  /** Empty if they're unknown or don't matter. */
  readonly scopes?: readonly string[];
  readonly acrValues?: readonly string[] | undefined;
  readonly maxAgeSeconds?: number | undefined;
}

/** What a check depends on besides the token: the time, and what scopes imply. */
interface Circumstances {
  readonly runtime: TokenClock;
  readonly impliedScopes: ImpliedScopes;
}

/** Why a caller is refused, and what the challenge says about it. */
interface Unmet {
  readonly error: ResourceServerError;
  readonly wanted: Wanted;
}

/**
 * Checks all requirements of a route together, so that one challenge can name everything the client needs.
 *
 * The order: first how the user authenticated, because that challenge can name the scopes too, so the user
 * doesn't have to come twice (RFC 9470 §3); then scopes, claims and authorization details. A predicate isn't
 * called if something before it is missing.
 *
 * The challenge names every scope of every requirement, not only the missing ones: a client requests exactly
 * these (RFC 6750 §3). If the user must authenticate again, they're named only if one of them is missing too.
 *
 * @param auth undefined for a request without credentials, which meets nothing
 * @param circumstances the time is read only if a requirement depends on it
 * @returns undefined if all of them are met
 */
export function checkRequirements(
  auth: Auth | undefined,
  requirements: readonly Requirement[],
  { runtime, impliedScopes }: Circumstances,
): Unmet | undefined {
  if (auth === undefined) {
    const scopes = requiredScopes(requirements, impliedScopes);
    return { error: new InvalidTokenError('missing_credentials'), wanted: { scopes } };
  }
  const isGranted = requirements.every((requirement) => grantsScopes(auth, requirement, impliedScopes));
  for (const { authentication } of requirements) {
    const fault = authentication && authenticationFault(auth, authentication, runtime);
    if (fault === undefined) continue;
    const error = new InsufficientUserAuthenticationError(fault);
    const together = combineAuthentication(requirements);
    const scopes = isGranted ? [] : requiredScopes(requirements, impliedScopes);
    return { error, wanted: { ...together, scopes } };
  }
  const reason = isGranted ? unmetPredicate(auth, requirements) : 'insufficient_scope';
  if (reason === undefined) return undefined;
  const scopes = requiredScopes(requirements, impliedScopes);
  return { error: new InsufficientScopeError(reason), wanted: { scopes } };
}

function unmetPredicate(
  auth: Auth,
  requirements: readonly Requirement[],
): InsufficientScopeReason | undefined {
  for (const { claims } of requirements)
    if (claims !== undefined && !meetsClaims(auth, claims)) return 'claims_not_met';
  for (const { authorizationDetails } of requirements)
    if (authorizationDetails !== undefined && !meetsDetails(auth, authorizationDetails))
      return 'authorization_details_not_met';
  return undefined;
}

function meetsClaims(auth: Auth, predicate: ClaimsPredicate): boolean {
  return returnsTrue('claims', () => predicate(auth.claims, auth));
}

function meetsDetails(auth: Auth, predicate: AuthorizationDetailsPredicate): boolean {
  const details = authorizationDetailsOf(auth);
  // Not called for an empty list: `details.every(…)` would be true.
  return details.length > 0 && returnsTrue('authorizationDetails', () => predicate(details, auth));
}

function grantsScopes(
  { scopes }: Auth,
  { allScopes, anyScope }: Requirement,
  implied: ImpliedScopes,
): boolean {
  for (const scope of allScopes ?? []) if (!grantsScope(scopes, scope, implied)) return false;
  return anyScope === undefined || anyScope.some((scope) => grantsScope(scopes, scope, implied));
}

/**
 * Why a token's authentication event isn't enough; undefined if it is. A token that says nothing about it
 * isn't enough (RFC 9470 §6.1). Only `"acr"` and `"auth_time"` count. `"iat"` is when the token was made,
 * which after a refresh says nothing about the user (RFC 9068 §2.2.1).
 */
function authenticationFault(
  { claims }: Auth,
  { acrValues, maxAgeSeconds }: AuthenticationRequirement,
  { clock, clockToleranceSeconds }: TokenClock,
): InsufficientUserAuthenticationReason | undefined {
  if (acrValues !== undefined && !acrValues.some((value) => value === readClaim(claims, 'acr')))
    return 'acr_not_met';
  if (maxAgeSeconds === undefined) return undefined;
  const authTime = readClaim(claims, 'auth_time');
  if (typeof authTime !== 'number') return 'authentication_too_old';
  const age = clock() / 1000 - authTime;
  // Not `age > …`: a clock that returns NaN must refuse. An authentication in the future doesn't count.
  const isRecent = age <= maxAgeSeconds + clockToleranceSeconds && age >= -clockToleranceSeconds;
  return isRecent ? undefined : 'authentication_too_old';
}

/**
 * The demands on the authentication for one challenge that covers all requirements: the classes that each of
 * them accepts, in the order of the first, and the shortest age. If no class suits them all, those of the
 * first: a challenge can't say more.
 */
function combineAuthentication(requirements: readonly Requirement[]): Wanted {
  const demands = requirements.flatMap(({ authentication }) => authentication ?? []);
  const [first, ...others] = demands.flatMap(({ acrValues }) => (acrValues === undefined ? [] : [acrValues]));
  const common = first?.filter((value) => others.every((values) => values.includes(value)));
  const ages = demands.flatMap(({ maxAgeSeconds }) => maxAgeSeconds ?? []);
  return {
    acrValues: common?.length === 0 ? first : common,
    maxAgeSeconds: ages.length > 0 ? Math.min(...ages) : undefined,
  };
}

/**
 * The authorization details of an access token, from the claim `authorization_details` (RFC 9396 §9):
 * `[{ type: "payment", … }]`. Empty if there are none, or if the claim is malformed: one element that isn't
 * an object with a `type` makes the whole claim invalid.
 */
export function authorizationDetailsOf({ claims }: Pick<Auth, 'claims'>): readonly AuthorizationDetail[] {
  const details = readClaim(claims, 'authorization_details');
  return Array.isArray(details) && details.every(isAuthorizationDetail) ? details : [];
}

function isAuthorizationDetail(value: unknown): value is AuthorizationDetail {
  return (
    isJsonObject(value) && Object.hasOwn(value, 'type') && typeof value.type === 'string' && value.type !== ''
  );
}
