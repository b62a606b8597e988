import { InvalidTokenError } from '../errors.js';
import type { JsonObject } from '../lib/json.js';
import type { TokenType } from '../terms.js';
import { CLIENT_IS_AUDIENCE, isForClient, readClaim } from './claims.js';
import { mediaType } from './compact-jws.js';
import type { TokenRules } from './token-rules.js';

/**
 * Claims that only other kinds of JWT have: ID tokens (OpenID Connect Core §2, §3.3.2.11), logout tokens and
 * security events (RFC 8417 §2.2).
 */
const FOREIGN_CLAIMS = ['at_hash', 'c_hash', 's_hash', 'events'] as const;
/**
 * Where issuers say what kind of token it is, and the kinds that no API may accept. The last three claims are
 * those of PingAM, Casdoor and Oracle.
 */
const KIND_CLAIMS = ['typ', 'type', 'token_type', 'tokenName', 'tokenType', 'tok_type'] as const;
const FOREIGN_KIND = /^(?:id|refresh|offline|logout)(?:[-_ ]?token)?$/i;
/** Oracle's word for an ID token. In another claim it may be a department. */
const ORACLE_ID_TOKEN = 'IT';

/** The media type in a `typ` header; undefined if there's none. */
export type MediaType = 'at+jwt' | 'jwt' | undefined;

/**
 * Reads the `typ` header. A typed JWT of another kind (`dpop+jwt`, `logout+jwt`, …) is always refused,
 * whatever the options (RFC 8725 §3.11).
 *
 * @throws {InvalidTokenError} `typ_mismatch`
 */
export function readMediaType(header: JsonObject): MediaType {
  if (!Object.hasOwn(header, 'typ')) return undefined;
  const type = mediaType(header.typ);
  if (type === 'at+jwt' || type === 'jwt') return type;
  throw new InvalidTokenError('typ_mismatch');
}

/**
 * Refuses a token without the type that the issuer's tokens must have.
 *
 * @throws {InvalidTokenError} `typ_mismatch`
 */
export function checkTokenType(type: MediaType, accepted: TokenType): void {
  if (accepted === 'at+jwt' && type !== 'at+jwt') throw new InvalidTokenError('typ_mismatch');
}

/**
 * Keeps out ID tokens and other JWTs of the same issuer if `typ` doesn't tell them apart (RFC 8725 §3.12).
 * Nothing in the token may mark it as another kind, and something must mark it as an access token, unless the
 * issuer has its own rule.
 *
 * @throws {InvalidTokenError} `not_an_access_token`
 */
export function checkTokenKind(type: MediaType, claims: JsonObject, rules: TokenRules): void {
  const mark = foreignKind(claims) ?? (type === 'at+jwt' ? undefined : foreignMark(claims, rules));
  if (mark !== undefined) {
    const hint =
      mark === 'aud' ? CLIENT_IS_AUDIENCE : `the claim "${mark}" marks it as another kind of token`;
    throw new InvalidTokenError('not_an_access_token', hint);
  }
  if (type === 'at+jwt') return;
  if (rules.isAccessToken === undefined && !isMarkedAsAccessToken(claims, rules)) {
    throw new InvalidTokenError(
      'not_an_access_token',
      'no scope and no client in the token; if its issuer sends neither, set clientIdClaim or isAccessToken',
    );
  }
}

/** The claim that says it's a refresh token, an ID token or the like; undefined if there's none. */
export function foreignKind(claims: JsonObject): string | undefined {
  return KIND_CLAIMS.find((name) => {
    const kind = claims[name];
    if (name === 'tok_type' && kind === ORACLE_ID_TOKEN) return true;
    return typeof kind === 'string' && FOREIGN_KIND.test(kind);
  });
}

/**
 * The claim that shows that a token without a telling `typ` isn't an access token; undefined if there's none.
 */
export function foreignMark(
  claims: JsonObject,
  { audienceMayBeClient, nonceMayBePresent }: TokenRules,
): string | undefined {
  // Keycloak before 25 and PingAM put the nonce of a login into access tokens too.
  const hasForeignNonce = Object.hasOwn(claims, 'nonce') && !isNamedAccessToken(claims);
  if (hasForeignNonce && !nonceMayBePresent) return 'nonce';
  const foreign = FOREIGN_CLAIMS.find((name) => Object.hasOwn(claims, name));
  if (foreign !== undefined) return foreign;
  if (Object.hasOwn(claims, 'token_use') && claims.token_use !== 'access') return 'token_use';
  return isForClient(claims) && !audienceMayBeClient ? 'aud' : undefined;
}

function isMarkedAsAccessToken(claims: JsonObject, { clientIdClaim }: TokenRules): boolean {
  return (
    // Not the claim that `scopeClaim` names: ID tokens have roles and groups too.
    Object.hasOwn(claims, 'scope') ||
    Object.hasOwn(claims, 'scp') ||
    claims.token_use === 'access' ||
    isNamedAccessToken(claims) ||
    typeof claims.client_id === 'string' ||
    // Not `azp`, unless the issuer's access tokens name the client there: ID tokens have it too. A function
    // must name one, once the token is known to be valid.
    typeof clientIdClaim === 'function' ||
    typeof readClaim(claims, clientIdClaim) === 'string'
  );
}

/**
 * Whether the token says that it's an access token, in a claim that says something else in every ID token of
 * the same issuer: `typ` of Keycloak, `tokenName` of PingAM.
 */
function isNamedAccessToken({ typ, tokenName }: JsonObject): boolean {
  return typ === 'Bearer' || typ === 'DPoP' || tokenName === 'access_token';
}
