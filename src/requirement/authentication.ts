import type { Auth } from '../auth.js';
import { checkNames, optional, optionError, wholeNumberBetween } from '../lib/check.js';
import type { InsufficientUserAuthenticationReason } from '../reasons.js';
import { isScopeToken } from '../token/scope.js';

/** How and how recently the user must have authenticated (RFC 9470). At least one of the two. */
export interface AuthenticationRequirement {
  /**
   * Accepted authentication context classes, the preferred one first: the token's `"acr"` must be one of
   * them, exactly.
   */
  readonly acrValues?: readonly string[];
  /**
   * How long ago the user may have authenticated, in whole seconds, 0 to a year; the clock tolerance is
   * added.
   */
  readonly maxAgeSeconds?: number;
}

/** The time that a requirement is looked at. */
export interface Moment {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly clockToleranceSeconds: number;
}

/** Longer is a mistake, most often milliseconds. */
const YEAR_SECONDS = 31_536_000;

/**
 * Why a token's authentication event does not do; undefined where it does. A token that does not tell does
 * not (RFC 9470 §6.1). Only `"acr"` and `"auth_time"` count: `"iat"` is when the token was made, which after
 * a refresh says nothing about the user (RFC 9068 §2.2.1).
 */
export function authenticationFault(
  { claims }: Auth,
  { acrValues, maxAgeSeconds }: AuthenticationRequirement,
  { clock, clockToleranceSeconds }: Moment,
): InsufficientUserAuthenticationReason | undefined {
  if (acrValues !== undefined && !acrValues.some((value) => value === ownClaim(claims, 'acr')))
    return 'acr_not_met';
  if (maxAgeSeconds === undefined) return undefined;
  const authTime = ownClaim(claims, 'auth_time');
  if (typeof authTime !== 'number') return 'authentication_too_old';
  const age = clock() / 1000 - authTime;
  // Not `age > …`: a clock that returns NaN must refuse. An authentication in the future is no
  // authentication.
  const isRecent = age <= maxAgeSeconds + clockToleranceSeconds && age >= -clockToleranceSeconds;
  return isRecent ? undefined : 'authentication_too_old';
}

/**
 * What one challenge asks for so that all of the given demands are met: the classes that each of them
 * accepts, in the order of the first, and the shortest age. If no class suits all of them, those of the
 * first, since a challenge can't say more.
 */
export function combineAuthentication(
  demands: readonly AuthenticationRequirement[],
): AuthenticationRequirement {
  const [first, ...others] = demands.flatMap(({ acrValues }) => (acrValues === undefined ? [] : [acrValues]));
  const common = first?.filter((value) => others.every((values) => values.includes(value)));
  const acrValues = common?.length === 0 ? first : common;
  const ages = demands.flatMap(({ maxAgeSeconds }) => maxAgeSeconds ?? []);
  return {
    ...(acrValues !== undefined && { acrValues }),
    ...(ages.length > 0 && { maxAgeSeconds: Math.min(...ages) }),
  };
}

/**
 * Checks such a requirement, and makes a frozen copy.
 *
 * @throws {TypeError} it has neither member, or an unknown or wrong one
 */
export function checkAuthentication(
  given: AuthenticationRequirement,
  name: string,
): AuthenticationRequirement {
  checkNames(given, ['acrValues', 'maxAgeSeconds'], name);
  const { acrValues, maxAgeSeconds } = given;
  if (acrValues === undefined && maxAgeSeconds === undefined)
    throw new TypeError(`${name} needs acrValues or maxAgeSeconds`);
  // Sent in digits only.
  const seconds = optional(wholeNumberBetween(0, YEAR_SECONDS))(maxAgeSeconds, `${name}.maxAgeSeconds`);
  return Object.freeze({
    ...(acrValues !== undefined && { acrValues: checkAcrValues(acrValues, `${name}.acrValues`) }),
    ...(seconds !== undefined && { maxAgeSeconds: seconds }),
  });
}

/**
 * Sent as a list with spaces between (RFC 9470 §3), so the same characters as in a scope are what a value can
 * have.
 */
function checkAcrValues(given: readonly string[], name: string): readonly string[] {
  if (Array.isArray(given) && given.length > 0 && given.every(isScopeToken)) {
    return Object.freeze([...new Set(given)]);
  }
  throw optionError(name, 'a list of at least one value without spaces, quotes and backslashes', given);
}

/** Never what every object inherits. */
function ownClaim(claims: Auth['claims'], name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
