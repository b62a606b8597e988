import type { StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import type { InvalidTokenReason } from '../reasons.js';
import { isJsonObject } from './compact-jws.js';
import { parseScopes } from './scope.js';

const STRING_CLAIMS = ['sub', 'client_id', 'jti', 'acr'] as const;
const DATE_CLAIMS = ['exp', 'nbf', 'iat', 'auth_time'] as const;
/** RFC 9068 §2.2. */
const PROFILE_CLAIMS = ['exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const;

/**
 * Checks the registered claims of a token of `issuer` (RFC 7519 §4.1, RFC 9068 §4): types, dates, audience.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds tolerated clock difference
 * @throws {InvalidTokenError} `invalid_claim`, `missing_claim`, `expired`, `not_yet_valid`, `issued_in_future`, `aud_mismatch`
 */
export function checkClaims(
  claims: Record<string, unknown>,
  issuer: ResolvedIssuer,
  now: number,
  toleranceSeconds: number,
): asserts claims is Record<string, unknown> & StandardClaims {
  if (claimsOfWrongType(claims).length > 0) throw new InvalidTokenError('invalid_claim');
  const fault = faultOfDates(claims, now, toleranceSeconds);
  if (fault !== undefined) throw new InvalidTokenError(fault);
  checkAudience(claims, issuer);
  if (missingClaims(claims, issuer).length > 0) throw new InvalidTokenError('missing_claim');
}

/** `"aud"` (audience) as a list; empty when the claim is absent (RFC 7519 §4.1.3). */
export function audienceOf(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const { aud } = claims;
  if (typeof aud === 'string') return [aud];
  return isStringArray(aud) ? aud : [];
}

/**
 * The value of a claim by name, or by a path such as `realm_access.roles` when no claim has that very name.
 * Only the token's own members count, never those that every object inherits.
 */
export function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const member of name.split('.')) {
    if (!isJsonObject(value) || !Object.hasOwn(value, member)) return undefined;
    value = value[member];
  }
  return value;
}

/**
 * The scopes that a token grants: the claim that the issuer has them in, as a string, or as an array where the issuer was said to send one.
 *
 * @param parse how a string is read; the same as {@link parseScopes}, which the verifier remembers for
 */
export function grantedScopes(
  claims: Readonly<Record<string, unknown>>,
  issuer: ResolvedIssuer,
  parse: (scope: string) => readonly string[] = parseScopes,
): readonly string[] {
  const scope = claimAt(claims, issuer.scopeClaim);
  if (typeof scope === 'string') return parse(scope);
  return issuer.scopeMayBeArray ? parseScopes(scope) : [];
}

/** The registered claims, `"aud"` aside, that are there and of a type that they cannot have (RFC 7519 §4.1, RFC 9068 §2.2). */
export function claimsOfWrongType(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const wrong: string[] = [];
  // JSON has no undefined: what is undefined is not there.
  for (const name of STRING_CLAIMS) {
    const value = claims[name];
    if (value !== undefined && typeof value !== 'string') wrong.push(name);
  }
  for (const name of DATE_CLAIMS) {
    const value = claims[name];
    if (value !== undefined && !isNumericDate(value)) wrong.push(name);
  }
  if (claims.amr !== undefined && !isStringArray(claims.amr)) wrong.push('amr');
  // An array or object grants no scope (some issuers send one); a bare number or boolean is no scope claim of anybody.
  if (typeof claims.scope === 'number' || typeof claims.scope === 'boolean') wrong.push('scope');
  return wrong;
}

/** The claims that RFC 9068 §2.2 requires and that are not there; none where the issuer's tokens need not follow it. */
export function missingClaims(
  claims: Readonly<Record<string, unknown>>,
  { tokenType }: ResolvedIssuer,
): readonly string[] {
  return tokenType === 'at+jwt' ? PROFILE_CLAIMS.filter((name) => !Object.hasOwn(claims, name)) : [];
}

/**
 * What is wrong with the dates of a token, `"exp"` (expiration time), `"nbf"` (not before) and `"iat"` (issued at), by the clock (RFC 7519 §4.1.4 to
 * §4.1.6); undefined where nothing is.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds tolerated clock difference
 */
export function faultOfDates(
  { exp, nbf, iat }: Readonly<Record<string, unknown>>,
  now: number,
  toleranceSeconds: number,
): InvalidTokenReason | undefined {
  if (typeof exp !== 'number') return 'missing_claim';
  // Not `now >= …`: a clock that returns NaN must refuse.
  if (!(now < exp + toleranceSeconds)) return 'expired';
  if (typeof nbf === 'number' && now < nbf - toleranceSeconds) return 'not_yet_valid';
  if (typeof iat === 'number' && now < iat - toleranceSeconds) return 'issued_in_future';
  return undefined;
}

/**
 * Refuses a token that is for somebody else (RFC 7519 §4.1.3).
 *
 * @throws {InvalidTokenError} `aud_mismatch`; `invalid_claim`: `"aud"` is no string and no list of strings
 */
export function checkAudience(claims: Readonly<Record<string, unknown>>, issuer: ResolvedIssuer): void {
  if (!Object.hasOwn(claims, 'aud')) {
    const clientId = claimAt(claims, issuer.clientIdClaim);
    if (typeof clientId === 'string' && issuer.clientIds.has(clientId)) return;
    throw new InvalidTokenError(
      'aud_mismatch',
      'the token has no "aud"; an issuer that sends none needs clientIds',
    );
  }
  const audience = audienceOf(claims);
  if (audience.length === 0) throw new InvalidTokenError('invalid_claim');
  if (!audience.some((identifier) => issuer.audience.has(identifier)))
    throw new InvalidTokenError('aud_mismatch');
}

/** RFC 7519 §2. JSON can spell numbers that become Infinity, which would never expire. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
