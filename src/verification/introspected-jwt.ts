import type { JoseHeader, StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import { checkAudience, claimsOfWrongType, faultOfDates } from '../token/claims.js';
import { parseCompactJws, parseJsonObject } from '../token/compact-jws.js';
import { checkTokenKind, checkTokenType, readMediaType } from '../token/token-kind.js';
import type { ActiveToken } from './introspection-answer.js';

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
  /**
   * What the issuer said of the token, within the limits that the token itself names: its binding and its dates where the issuer left them out, its end where it
   * comes sooner, and its audience where the issuer need not name one.
   *
   * @param now seconds since the epoch
   * @throws {InvalidTokenError} `invalid_claim`, `aud_mismatch`, `expired`, `not_yet_valid`, `issued_in_future`
   */
  restrict(active: ActiveToken, issuer: ResolvedIssuer, now: number, toleranceSeconds: number): ActiveToken;
}

/** What a token may say against itself, and an issuer may leave out. */
const LIMITS = ['cnf', 'nbf', 'iat'] as const;

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
    restrict({ claims: said, absent }, issuer, now, toleranceSeconds) {
      if (claimsOfWrongType(claims).length > 0) throw new InvalidTokenError('invalid_claim');
      if (absent.includes('aud') && Object.hasOwn(claims, 'aud')) checkAudience(claims, issuer);
      const own = Object.fromEntries(
        LIMITS.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]),
      );
      const exp = typeof claims.exp === 'number' ? Math.min(claims.exp, said.exp) : said.exp;
      const restricted = { ...own, ...said, exp };
      const fault = faultOfDates(restricted, now, toleranceSeconds);
      if (fault !== undefined) throw new InvalidTokenError(fault);
      return { claims: restricted, absent };
    },
  };
}
