import type { Wanted } from '../answer/denial.js';
import type { Auth } from '../auth.js';
import { holds } from '../diagnostics.js';
import {
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidTokenError,
  type ResourceServerError,
} from '../errors.js';
import { faultOfAuthentication, type Moment } from './authentication.js';
import { authorizationDetailsOf } from './authorization-details.js';
import { type Requirement, scopesOf } from './requirement.js';

/**
 * What keeps a caller out of a route, or undefined when the requirement is met.
 *
 * @param auth undefined for a request without credentials, which meets nothing
 * @param moment when this is; looked at only where the requirement depends on it
 */
export function checkRequirement(
  auth: Auth | undefined,
  requirement: Requirement,
  moment: Moment,
): ResourceServerError | undefined {
  if (auth === undefined) return new InvalidTokenError('missing_credentials');
  const { claims, authentication, authorizationDetails } = requirement;
  // First, since its challenge can name the scopes too, and nobody has to come twice (RFC 9470 §3).
  const fault = authentication && faultOfAuthentication(auth, authentication, moment);
  if (fault !== undefined) return new InsufficientUserAuthenticationError(fault);
  if (!grantsScopes(auth, requirement)) return new InsufficientScopeError('insufficient_scope');
  if (claims !== undefined && !holds('claims', () => claims(auth.claims, auth)))
    return new InsufficientScopeError('claims_not_met');
  if (authorizationDetails !== undefined && !grantsDetails(auth, authorizationDetails))
    return new InsufficientScopeError('authorization_details_not_met');
  return undefined;
}

/**
 * What a challenge says of requirements that are not met. All scopes that they name: everything at once, not what is missing first (RFC 6750 §3). Where the user has
 * to authenticate anew, the scopes only if they are missing as well (RFC 9470 §3).
 */
export function wantedBy(
  requirement: Requirement,
  error: ResourceServerError,
  auth: Auth | undefined,
): Wanted {
  if (!(error instanceof InsufficientUserAuthenticationError)) return { scopes: scopesOf([requirement]) };
  const isGranted = auth !== undefined && grantsScopes(auth, requirement);
  const { acrValues, maxAgeSeconds } = requirement.authentication ?? {};
  return { acrValues, maxAgeSeconds, scopes: isGranted ? [] : scopesOf([requirement]) };
}

function grantsScopes({ scopes }: Auth, { allScopes, anyScope }: Requirement): boolean {
  if (allScopes !== undefined && !allScopes.every((scope) => scopes.includes(scope))) return false;
  return anyScope === undefined || anyScope.some((scope) => scopes.includes(scope));
}

/** Not asked where there are none: a predicate such as `details.every(…)` would be true of nothing. */
function grantsDetails(auth: Auth, predicate: NonNullable<Requirement['authorizationDetails']>): boolean {
  const details = authorizationDetailsOf(auth);
  return details.length > 0 && holds('authorizationDetails', () => predicate(details, auth));
}
