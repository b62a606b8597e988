import type { Auth, RegisteredClaims, Scope } from '../auth.js';
import {
  type Checks,
  checkNames,
  checkObject,
  optional,
  optionError,
  wholeNumberBetween,
  YEAR_SECONDS,
} from '../lib/check.js';
import { typeName } from '../lib/public-text.js';
import { isScopeToken, withoutOfflineAccess } from '../token/scope.js';
import { type ImpliedScopes, narrowest, withoutImplied } from './implied-scopes.js';

/** How and how recently the user must have authenticated (RFC 9470). At least one of the two. */
export interface AuthenticationRequirement {
  /**
   * Accepted authentication context classes, the preferred one first. The token's `"acr"` must be exactly one
   * of them.
   */
  readonly acrValues?: readonly string[];
  /**
   * The greatest age of the user's authentication, in whole seconds, 0 to a year. The clock tolerance is
   * added.
   */
  readonly maxAgeSeconds?: number;
}

/** One thing that an access token allows (RFC 9396 §2). What else is in it depends on its type. */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/**
 * Says whether the authorization details of an access token open a route. Only `true` does: another value, a
 * promise or an exception refuses. Never called with an empty list.
 *
 * Security: a detail of a type that the predicate doesn't know grants nothing, so look for one that allows
 * the request, as with `details.some(…)`.
 *
 * @param details all of them, at least one
 * @param auth everything known about the caller
 */
export type AuthorizationDetailsPredicate<C extends object = RegisteredClaims> = (
  details: readonly AuthorizationDetail[],
  auth: Auth<C>,
) => boolean;

/**
 * Says whether verified claims open a route. Only `true` does: another value, a promise or an exception
 * refuses.
 *
 * @param claims the verified claims
 * @param auth everything known about the caller
 */
export type ClaimsPredicate<C extends object = RegisteredClaims> = (
  claims: Auth<C>['claims'],
  auth: Auth<C>,
) => boolean;

/** What a route requires of an access token. Every member that's present must be met. */
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
  /** Scopes that the route requires too, so that one challenge can name everything (RFC 9470 §3). */
  readonly scopes?: readonly Scope[];
}

const AUTHENTICATION_CHECKS = {
  acrValues: optional(checkAcrValues),
  // A challenge can only carry digits.
  maxAgeSeconds: optional(wholeNumberBetween(0, YEAR_SECONDS)),
} satisfies Checks<AuthenticationRequirement>;

const CHECKS: Checks<Requirement> = {
  allScopes: checkScopes,
  anyScope: checkScopes,
  claims: checkPredicate,
  authentication: checkAuthentication,
  authorizationDetails: checkPredicate,
};
const MEMBERS = Object.keys(CHECKS);

/**
 * Requires all of the given scopes.
 *
 * @param name what messages call the requirement
 * @throws {TypeError} no scope, or something that isn't a scope token (RFC 6749 §3.3), such as `'read write'`
 */
export function requirementOfScopes(scopes: readonly Scope[], name = 'requireScope'): Requirement {
  return freezeAsChecked({ allScopes: checkScopes(scopes, name) });
}

/**
 * Requires at least one of the given scopes.
 *
 * @param name what messages call the requirement
 * @throws {TypeError} no scope, or something that isn't a scope token (RFC 6749 §3.3)
 */
export function requirementOfAnyScope(scopes: readonly Scope[], name = 'requireAnyScope'): Requirement {
  return freezeAsChecked({ anyScope: checkScopes(scopes, name) });
}

/**
 * Requires that `predicate` returns `true` for the claims.
 *
 * @param name what messages call the requirement
 * @throws {TypeError} `predicate` isn't a function
 */
export function requirementOfClaims<C extends object = RegisteredClaims>(
  predicate: ClaimsPredicate<C>,
  name = 'requireClaims',
): Requirement {
  checkPredicate(predicate, name);
  // `as`: the claims' type is the application's promise; nothing checks it at run time.
  return freezeAsChecked({ claims: predicate as unknown as ClaimsPredicate });
}

/**
 * Requires that the user authenticated in one of these ways, or this recently (RFC 9470).
 *
 * @param name what messages call the requirement
 * @throws {TypeError} neither `acrValues` nor `maxAgeSeconds`, or an unknown or wrong member
 */
