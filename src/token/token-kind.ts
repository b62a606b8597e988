import { InvalidTokenError } from '../errors.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import type { TokenType } from '../options/options.js';
import { audienceOf, claimAt } from './claims.js';

/** Claims that only other kinds of JWT carry: ID tokens (OpenID Connect Core §2, §3.3.2.11), logout tokens and security events (RFC 8417 §2.2). */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'] as const;
/** What Keycloak calls its other tokens, in a claim named `typ`. */
export const FOREIGN_TYP_CLAIMS: ReadonlySet<unknown> = new Set(['ID', 'Refresh', 'Offline', 'Logout']);

/** The media type in a `typ` header, `undefined` when there is none (RFC 7515 §4.1.9: case-insensitive, `application/` may be left out). */
export type MediaType = 'at+jwt' | 'jwt' | undefined;

/**
 * Reads the `typ` header. A typed JWT of another kind (`dpop+jwt`, `logout+jwt`, …) is refused whatever the options (RFC 8725 §3.11).
 *
 * @throws {InvalidTokenError} `typ_mismatch`
 */
export function readMediaType(header: Readonly<Record<string, unknown>>): MediaType {
  if (!Object.hasOwn(header, 'typ')) return undefined;
  const { typ } = header;
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (type === 'at+jwt' || type === 'jwt') return type;
  throw new InvalidTokenError('typ_mismatch');
}

/**
 * Refuses a token that is not of the type the issuer's tokens must have.
 *
 * @throws {InvalidTokenError} `typ_mismatch`
 */
export function checkTokenType(type: MediaType, accepted: TokenType): void {
  if (accepted === 'at+jwt' && type !== 'at+jwt') throw new InvalidTokenError('typ_mismatch');
}

/**
 * Keeps ID tokens and other JWTs of the same issuer out where `typ` does not tell them apart (RFC 8725 §3.12): nothing in the token may mark it as another kind,
 * and something must mark it as an access token, unless the issuer brings its own rule.
 *
 * @throws {InvalidTokenError} `not_an_access_token`
 */
export function checkTokenKind(
  type: MediaType,
  claims: Readonly<Record<string, unknown>>,
  issuer: ResolvedIssuer,
): void {
  if (type === 'at+jwt') return;
  if (markOfAnotherKind(claims) !== undefined) throw new InvalidTokenError('not_an_access_token');
  if (issuer.isAccessToken === undefined && !isMarkedAsAccessToken(claims, issuer)) {
    throw new InvalidTokenError(
      'not_an_access_token',
      'no scope and no client in the token; an odd issuer needs isAccessToken',
    );
  }
}

/** The claim that shows a token to be something else than an access token, or undefined when none does. */
export function markOfAnotherKind(claims: Readonly<Record<string, unknown>>): string | undefined {
  const foreign = FOREIGN_CLAIMS.find((name) => Object.hasOwn(claims, name));
  if (foreign !== undefined) return foreign;
  if (Object.hasOwn(claims, 'token_use') && claims.token_use !== 'access') return 'token_use';
  if (FOREIGN_TYP_CLAIMS.has(claims.typ)) return 'typ';
  // The audience of an ID token is the client itself, and nobody else.
  const audience = audienceOf(claims);
  const isForClient =
    audience.length > 0 &&
    audience.every((identifier) => identifier === claims.azp || identifier === claims.client_id);
  return isForClient ? 'aud' : undefined;
}

function isMarkedAsAccessToken(claims: Readonly<Record<string, unknown>>, issuer: ResolvedIssuer): boolean {
  return (
    // Not the claim that `scopeClaim` names: roles and groups are in ID tokens too.
    Object.hasOwn(claims, 'scope') ||
    Object.hasOwn(claims, 'scp') ||
    claims.token_use === 'access' ||
    claims.typ === 'Bearer' ||
    ['client_id', 'azp', issuer.clientIdClaim].some((name) => typeof claimAt(claims, name) === 'string')
  );
}
