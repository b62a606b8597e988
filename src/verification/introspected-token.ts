// The evidence about a token whose issuer is asked: the answer, and a JWT's own claims.

import type { JoseHeader, StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import type { IntrospectionAnswer } from '../issuer/introspection.js';
import type { IntrospectionSettings, WantedMember } from '../issuer/introspection-settings.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import {
  checkAudience,
  checkDates,
  dropAbsentClaims,
  findDateFault,
  missingClaims,
  readClientId,
  wronglyTypedClaims,
} from '../token/claims.js';
import { needsExtension, parseSegment, splitToken } from '../token/compact-jws.js';
import {
  checkTokenKind,
  checkTokenType,
  foreignKind,
  type MediaType,
  readMediaType,
} from '../token/token-kind.js';
import type { TokenRules } from '../token/token-rules.js';

/** How some servers mark access tokens in a member `token_use` (Ory Hydra, Amazon). */
const ACCESS_TOKEN_USES: ReadonlySet<unknown> = new Set(['access_token', 'access']);

/** A token that its issuer calls active and that's for this API. */
export interface ActiveToken {
  /** The issuer's answer. `"iss"` and `"exp"` are always there. */
  readonly claims: JsonObject & StandardClaims;
  /** What the answer lacks and may lack. */
  readonly absent: readonly WantedMember[];
}

/**
 * Checks an issuer's answer about a token (RFC 7662 §2.2, §4) as if it were the claims of a JWT: the issuer
 * may not know which API is asking, and clocks differ.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds how far the clocks may differ
 * @throws {InvalidTokenError} `token_inactive`, `invalid_claim`, `iss_mismatch`, `token_type_mismatch`,
 *   `not_an_access_token`, `missing_claim`, `expired`, `not_yet_valid`, `issued_in_future`, `aud_mismatch`
 */
export function checkAnswer(
  { active, ...said }: IntrospectionAnswer,
  rules: TokenRules,
  { mayBeAbsent, cacheSeconds }: IntrospectionSettings,
  now: number,
  toleranceSeconds: number,
): ActiveToken {
  if (!active) throw new InvalidTokenError('token_inactive');
  const answer: Record<string, unknown> = said;
  dropAbsentClaims(answer);
  if (wronglyTypedClaims(answer).length > 0) throw new InvalidTokenError('invalid_claim');
  if (Object.hasOwn(answer, 'iss') && answer.iss !== rules.issuer)
    throw new InvalidTokenError('iss_mismatch');
  checkAnswerKind(answer);
  const absent = (['aud', 'exp'] as const).filter(
    (name) => mayBeAbsent.has(name) && !Object.hasOwn(answer, name),
  );
  const claims = {
    ...answer,
    iss: rules.issuer,
    // How long it's valid isn't known, so: until the issuer is asked again.
    ...(absent.includes('exp') && { exp: Math.ceil(now + Math.max(cacheSeconds, 1)) }),
  } as ActiveToken['claims']; // types are checked above, exp next
  const fault = findDateFault(claims, now, toleranceSeconds);
  if (fault !== undefined)
    throw new InvalidTokenError(fault, fault === 'missing_claim' ? hintAt('exp') : undefined);
  const clientId = readClientId(claims, rules) ?? claims.client_id;
  const isOfKnownClient = clientId !== undefined && rules.clientIds.has(clientId);
  if (Object.hasOwn(claims, 'aud')) checkAudience(claims, rules);
  else if (!absent.includes('aud') && !isOfKnownClient)
    throw new InvalidTokenError('aud_mismatch', hintAt('aud'));
  return { claims, absent };
}

/**
 * Tokens of other kinds can be active too: refresh tokens, ID tokens. And a token bound to a DPoP key has
 * that type, any other is a bearer token (RFC 9449 §6.2). The scheme of a request must fit the binding, so it
 * fits the type too.
 */
export function checkAnswerKind(answer: JsonObject): void {
  const { token_type: type, token_use: use, cnf } = answer;
  if (Object.hasOwn(answer, 'token_use') && !ACCESS_TOKEN_USES.has(use))
    throw new InvalidTokenError('not_an_access_token');
  if (foreignKind({ ...answer, token_type: undefined }) !== undefined)
    throw new InvalidTokenError('not_an_access_token');
  // Duende IdentityServer uses this member for the kind of token. It says nothing about the scheme.
  if (!Object.hasOwn(answer, 'token_type') || type === 'access_token') return;
  const expected = isJsonObject(cnf) && Object.hasOwn(cnf, 'jkt') ? 'dpop' : 'bearer';
  if (typeof type !== 'string' || type.toLowerCase() !== expected)
    throw new InvalidTokenError('token_type_mismatch');
}

