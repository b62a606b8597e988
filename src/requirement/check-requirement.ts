import type { Auth } from '../auth.js';
import { holds } from '../diagnostics.js';
import { InsufficientScopeError, InvalidTokenError, type ResourceServerError } from '../errors.js';
import type { Requirement } from './requirement.js';

/**
 * What keeps a caller out of a route, or undefined when the requirement is met.
 *
 * @param auth undefined for a request without credentials, which meets nothing
 */
export function checkRequirement(
  auth: Auth | undefined,
  requirement: Requirement,
): ResourceServerError | undefined {
  if (auth === undefined) return new InvalidTokenError('missing_credentials');
  const { allScopes, anyScope, claims } = requirement;
  const granted = auth.scopes;
  if (allScopes !== undefined && !allScopes.every((scope) => granted.includes(scope)))
    return new InsufficientScopeError('insufficient_scope');
  if (anyScope !== undefined && !anyScope.some((scope) => granted.includes(scope)))
    return new InsufficientScopeError('insufficient_scope');
  if (claims !== undefined && !holds('claims', () => claims(auth.claims, auth)))
    return new InsufficientScopeError('claims_not_met');
  return undefined;
}

/** All scopes that a requirement names, for the challenge: everything at once, not what is missing first (RFC 6750 §3). */
export function requiredScopes({ allScopes = [], anyScope = [] }: Requirement): readonly string[] {
  return [...new Set([...allScopes, ...anyScope])];
}
