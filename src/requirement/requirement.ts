import type { Auth, RegisteredClaims, Scope } from '../auth.js';
import { checkNames } from '../lib/check.js';
import { isScopeToken, withoutOfflineAccess } from '../token/scope.js';
import { type AuthenticationRequirement, checkAuthentication } from './authentication.js';
import type { AuthorizationDetailsPredicate } from './authorization-details.js';

/**
 * Says whether verified claims open a route. Only `true` does: another value, a promise or an exception
 * refuses.
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
  /** How and how recently the user must have authenticated (RFC 9470). */
  readonly authentication?: AuthenticationRequirement;
  /** A condition on the authorization details (RFC 9396). */
  readonly authorizationDetails?: AuthorizationDetailsPredicate;
}

/** What `requireAuthentication` takes. */
export interface AuthenticationOptions extends AuthenticationRequirement {
  /** Scopes that the route requires as well, so that one challenge can name all of it (RFC 9470 §3). */
  readonly scopes?: readonly Scope[];
}

const MEMBERS: readonly string[] = [
  'allScopes',
  'anyScope',
  'claims',
  'authentication',
  'authorizationDetails',
] satisfies (keyof Requirement)[];

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
  checkPredicate(predicate, name);
  // The claims' type is the application's promise, nothing checks it at run time.
  return known({ claims: predicate as unknown as ClaimsPredicate });
}

/**
 * The requirement that the user authenticated in one of these ways, or that recently (RFC 9470).
 *
 * @throws {TypeError} neither `acrValues` nor `maxAgeSeconds`, or an unknown or wrong member
 */
export function requirementOfAuthentication(
  authentication: AuthenticationOptions,
  name = 'requireAuthentication',
): Requirement {
  checkNames(authentication, ['acrValues', 'maxAgeSeconds', 'scopes'], name);
  const { scopes, ...wanted } = authentication;
  return known({
    authentication: checkAuthentication(wanted, name),
    ...(scopes !== undefined && { allScopes: checkScopes(scopes, `${name}.scopes`) }),
  });
}

/**
 * The requirement that `predicate` returns `true` for the authorization details of the access token (RFC
 * 9396). A token without any does not meet it.
 *
 * @throws {TypeError} `predicate` is not a function
 */
export function requirementOfAuthorizationDetails<C extends object = RegisteredClaims>(
  predicate: AuthorizationDetailsPredicate<C>,
  name = 'requireAuthorizationDetails',
): Requirement {
  checkPredicate(predicate, name);
  return known({ authorizationDetails: predicate as unknown as AuthorizationDetailsPredicate }); // as above
}

/** All scopes that requirements name, once each, as clients may ask for them. */
export function requiredScopes(requirements: readonly Requirement[]): readonly string[] {
  const named = requirements.flatMap(({ allScopes = [], anyScope = [] }) => [...allScopes, ...anyScope]);
  return withoutOfflineAccess([...new Set(named)]);
}

/**
 * Refuses a requirement that could not deny anything: one without a member, with an unknown member or an
 * empty list.
 *
 * @throws {TypeError}
 */
export function checkRequirementShape(requirement: Requirement): void {
  if (checked.has(requirement)) return;
  const given: unknown = requirement;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`a requirement is an object, got ${given === null ? 'null' : typeof given}`);
  for (const member of Object.keys(given)) {
    if (!MEMBERS.includes(member))
      throw new TypeError(`unknown member "${member}" of a requirement; it takes ${MEMBERS.join(', ')}`);
  }
  if (Object.values(given).every((member) => member === undefined))
    throw new TypeError(`a requirement needs one of ${MEMBERS.join(', ')}`);
  const { allScopes, anyScope, claims, authentication, authorizationDetails } = requirement;
  if (allScopes !== undefined) checkScopes(allScopes, 'allScopes');
  if (anyScope !== undefined) checkScopes(anyScope, 'anyScope');
  if (claims !== undefined) checkPredicate(claims, 'claims');
  if (authentication !== undefined) checkAuthentication(authentication, 'authentication');
  if (authorizationDetails !== undefined) checkPredicate(authorizationDetails, 'authorizationDetails');
}

/**
 * Requirements that were checked when they were made, and cannot have changed since: routes make theirs once
 * and use them for every request.
 */
const checked = new WeakSet<Requirement>();

function known(requirement: Requirement): Requirement {
  checked.add(Object.freeze(requirement));
  return requirement;
}

function checkPredicate(given: unknown, name: string): void {
  if (typeof given !== 'function') throw new TypeError(`${name} takes a function, got ${typeof given}`);
}

function checkScopes(scopes: readonly string[], name: string): readonly string[] {
  if (!Array.isArray(scopes) || scopes.length === 0) throw new TypeError(`${name} needs at least one scope`);
  for (const scope of scopes) {
    if (!isScopeToken(scope)) {
      throw new TypeError(
        `${name} takes scopes without spaces, quotes and backslashes (RFC 6749, section 3.3), ` +
          `one per argument; got ${describe(scope)}`,
      );
    }
  }
  return Object.freeze([...new Set(scopes)]);
}

function describe(scope: unknown): string {
  return typeof scope === 'string' ? JSON.stringify(scope) : typeof scope;
}
