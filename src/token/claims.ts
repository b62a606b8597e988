import type { AccessToken, Actor } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import type { InvalidTokenReason } from '../reasons.js';
import { parseScopes } from './scope.js';
import type { TokenRules } from './token-rules.js';

const DATE_CLAIMS = ['exp', 'nbf', 'iat'] as const;
/**
 * The claims that this package reads (RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2). Some issuers
 * write null for an absent one. `cnf` isn't listed: a binding that can't be understood is still a binding.
 */
const NULLABLE_CLAIMS: ReadonlySet<string> = new Set(
  (
    'iss sub aud exp nbf iat jti client_id azp scope scp acr amr auth_time nonce at_hash c_hash s_hash ' +
    'events token_use token_type type typ act authorization_details'
  ).split(' '),
);
/** With any other value, these count as absent: only a requirement that reads them must refuse. */
const LENIENT_CLAIMS: Readonly<Record<string, (value: unknown) => boolean>> = {
  sub: isString,
  jti: isString,
  acr: isString,
  amr: isStringArray,
  auth_time: isNumericDate,
};
/** What identifies an actor (RFC 8693 §4.1). */
const ACTOR_CLAIMS = ['sub', 'iss', 'client_id'] as const;
/** RFC 9068 §2.2. */
const PROFILE_CLAIMS = ['exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const;

/**
 * Removes what counts as absent: null, an empty `"aud"`, and values of the wrong type that don't decide about
 * the token.
 *
 * @param claims from `JSON.parse`, changed in place
 */
export function dropAbsentClaims(claims: Record<string, unknown>): void {
  for (const name of Object.keys(claims)) {
    if (!NULLABLE_CLAIMS.has(name)) continue;
    const value = claims[name];
    const isEmptyAudience = name === 'aud' && Array.isArray(value) && value.length === 0;
    const isOfWrongType = LENIENT_CLAIMS[name]?.(value) === false;
    if (value === null || isEmptyAudience || isOfWrongType) delete claims[name];
  }
}

/** `"aud"` (audience) as a list; empty if the claim is absent (RFC 7519 §4.1.3). */
export function readAudience(claims: JsonObject): readonly string[] {
  const { aud } = claims;
  if (typeof aud === 'string') return [aud];
  return isStringArray(aud) ? aud : [];
}

/**
 * An access token made from verified claims, plus what's specific to how it was verified.
 *
 * It's not one object literal: V8 would learn that its objects live long, and allocate those that no cache
 * keeps in old space too. docs/decisions/0016 has the figures.
 */
export function createAccessToken(
  verified: Pick<AccessToken, 'header' | 'claims' | 'issuer' | 'clientId' | 'scopes'>,
): AccessToken {
  const { header, claims, issuer, clientId, scopes } = verified;
  const token = {} as Writable<AccessToken>;
  token.header = header;
  token.claims = claims;
  token.issuer = issuer;
  token.subject = claims.sub;
  token.clientId = clientId;
  token.actor = readActor(claims);
  token.audience = Object.freeze(readAudience(claims));
  token.scopes = scopes;
  token.expiresAt = claims.exp;
  return Object.freeze(token);
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/**
 * The value of a claim by name, or by a path such as `realm_access.roles` if no claim has exactly that name.
 * Only the token's own members count, not inherited ones.
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

/** The claim that names the client, if it's a string. Undefined if a function names the client. */
export function readClientId(claims: JsonObject, { clientIdClaim }: TokenRules): string | undefined {
  if (typeof clientIdClaim === 'function') return undefined;
  const clientId = readClaim(claims, clientIdClaim);
  return typeof clientId === 'string' ? clientId : undefined;
}

/** Who acts on behalf of the subject: the outermost `"act"`; undefined if there's none (RFC 8693 §4.1). */
export function readActor({ act }: JsonObject): Actor | undefined {
  if (!isJsonObject(act)) return undefined;
  const [subject, issuer, clientId] = ACTOR_CLAIMS.map((name) => {
    const value = act[name];
    return isString(value) ? value : undefined;
  });
  return Object.freeze({ subject, issuer, clientId });
}

/** The scopes in all these claims, each a string or an array (RFC 9068 §2.2.3). */
export function scopesIn(claims: JsonObject, names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => parseScopes(readClaim(claims, name))))];
}

/**
 * The claims, except `"aud"`, that decide about a token and have an impossible type (RFC 7519 §4.1,
 * RFC 9068 §2.2).
 */
export function wronglyTypedClaims(claims: JsonObject): readonly string[] {
  const wrong: string[] = [];
  // JSON has no undefined, so an undefined member isn't there.
  if (claims.client_id !== undefined && !isString(claims.client_id)) wrong.push('client_id');
  for (const name of DATE_CLAIMS) {
    const value = claims[name];
    if (value !== undefined && !isNumericDate(value)) wrong.push(name);
  }
  // An array or object grants no scope (some issuers send one). A bare number or boolean is never a scope
  // claim.
  if (typeof claims.scope === 'number' || typeof claims.scope === 'boolean') wrong.push('scope');
  if (claims.act !== undefined && !namesActor(claims.act)) wrong.push('act');
  return wrong;
}

/**
 * Whether an `"act"` says who acts. If it doesn't, it still says that there is an actor: the token mustn't
 * pass for a call of the subject itself. Earlier actors are in its own `"act"` and don't matter.
 */
function namesActor(act: unknown): boolean {
  if (!isJsonObject(act)) return false;
  const isPresent = (name: string): boolean => act[name] !== null && act[name] !== undefined;
  if (ACTOR_CLAIMS.some((name) => isPresent(name) && !isString(act[name]))) return false;
  return Object.keys(act).some((name) => name !== 'act' && isPresent(name));
}

/** The missing claims that RFC 9068 §2.2 requires. Empty if the issuer's tokens needn't follow it. */
export function missingClaims(claims: JsonObject, { tokenType }: TokenRules): readonly string[] {
  return tokenType === 'at+jwt' ? PROFILE_CLAIMS.filter((name) => !Object.hasOwn(claims, name)) : [];
}

/**
 * What's wrong with the dates of a token: `"exp"` (expiration time), `"nbf"` (not before) and `"iat"` (issued
 * at), RFC 7519 §4.1.4 to §4.1.6. Undefined if nothing is.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds how far the clocks may differ
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
 * Refuses a token by its dates, see {@link findDateFault}.
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
  if (audience.some((identifier) => rules.audience.has(identifier))) return;
  const names = new Set([...rules.audience].map(withoutCaseAndSlash));
  if (audience.some((identifier) => names.has(withoutCaseAndSlash(identifier)))) {
    const hint = 'the audience differs from a configured one only by case or by a trailing slash';
    throw new InvalidTokenError('aud_mismatch', hint);
  }
  throw new InvalidTokenError('aud_mismatch', isForClient(claims) ? CLIENT_IS_AUDIENCE : undefined);
}

/** A hint for issuers that identify an API by its client. */
export const CLIENT_IS_AUDIENCE =
  'the only audience of the token is its client; if that stands for this API, see audienceMayBeClient';

/** Whether the token is only for its own client, as ID tokens are. */
export function isForClient(claims: JsonObject): boolean {
  const audience = readAudience(claims);
  const isClient = (name: string): boolean => name === claims.azp || name === claims.client_id;
  return audience.length > 0 && audience.every(isClient);
}

function withoutCaseAndSlash(identifier: string): string {
  return identifier.toLowerCase().replace(/\/$/, '');
}

/** RFC 7519 §2. JSON can express numbers that become Infinity, which would never expire. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
