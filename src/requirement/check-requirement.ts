import type { Auth } from '../auth.js';
import { holds } from '../diagnostics.js';
import {
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidTokenError,
  type ResourceServerError,
} from '../errors.js';
import { isJsonObject } from '../lib/json.js';
import type { Runtime } from '../lib/runtime.js';
import type { InsufficientScopeReason, InsufficientUserAuthenticationReason } from '../reasons.js';
import { readClaim } from '../token/claims.js';
import { grantsScope, type ImpliedScopes } from './implied-scopes.js';
import {
  type AuthenticationRequirement,
  type AuthorizationDetail,
  type Requirement,
  requiredScopes,
} from './requirement.js';

/** What the route wants of an access token, for the challenge. */
export interface Wanted {
  /** Empty if that isn't known or doesn't matter. */
  readonly scopes?: readonly string[];
  readonly acrValues?: readonly string[] | undefined;
  readonly maxAgeSeconds?: number | undefined;
}

/** What a check depends on beside the token: the time, and what scopes imply. */
interface Terms {
  readonly runtime: Moment;
  readonly impliedScopes: ImpliedScopes;
}

type Moment = Pick<Runtime, 'clock' | 'clockToleranceSeconds'>;

/** What keeps a caller out of a route, and what the challenge says of it. */
interface Unmet {
  readonly error: ResourceServerError;
  readonly wanted: Wanted;
}

/**
 * Checks all requirements of a route together, so that one challenge can name everything that the client
 * needs.
 *
 * The order: how the user authenticated, since that challenge can name the scopes too and nobody has to come
 * twice (RFC 9470 §3); then scopes, claims and authorization details. A predicate isn't called if anything
 * before it is missing.
 *
 * The challenge names every scope of every requirement, not only those that are missing: a client asks for
 * exactly these (RFC 6750 §3). If the user has to authenticate again, they're named only if one of them is
 * missing as well.
 *
 * @param auth undefined for a request without credentials, which meets nothing
 * @param terms the time is looked at only if a requirement depends on it
 * @returns undefined when all of them are met
 */
export function checkRequirements(
  auth: Auth | undefined,
  requirements: readonly Requirement[],
  { runtime, impliedScopes }: Terms,
): Unmet | undefined {
  const named = (): readonly string[] => requiredScopes(requirements, impliedScopes);
  if (auth === undefined)
    return { error: new InvalidTokenError('missing_credentials'), wanted: { scopes: named() } };
  const isGranted = requirements.every((requirement) => grantsScopes(auth, requirement, impliedScopes));
  for (const { authentication } of requirements) {
    const fault = authentication && authenticationFault(auth, authentication, runtime);
    if (fault === undefined) continue;
    const error = new InsufficientUserAuthenticationError(fault);
    const together = combineAuthentication(requirements);
    return { error, wanted: { ...together, scopes: isGranted ? [] : named() } };
  }
  const reason = isGranted ? unmetPredicate(auth, requirements) : 'insufficient_scope';
  return reason && { error: new InsufficientScopeError(reason), wanted: { scopes: named() } };
}

function unmetPredicate(
  auth: Auth,
  requirements: readonly Requirement[],
): InsufficientScopeReason | undefined {
  for (const { claims } of requirements)
    if (claims !== undefined && !holds('claims', () => claims(auth.claims, auth))) return 'claims_not_met';
  for (const { authorizationDetails: predicate } of requirements) {
    if (predicate === undefined) continue;
    const details = authorizationDetailsOf(auth);
    // Not asked about nothing: `details.every(…)` would be true of it.
    if (details.length === 0 || !holds('authorizationDetails', () => predicate(details, auth)))
      return 'authorization_details_not_met';
  }
  return undefined;
}

function grantsScopes(
  { scopes }: Auth,
  { allScopes, anyScope }: Requirement,
  implied: ImpliedScopes,
): boolean {
  const isGranted = (scope: string): boolean => grantsScope(scopes, scope, implied);
  if (allScopes !== undefined && !allScopes.every(isGranted)) return false;
  return anyScope === undefined || anyScope.some(isGranted);
}

/**
 * Why a token's authentication event isn't enough; undefined if it is. A token that says nothing about it
 * isn't enough (RFC 9470 §6.1). Only `"acr"` and `"auth_time"` count: `"iat"` is when the token was made,
 * which after a refresh says nothing about the user (RFC 9068 §2.2.1).
 */
function authenticationFault(
  { claims }: Auth,
  { acrValues, maxAgeSeconds }: AuthenticationRequirement,
  { clock, clockToleranceSeconds }: Moment,
): InsufficientUserAuthenticationReason | undefined {
  if (acrValues !== undefined && !acrValues.some((value) => value === readClaim(claims, 'acr')))
    return 'acr_not_met';
  if (maxAgeSeconds === undefined) return undefined;
  const authTime = readClaim(claims, 'auth_time');
  if (typeof authTime !== 'number') return 'authentication_too_old';
  const age = clock() / 1000 - authTime;
  // Not `age > …`: a clock that returns NaN must refuse. An authentication in the future is no
  // authentication.
  const isRecent = age <= maxAgeSeconds + clockToleranceSeconds && age >= -clockToleranceSeconds;
  return isRecent ? undefined : 'authentication_too_old';
}

/**
 * What one challenge asks for so that all demands on the authentication are met: the classes that each of
 * them accepts, in the order of the first, and the shortest age. If no class suits all of them, those of the
 * first, since a challenge can't say more.
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
 * The authorization details of an access token, from the claim `authorization_details` (RFC 9396 §9): `[{
 * type: "payment", … }]`. Empty where there are none, and where the claim is malformed: one element that is
 * not an object with a `type` makes the whole claim worth nothing.
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
