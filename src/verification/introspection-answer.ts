import type { StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import type { Introspection, IntrospectionAnswer, WantedMember } from '../issuer/introspection.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import { checkAudience, claimAt, claimsOfWrongType, faultOfDates } from '../token/claims.js';
import { isJsonObject } from '../token/compact-jws.js';
import { FOREIGN_TYP_CLAIMS } from '../token/token-kind.js';

/** What some servers say of access tokens in a member `token_use` (Ory Hydra, Amazon). */
const ACCESS_TOKEN_USES: ReadonlySet<unknown> = new Set(['access_token', 'access']);

/** A token that its issuer calls active and that is for this API. */
export interface ActiveToken {
  /** What the issuer said; `"iss"` and `"exp"` are there in any case. */
  readonly claims: Readonly<Record<string, unknown>> & StandardClaims;
  /** What the issuer did not say and need not. */
  readonly absent: readonly WantedMember[];
}

/**
 * Checks what an issuer said about a token (RFC 7662 §2.2, §4), as if it were the claims of a JWT: the issuer may not know what this API is, and clocks differ.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds tolerated clock difference
 * @throws {InvalidTokenError} `token_inactive`, `invalid_claim`, `iss_mismatch`, `token_type_mismatch`, `not_an_access_token`, `missing_claim`, `expired`, `not_yet_valid`,
 *   `issued_in_future`, `aud_mismatch`
 */
export function checkAnswer(
  { active, ...answer }: IntrospectionAnswer,
  { issuer, introspection }: { readonly issuer: ResolvedIssuer; readonly introspection: Introspection },
  now: number,
  toleranceSeconds: number,
): ActiveToken {
  if (!active) throw new InvalidTokenError('token_inactive');
  if (claimsOfWrongType(answer).length > 0) throw new InvalidTokenError('invalid_claim');
  if (Object.hasOwn(answer, 'iss') && answer.iss !== issuer.issuer)
    throw new InvalidTokenError('iss_mismatch');
  checkTokenType(answer);
  const { mayBeAbsent, cacheSeconds } = introspection;
  const absent = (['aud', 'exp'] as const).filter((name) => mayBeAbsent.has(name) && lacks(answer, name));
  const claims = {
    ...answer,
    iss: issuer.issuer,
    // How long it holds nobody knows: until it is asked about again, then.
    ...(absent.includes('exp') && { exp: Math.ceil(now + Math.max(cacheSeconds, 1)) }),
  };
  checkDates(claims, now, toleranceSeconds);
  if (!absent.includes('aud')) checkAudienceOf(claims, issuer);
  return { claims: claims as ActiveToken['claims'], absent }; // the types of the registered claims were looked at above
}

/**
 * Some tokens that are not access tokens are active as well: refresh tokens, ID tokens. And a token that is bound to a DPoP key is of that type, any other a
 * bearer token (RFC 9449 §6.2), so that the scheme of a request, which has to fit the binding, fits the type as well.
 */
function checkTokenType(answer: Readonly<Record<string, unknown>>): void {
  const { token_type: type, token_use: use, cnf } = answer;
  if (Object.hasOwn(answer, 'token_use') && !ACCESS_TOKEN_USES.has(use))
    throw new InvalidTokenError('not_an_access_token');
  if (FOREIGN_TYP_CLAIMS.has(answer.typ)) throw new InvalidTokenError('not_an_access_token');
  // Duende IdentityServer says by that member what kind of token it is, and nothing about the scheme.
  if (!Object.hasOwn(answer, 'token_type') || type === 'access_token') return;
  const expected = isJsonObject(cnf) && Object.hasOwn(cnf, 'jkt') ? 'dpop' : 'bearer';
  if (typeof type !== 'string' || type.toLowerCase() !== expected)
    throw new InvalidTokenError('token_type_mismatch');
}

/** An empty list of audiences is how some servers say that there is none. */
function lacks(answer: Readonly<Record<string, unknown>>, name: WantedMember): boolean {
  const value = answer[name];
  return !Object.hasOwn(answer, name) || (name === 'aud' && Array.isArray(value) && value.length === 0);
}

function checkDates(claims: Readonly<Record<string, unknown>>, now: number, toleranceSeconds: number): void {
  const fault = faultOfDates(claims, now, toleranceSeconds);
  if (fault === undefined) return;
  throw new InvalidTokenError(
    fault,
    fault === 'missing_claim'
      ? 'the introspection response has no "exp"; an issuer that sends none needs mayBeAbsent'
      : undefined,
  );
}

function checkAudienceOf(claims: Readonly<Record<string, unknown>>, issuer: ResolvedIssuer): void {
  if (!lacks(claims, 'aud')) {
    checkAudience(claims, issuer);
    return;
  }
  const clientId = claimAt(claims, issuer.clientIdClaim) ?? claims.client_id;
  if (typeof clientId === 'string' && issuer.clientIds.has(clientId)) return;
  throw new InvalidTokenError(
    'aud_mismatch',
    'the introspection response has no "aud"; an issuer that sends none needs clientIds or mayBeAbsent',
  );
}
