import type { JoseHeader, StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { faultOfDates } from '../token/claims.js';
import { parseCompactJws, parseJsonObject } from '../token/compact-jws.js';
import { checkTokenKind, checkTokenType, readMediaType } from '../token/token-kind.js';
import type { ResolvedIssuer } from '../trusted-issuer.js';

/** A JWT whose issuer is asked about it. Nothing in it can be trusted, as its signature is not verified here; it can only tell against itself. */
export interface IntrospectedJwt {
  readonly header: JoseHeader;
  readonly claims: StandardClaims;
  /**
   * Refuses what does not hold in any case, before the issuer is asked.
   *
   * @param now seconds since the epoch
   * @throws {InvalidTokenError} `typ_mismatch`, `not_an_access_token`, `expired`
   */
  check(issuer: ResolvedIssuer, now: number, toleranceSeconds: number): void;
}

/** As many characters as the beginning of a JSON object takes, with white space, or even a byte order mark, in front. */
const BEGINNING = 16;
const OBJECT_BEGINS = /^(?:\xef\xbb\xbf)?\s*\{/;

/** Whether a token looks like a JWT: in front of its first dot there is base64url that begins like a JSON object. Other tokens with dots in them are opaque. */
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
  return {
    header: header as JoseHeader, // only an isAccessToken of the application gets to see it, after the issuer vouched for the token
    claims: claims as StandardClaims, // the same
    check(issuer, now, toleranceSeconds) {
      const type = readMediaType(header);
      checkTokenType(type, issuer.tokenType);
      if (typeof claims.exp === 'number' && faultOfDates({ exp: claims.exp }, now, toleranceSeconds))
        throw new InvalidTokenError('expired');
      checkTokenKind(type, claims, issuer);
    },
  };
}
