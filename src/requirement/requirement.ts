import type { Auth, RegisteredClaims, Scope } from '../auth.js';
import { isScopeToken } from './scope.js';

/**
 * Says whether verified claims open a route. Only `true` does: another value, a promise or an exception refuses.
 *
 * @param claims the verified claims
 * @param auth everything that is known of the caller
 */
export type ClaimsPredicate<C extends object = RegisteredClaims> = (
  claims: Auth<C>['claims'],
  auth: Auth<C>,
) => boolean;

/** What a route wants of an access token. Every member that is present must hold. */
export interface Requirement {
  /** All of these scopes. */
  readonly allScopes?: readonly string[];
  /** At least one of these scopes. */
  readonly anyScope?: readonly string[];
  /** A condition on the claims. */
  readonly claims?: ClaimsPredicate;
}

/**
 * The requirement of all the given scopes.
 *
 * @throws {TypeError} no scope, or one that is not a scope token (RFC 6749 §3.3), such as `'read write'`
 */
export function requirementOfScopes(scopes: readonly Scope[], name = 'requireScope'): Requirement {
  return known({ allScopes: checkScopes(scopes, name) });
}

/**
 * The requirement of at least one of the given scopes.
 *
 * @throws {TypeError} no scope, or one that is not a scope token (RFC 6749 §3.3)
 */
export function requirementOfAnyScope(scopes: readonly Scope[], name = 'requireAnyScope'): Requirement {
  return known({ anyScope: checkScopes(scopes, name) });
}

/**
 * The requirement that `predicate` returns `true` for the claims.
 *
 * @throws {TypeError} `predicate` is not a function
 */
export function requirementOfClaims<C extends object = RegisteredClaims>(
  predicate: ClaimsPredicate<C>,
  name = 'requireClaims',
): Requirement {
  if (typeof predicate !== 'function')
    throw new TypeError(`${name} takes a function, got ${typeof predicate}`);
  return known({ claims: predicate as unknown as ClaimsPredicate }); // the claims' type is the application's promise, nothing checks it at run time
}

/**
 * Refuses a requirement that could not deny anything: one without a member, with an unknown member or an empty list.
 *
 * @throws {TypeError}
 */
export function checkRequirementShape(requirement: Requirement): void {
  if (checked.has(requirement)) return;
  const given: unknown = requirement;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`a requirement is an object, got ${given === null ? 'null' : typeof given}`);
  const members = Object.keys(given);
  if (members.length === 0) throw new TypeError('a requirement needs allScopes, anyScope or claims');
  for (const member of members) {
    if (member !== 'allScopes' && member !== 'anyScope' && member !== 'claims')
      throw new TypeError(
        `unknown member "${member}" of a requirement; it takes allScopes, anyScope and claims`,
      );
  }
  const { allScopes, anyScope, claims } = requirement;
  if (allScopes !== undefined) checkScopes(allScopes, 'allScopes');
  if (anyScope !== undefined) checkScopes(anyScope, 'anyScope');
  if (claims !== undefined && typeof claims !== 'function')
    throw new TypeError(`claims takes a function, got ${typeof claims}`);
  if (allScopes === undefined && anyScope === undefined && claims === undefined)
    throw new TypeError('a requirement needs allScopes, anyScope or claims');
}

/** Requirements that were checked when they were made, and cannot have changed since: routes make theirs once and use them for every request. */
const checked = new WeakSet<Requirement>();

function known(requirement: Requirement): Requirement {
  checked.add(Object.freeze(requirement));
  return requirement;
}

function checkScopes(scopes: readonly string[], name: string): readonly string[] {
  if (!Array.isArray(scopes) || scopes.length === 0) throw new TypeError(`${name} needs at least one scope`);
  for (const scope of scopes) {
    if (!isScopeToken(scope)) {
      throw new TypeError(
        `${name} takes scopes without spaces, quotes and backslashes (RFC 6749, section 3.3), one per argument; got ${describe(scope)}`,
      );
    }
  }
  return Object.freeze([...new Set(scopes)]);
}

function describe(scope: unknown): string {
  return typeof scope === 'string' ? JSON.stringify(scope) : typeof scope;
}
