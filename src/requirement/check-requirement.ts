import type { Auth } from '../auth.js';
import { holds } from '../diagnostics.js';
import {
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidTokenError,
  type ResourceServerError,
} from '../errors.js';
import type { InsufficientScopeReason } from '../reasons.js';
import { authenticationFault, combineAuthentication, type Moment } from './authentication.js';
import { authorizationDetailsOf } from './authorization-details.js';
import { type Requirement, requiredScopes } from './requirement.js';

/** What the route wants of an access token, for the challenge. */
export interface Wanted {
  /** Empty if that isn't known or doesn't matter. */
  readonly scopes?: readonly string[];
  readonly acrValues?: readonly string[] | undefined;
  readonly maxAgeSeconds?: number | undefined;
}

/** What keeps a caller out of a route, and what the challenge says of it. */
export interface Unmet {
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
 * @param moment looked at only if a requirement depends on the time
 * @returns undefined when all of them are met
 */
export function checkRequirements(
  auth: Auth | undefined,
  requirements: readonly Requirement[],
  moment: Moment,
): Unmet | undefined {
  const named = (): readonly string[] => requiredScopes(requirements);
  if (auth === undefined)
    return { error: new InvalidTokenError('missing_credentials'), wanted: { scopes: named() } };
  const isGranted = requirements.every((requirement) => grantsScopes(auth, requirement));
  for (const { authentication } of requirements) {
    const fault = authentication && authenticationFault(auth, authentication, moment);
    if (fault === undefined) continue;
    const error = new InsufficientUserAuthenticationError(fault);
    const together = combineAuthentication(requirements.flatMap((each) => each.authentication ?? []));
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

function grantsScopes({ scopes }: Auth, { allScopes, anyScope }: Requirement): boolean {
  if (allScopes !== undefined && !allScopes.every((scope) => scopes.includes(scope))) return false;
  return anyScope === undefined || anyScope.some((scope) => scopes.includes(scope));
}
