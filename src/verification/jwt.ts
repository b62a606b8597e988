import { LRUCache } from 'lru-cache';
import type { AccessToken, JoseHeader, StandardClaims } from '../auth.js';
import { holds } from '../diagnostics.js';
import { InvalidTokenError } from '../errors.js';
import type { Issuer } from '../issuer/issuer.js';
import { findSigningKey } from '../issuer/key-set.js';
import type { VerificationKey } from '../issuer/verification-key.js';
import { deepFreeze } from '../lib/json.js';
import type { Runtime } from '../lib/runtime.js';
import {
  checkClaims,
  createAccessToken,
  dropAbsentClaims,
  grantedScopes,
  readClaim,
  readClientId,
} from '../token/claims.js';
import { needsExtension, parseSegment, readAlgorithm, splitToken } from '../token/compact-jws.js';
import { checkTokenKind, checkTokenType, readMediaType } from '../token/token-kind.js';

/** What verifying a token takes. */
export interface VerifierOptions extends Pick<Runtime, 'clock' | 'clockToleranceSeconds'> {
  /** By issuer identifier. */
  readonly issuers: ReadonlyMap<string, Issuer>;
}

/** A verified access token, and what that rests on: it's good for as long as the key is. */
export interface VerifiedToken {
  readonly accessToken: AccessToken;
  readonly key: VerificationKey;
  readonly issuer: Issuer;
  /** Whether no other token shares its list of scopes. */
  readonly hasOwnScopes: boolean;
}

/** How many headers and scope lists are kept for sharing; an issuer has a handful of each. */
const MAX_SHARED_PARTS = 100;

/**
 * Verifies JWT access tokens (RFC 9068 §4, RFC 7519 §7.2, RFC 8725).
 *
 * Everything that costs nothing is checked first, so that a token that can't be valid causes no look-up of
 * keys and no cryptography. Tokens of one issuer have the same few headers and scopes: those of valid tokens
 * are kept once, and not read again.
 */
export class JwtVerifier {
  readonly #options: VerifierOptions;
  /** Of all issuers together: what none of them accepts needs no further look. */
  readonly #algorithms: ReadonlySet<string>;
  readonly #headers = new LRUCache<string, JoseHeader>({ max: MAX_SHARED_PARTS });
  readonly #scopes = new LRUCache<string, readonly string[]>({ max: MAX_SHARED_PARTS });

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#algorithms = new Set([...options.issuers.values()].flatMap(({ algorithms }) => [...algorithms]));
  }

  /**
   * @throws {InvalidTokenError} the token isn't valid, with the first reason found
   * @throws {UnavailableError} the issuer's keys are out of reach
   */
  async verify(token: string): Promise<VerifiedToken> {
    const { issuers, clock, clockToleranceSeconds } = this.#options;
    const [headerSegment, claimsSegment] = splitToken(token);
    const knownHeader = this.#headers.get(headerSegment);
    const header = knownHeader ?? (parseSegment(headerSegment) as JoseHeader); // its alg is looked at next
    const algorithm = readAlgorithm(header, this.#algorithms);
    if (needsExtension(header)) throw new InvalidTokenError('crit_unsupported');
    const type = readMediaType(header);
    const claims = parseSegment(claimsSegment);
    dropAbsentClaims(claims);
    const issuer = findIssuer(claims.iss, issuers);
    if (!issuer.algorithms.has(algorithm)) throw new InvalidTokenError('alg_not_allowed');
    checkTokenType(type, issuer.tokenType);
    checkClaims(claims, issuer, clock() / 1000, clockToleranceSeconds);
    checkTokenKind(type, claims, issuer);
    const key = await findSigningKey(token, header, algorithm, issuer.keySet);
    if (knownHeader === undefined) this.#headers.set(headerSegment, deepFreeze(header));
    deepFreeze(claims);
    const { isAccessToken } = issuer;
    if (isAccessToken !== undefined && !holds('isAccessToken', () => isAccessToken(header, claims)))
      throw new InvalidTokenError('not_an_access_token');
    const { scopes, hasOwnScopes } = this.#readScopes(claims, issuer);
    const clientId = readClientId(claims, issuer);
    const accessToken = createAccessToken({ header, claims, issuer: issuer.issuer, clientId, scopes });
    return { accessToken, key, issuer, hasOwnScopes };
  }

  /** Tokens with the same text in the claim share one list. */
  #readScopes(claims: StandardClaims, issuer: Issuer): { scopes: readonly string[]; hasOwnScopes: boolean } {
    const scope = readClaim(claims, issuer.scopeClaim);
    const known = typeof scope === 'string' ? this.#scopes.get(scope) : undefined;
    if (known !== undefined) return { scopes: known, hasOwnScopes: false };
    const scopes = Object.freeze(grantedScopes(claims, issuer));
    if (typeof scope === 'string') this.#scopes.set(scope, scopes);
    return { scopes, hasOwnScopes: true };
  }
}

/**
 * The issuer that `"iss"` names exactly, from the configured ones only (RFC 8725 §3.8).
 *
 * @throws {InvalidTokenError} `iss_mismatch`
 */
export function findIssuer<T>(iss: unknown, issuers: ReadonlyMap<string, T>): T {
  if (typeof iss !== 'string') throw new InvalidTokenError('iss_mismatch');
  const issuer = issuers.get(iss);
  if (issuer !== undefined) return issuer;
  const twin = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`;
  const hint = 'the issuer differs from a configured one only by a trailing slash';
  throw new InvalidTokenError('iss_mismatch', issuers.has(twin) ? hint : undefined);
}