function hintAt(name: WantedMember): string {
  const options = name === 'aud' ? 'clientIds or mayBeAbsent' : 'mayBeAbsent';
  return `the introspection response has no "${name}"; an issuer that sends none needs ${options}`;
}

/**
 * A JWT whose issuer is asked about it. Its signature isn't verified here, so nothing in it can be trusted:
 * it can only count against the token.
 */
export interface IntrospectedJwt {
  readonly header: JoseHeader;
  readonly type: MediaType;
  readonly claims: StandardClaims;
}

/** Limits that a token may set itself and an issuer may leave out. */
const LIMITS = ['cnf', 'act', 'nbf', 'iat'] as const;

/** Enough characters for the beginning of a JSON object, after white space or even a byte order mark. */
const BEGINNING = 16;
const OBJECT_BEGINS = /^(?:\xef\xbb\xbf)?\s*\{/;

/**
 * Whether a token looks like a JWT: before its first dot there's base64url that begins like a JSON object.
 * Other tokens with dots are opaque.
 */
export function looksLikeJwt(token: string): boolean {
  const end = token.indexOf('.');
  if (end === -1) return false;
  const beginning = token.slice(0, Math.min(end, BEGINNING));
  return OBJECT_BEGINS.test(Buffer.from(beginning, 'base64url').toString('latin1'));
}

/**
 * Reads a JWT as strictly as one that's verified by its signature. Only the algorithm may be another: its
 * issuer may have keys that it doesn't publish. But it must be signed (RFC 9068 §4).
 *
 * @throws {InvalidTokenError} `token_too_large`, `malformed_token`, `alg_not_allowed`, `crit_unsupported`,
 *   `typ_mismatch`
 */
export function readIntrospectedJwt(token: string): IntrospectedJwt {
  const [headerSegment, claimsSegment] = splitToken(token);
  const header = parseSegment(headerSegment);
  if (typeof header.alg !== 'string' || header.alg.toLowerCase() === 'none')
    throw new InvalidTokenError('alg_not_allowed');
  if (needsExtension(header)) throw new InvalidTokenError('crit_unsupported');
  const type = readMediaType(header);
  const claims = parseSegment(claimsSegment);
  dropAbsentClaims(claims);
  // Only the application's isAccessToken gets to see them, after the issuer has confirmed the token.
  return { header: header as JoseHeader, type, claims: claims as StandardClaims };
}

/**
 * Refuses a JWT that can't be valid before the issuer is asked.
 *
 * @param now seconds since the epoch
 * @throws {InvalidTokenError} `typ_mismatch`, `not_an_access_token`, `expired`
 */
export function checkIntrospectedJwt(
  { type, claims }: IntrospectedJwt,
  rules: TokenRules,
  now: number,
  toleranceSeconds: number,
): void {
  checkTokenType(type, rules.tokenType);
  if (typeof claims.exp === 'number' && findDateFault({ exp: claims.exp }, now, toleranceSeconds))
    throw new InvalidTokenError('expired');
  checkTokenKind(type, claims, rules);
}

/**
 * The issuer's answer about a JWT, within the limits of the token itself: its binding, its actor and its
 * dates if the answer lacks them, its end if that's sooner, and its audience if the answer has none. What
 * RFC 9068 requires may be in either.
 *
 * @param now seconds since the epoch
 * @throws {InvalidTokenError} `invalid_claim`, `aud_mismatch`, `missing_claim`, `expired`, `not_yet_valid`,
 *   `issued_in_future`
 */
export function restrictToJwt(
  { claims: said, absent }: ActiveToken,
  { claims }: IntrospectedJwt,
  rules: TokenRules,
  now: number,
  toleranceSeconds: number,
): ActiveToken {
  if (wronglyTypedClaims(claims).length > 0) throw new InvalidTokenError('invalid_claim');
  if (!Object.hasOwn(said, 'aud') && Object.hasOwn(claims, 'aud')) checkAudience(claims, rules);
  const limits = LIMITS.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]);
  const exp = typeof claims.exp === 'number' ? Math.min(claims.exp, said.exp) : said.exp;
  const restricted = { ...Object.fromEntries(limits), ...said, exp };
  checkDates(restricted, now, toleranceSeconds);
  if (missingClaims({ ...claims, ...restricted }, rules).length > 0)
    throw new InvalidTokenError('missing_claim');
  return { claims: restricted, absent };
}
