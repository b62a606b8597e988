import type { StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import type { InvalidTokenReason } from '../reasons.js';
import { parseScopes } from './scope.js';
import type { TokenRules } from './token-rules.js';

const STRING_CLAIMS = ['sub', 'client_id', 'jti', 'acr'] as const;
const DATE_CLAIMS = ['exp', 'nbf', 'iat', 'auth_time'] as const;
/** RFC 9068 §2.2. */
const PROFILE_CLAIMS = ['exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const;

/**
 * Checks the registered claims of a token (RFC 7519 §4.1, RFC 9068 §4): types, dates, audience.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds tolerated clock difference
 * @throws {InvalidTokenError} `invalid_claim`, `missing_claim`, `expired`, `not_yet_valid`,
 *   `issued_in_future`, `aud_mismatch`
 */
export function checkClaims(
  claims: Record<string, unknown>,
  rules: TokenRules,
  now: number,
  toleranceSeconds: number,
): asserts claims is Record<string, unknown> & StandardClaims {
  if (wronglyTypedClaims(claims).length > 0) throw new InvalidTokenError('invalid_claim');
  checkDates(claims, now, toleranceSeconds);
  checkAudience(claims, rules);
  if (missingClaims(claims, rules).length > 0) throw new InvalidTokenError('missing_claim');
}

/** `"aud"` (audience) as a list; empty if the claim is absent (RFC 7519 §4.1.3). */
export function readAudience(claims: JsonObject): readonly string[] {
  const { aud } = claims;
  if (typeof aud === 'string') return [aud];
  return isStringArray(aud) ? aud : [];
}

/**
 * The value of a claim by name, or by a path such as `realm_access.roles` if no claim has that very name.
 * Only the token's own members count, never those that every object inherits.
 */
export function readClaim(claims: JsonObject, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const member of name.split('.')) {
    if (!isJsonObject(value) || !Object.hasOwn(value, member)) return undefined;
    value = value[member];
  }
  return value;
}

/** The claim that names the client, if it's a string. */
export function readClientId(claims: JsonObject, { clientIdClaim }: TokenRules): string | undefined {
  const clientId = readClaim(claims, clientIdClaim);
  return typeof clientId === 'string' ? clientId : undefined;
}

/**
 * The scopes that a token grants: the claim that the issuer keeps them in, as a string, or as an array if the
 * application said that the issuer sends one.
 *
 * @param parse how a string is read; replaced by a function that remembers what it read
 */
export function grantedScopes(
  claims: JsonObject,
  { scopeClaim, scopeMayBeArray }: Pick<TokenRules, 'scopeClaim' | 'scopeMayBeArray'>,
  parse: (scope: string) => readonly string[] = parseScopes,
): readonly string[] {
  const scope = readClaim(claims, scopeClaim);
  if (typeof scope === 'string') return parse(scope);
  return scopeMayBeArray ? parseScopes(scope) : [];
}

/**
 * The registered claims, `"aud"` aside, that are there and of a type that they can't have (RFC 7519 §4.1, RFC
 * 9068 §2.2).
 */
export function wronglyTypedClaims(claims: JsonObject): readonly string[] {
  const wrong: string[] = [];
  // JSON has no undefined, so an undefined member isn't there.
  for (const name of STRING_CLAIMS) {
    const value = claims[name];
    if (value !== undefined && typeof value !== 'string') wrong.push(name);
  }
  for (const name of DATE_CLAIMS) {
    const value = claims[name];
    if (value !== undefined && !isNumericDate(value)) wrong.push(name);
  }
  if (claims.amr !== undefined && !isStringArray(claims.amr)) wrong.push('amr');
  // An array or object grants no scope (some issuers send one); a bare number or boolean is nobody's scope
  // claim.
  if (typeof claims.scope === 'number' || typeof claims.scope === 'boolean') wrong.push('scope');
  return wrong;
}

/**
 * The claims that RFC 9068 §2.2 requires and that are missing; always empty if the issuer's tokens needn't
 * follow it.
 */
export function missingClaims(claims: JsonObject, { tokenType }: TokenRules): readonly string[] {
  return tokenType === 'at+jwt' ? PROFILE_CLAIMS.filter((name) => !Object.hasOwn(claims, name)) : [];
}

/**
 * What's wrong with the dates of a token by the clock: `"exp"` (expiration time), `"nbf"` (not before) and
 * `"iat"` (issued at), RFC 7519 §4.1.4 to §4.1.6. Undefined if nothing is.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds tolerated clock difference
 */
export function findDateFault(
  { exp, nbf, iat }: JsonObject,
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
 * Refuses a token that isn't valid by the clock, see {@link findDateFault}.
 *
 * @throws {InvalidTokenError} `missing_claim`, `expired`, `not_yet_valid`, `issued_in_future`
 */
export function checkDates(claims: JsonObject, now: number, toleranceSeconds: number): void {
  const fault = findDateFault(claims, now, toleranceSeconds);
  if (fault !== undefined) throw new InvalidTokenError(fault);
}

/**
 * Refuses a token that was issued for another API (RFC 7519 §4.1.3).
 *
 * @throws {InvalidTokenError} `aud_mismatch`; `invalid_claim`: `"aud"` is neither a string nor a list of
 *   strings
 */
export function checkAudience(claims: JsonObject, rules: TokenRules): void {
  if (!Object.hasOwn(claims, 'aud')) {
    const clientId = readClientId(claims, rules);
    if (clientId !== undefined && rules.clientIds.has(clientId)) return;
    throw new InvalidTokenError(
      'aud_mismatch',
      'the token has no "aud"; an issuer that sends none needs clientIds',
    );
  }
  const audience = readAudience(claims);
  if (audience.length === 0) throw new InvalidTokenError('invalid_claim');
  if (!audience.some((identifier) => rules.audience.has(identifier)))
    throw new InvalidTokenError('aud_mismatch');
}

/** RFC 7519 §2. JSON can spell numbers that become Infinity, which would never expire. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