export function requirementOfAuthentication(
  authentication: AuthenticationOptions,
  name = 'requireAuthentication',
): Requirement {
  checkNames(authentication, ['acrValues', 'maxAgeSeconds', 'scopes'], name);
  const { scopes, ...wanted } = authentication;
  return freezeAsChecked({
    authentication: checkAuthentication(wanted, name),
    ...(scopes !== undefined && { allScopes: checkScopes(scopes, `${name}.scopes`) }),
  });
}

/**
 * Requires that `predicate` returns `true` for the authorization details of the access token (RFC 9396). A
 * token without any doesn't meet it.
 *
 * @param name what messages call the requirement
 * @throws {TypeError} `predicate` isn't a function
 */
export function requirementOfAuthorizationDetails<C extends object = RegisteredClaims>(
  predicate: AuthorizationDetailsPredicate<C>,
  name = 'requireAuthorizationDetails',
): Requirement {
  checkPredicate(predicate, name);
  // `as`: as above.
  return freezeAsChecked({ authorizationDetails: predicate as unknown as AuthorizationDetailsPredicate });
}

/**
 * All scopes that requirements name, once each, as clients may request them: without those that others imply,
 * and of a choice only the narrowest.
 */
export function requiredScopes(
  requirements: readonly Requirement[],
  implied: ImpliedScopes,
): readonly string[] {
  const named = requirements.flatMap(({ allScopes = [], anyScope = [] }) => [
    ...allScopes,
    ...narrowest(anyScope, implied),
  ]);
  return withoutOfflineAccess(withoutImplied([...new Set(named)], implied));
}

/**
 * Refuses a requirement that couldn't deny anything: one without a member, with an unknown member or with an
 * empty list.
 *
 * @throws {TypeError}
 */
export function checkRequirementShape(requirement: Requirement): void {
  if (checkedBefore.has(requirement)) return;
  const given: unknown = requirement;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`a requirement is an object, got ${given === null ? 'null' : typeof given}`);
  for (const member of Object.keys(given)) {
    if (!MEMBERS.includes(member))
      throw new TypeError(`unknown member "${member}" of a requirement; it takes ${MEMBERS.join(', ')}`);
  }
  if (Object.values(given).every((member) => member === undefined))
    throw new TypeError(`a requirement needs one of ${MEMBERS.join(', ')}`);
  for (const [member, check] of Object.entries(CHECKS)) {
    const value: unknown = Reflect.get(given, member);
    if (value !== undefined) check(value, member);
  }
}

/**
 * Requirements that were checked when they were made and can't have changed since. Routes make theirs once
 * and use them for every request.
 */
const checkedBefore = new WeakSet<Requirement>();

function freezeAsChecked(requirement: Requirement): Requirement {
  checkedBefore.add(Object.freeze(requirement));
  return requirement;
}

/**
 * Checks such a requirement, and makes a frozen copy.
 *
 * @throws {TypeError} it has neither member, or an unknown or wrong one
 */
function checkAuthentication(given: unknown, name: string): AuthenticationRequirement {
  const { acrValues, maxAgeSeconds } = checkObject(given, name, AUTHENTICATION_CHECKS);
  if (acrValues === undefined && maxAgeSeconds === undefined)
    throw new TypeError(`${name} needs acrValues or maxAgeSeconds`);
  return Object.freeze({
    ...(acrValues !== undefined && { acrValues }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  });
}

/** Sent as a list separated by spaces (RFC 9470 §3), so a value may have only the characters of a scope. */
function checkAcrValues(given: unknown, name: string): readonly string[] {
  if (Array.isArray(given) && given.length > 0 && [...given].every(isScopeToken))
    return Object.freeze([...new Set(given)]);
  throw optionError(name, 'a list of at least one value without spaces, quotes and backslashes', given);
}

function checkPredicate(given: unknown, name: string): void {
  if (typeof given !== 'function') throw new TypeError(`${name} takes a function, got ${typeof given}`);
}

function checkScopes(given: unknown, name: string): readonly string[] {
  const scopes: readonly unknown[] = Array.isArray(given) ? [...given] : [];
  if (scopes.length === 0) throw new TypeError(`${name} needs at least one scope`);
  const checked = scopes.map((scope) => {
    if (isScopeToken(scope)) return scope;
    const spread = Array.isArray(scope) ? ': spread it (...scopes)' : '';
    const got = typeof scope === 'string' ? JSON.stringify(scope) : `${typeName(scope)}${spread}`;
    const takes = 'scopes without spaces, quotes and backslashes (RFC 6749, section 3.3), one per argument';
    throw new TypeError(`${name} takes ${takes}; got ${got}`);
  });
  return Object.freeze([...new Set(checked)]);
}
