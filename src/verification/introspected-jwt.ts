import type { JoseHeader, StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import {
  checkAudience,
  checkDates,
  dropAbsentClaims,
  findDateFault,
  wronglyTypedClaims,
} from '../token/claims.js';
import { parseCompactJws, parseJsonObject } from '../token/compact-jws.js';
import { checkTokenKind, checkTokenType, readMediaType } from '../token/token-kind.js';
import type { TokenRules } from '../token/token-rules.js';
import type { ActiveToken } from './introspection-answer.js';

/**
 * A JWT whose issuer is asked about it. Nothing in it can be trusted, because its signature isn't verified
 * here; it can only speak against itself.
 */
export interface IntrospectedJwt {
  readonly header: JoseHeader;
  readonly claims: StandardClaims;
}

/** What a token may say against itself, and an issuer may leave out. */
const LIMITS = ['cnf', 'nbf', 'iat'] as const;

/**
 * As many characters as the beginning of a JSON object takes, with white space, or even a byte order mark, in
 * front.
 */
const BEGINNING = 16;
const OBJECT_BEGINS = /^(?:\xef\xbb\xbf)?\s*\{/;

/**
 * Whether a token looks like a JWT: in front of its first dot there's base64url that begins like a JSON
 * object. Other tokens with dots in them are opaque.
 */
export function looksLikeJwt(token: string): boolean {
  const end = token.indexOf('.');
  if (end === -1) return false;
  const beginning = token.slice(0, Math.min(end, BEGINNING));
  return OBJECT_BEGINS.test(Buffer.from(beginning, 'base64url').toString('latin1'));
}

/** @throws {InvalidTokenError} `token_too_large`, `malformed_token` */
export function readIntrospectedJwt(token: string): IntrospectedJwt {
  const { header, claimsBytes } = parseCompactJws(token);
  const claims = parseJsonObject(claimsBytes);
  dropAbsentClaims(claims);
  // Only an isAccessToken of the application gets to see them, after the issuer vouched for the token.
  return { header: header as JoseHeader, claims: claims as StandardClaims };
}

/**
 * Refuses a JWT that can't be valid, before the issuer is asked.
 *
 * @param now seconds since the epoch
 * @throws {InvalidTokenError} `typ_mismatch`, `not_an_access_token`, `expired`
 */
export function checkIntrospectedJwt(
  { header, claims }: IntrospectedJwt,
  rules: TokenRules,
  now: number,
  toleranceSeconds: number,
): void {
  const type = readMediaType(header);
  checkTokenType(type, rules.tokenType);
  if (typeof claims.exp === 'number' && findDateFault({ exp: claims.exp }, now, toleranceSeconds))
    throw new InvalidTokenError('expired');
  checkTokenKind(type, claims, rules);
}

/**
 * What the issuer said of a JWT, within the limits that the token itself names: its binding and its dates if
 * the issuer left them out, its end if that comes sooner, and its audience if the issuer needn't name one.
 *
 * @param now seconds since the epoch
 * @throws {InvalidTokenError} `invalid_claim`, `aud_mismatch`, `expired`, `not_yet_valid`, `issued_in_future`
 */
export function restrictToJwt(
  { claims: said, absent }: ActiveToken,
  { claims }: IntrospectedJwt,
  rules: TokenRules,
  now: number,
  toleranceSeconds: number,
): ActiveToken {
  if (wronglyTypedClaims(claims).length > 0) throw new InvalidTokenError('invalid_claim');
  if (absent.includes('aud') && Object.hasOwn(claims, 'aud')) checkAudience(claims, rules);
  const limits = LIMITS.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]);
  const exp = typeof claims.exp === 'number' ? Math.min(claims.exp, said.exp) : said.exp;
  const restricted = { ...Object.fromEntries(limits), ...said, exp };
  checkDates(restricted, now, toleranceSeconds);
  return { claims: restricted, absent };
}
