import { returnsTrue } from '../ask-application.js';
import type { AccessToken, JoseHeader, StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import type { Issuer } from '../issuer/issuer.js';
import { findSigningKey } from '../issuer/key-set.js';
import type { TrustedIssuers } from '../issuer/trusted-issuers.js';
import type { VerificationKey } from '../issuer/verification-key.js';
import { deepFreeze, freezeAndMeasure, type JsonObject } from '../lib/json.js';
import { LruCache } from '../lib/lru-cache.js';
import type { TokenClock } from '../lib/runtime.js';
import type { Algorithm } from '../terms.js';
import {
  checkAudience,
  checkDates,
  createAccessToken,
  dropAbsentClaims,
  missingClaims,
  wronglyTypedClaims,
} from '../token/claims.js';
import { needsExtension, parseSegment, readAlgorithm, splitToken } from '../token/compact-jws.js';
import { checkTokenKind, checkTokenType, type MediaType, readMediaType } from '../token/token-kind.js';
import type { TokenRules } from '../token/token-rules.js';
import { readCallingClient } from './calling-client.js';
import type { ScopeReader } from './granted-scopes.js';

/** What verifying a token takes. */
export interface VerifierOptions extends TokenClock {
  readonly issuers: TrustedIssuers;
}

/**
 * A verified access token and the key it depends on: it's valid as long as the key is. A class for the same
 * reason as in {@link createAccessToken}.
 */
export class VerifiedToken {
  readonly accessToken: AccessToken;
  readonly key: VerificationKey;
  readonly issuer: Issuer;
  /** About how much heap it takes. */
  readonly bytes: number;

  constructor(accessToken: AccessToken, key: VerificationKey, issuer: Issuer, bytes: number) {
    this.accessToken = accessToken;
    this.key = key;
    this.issuer = issuer;
    this.bytes = bytes;
  }
}

/** How much each scope takes in a list that no other token shares. */
export const BYTES_PER_SCOPE = 60;
/** How many headers are kept for sharing. An issuer has a handful. */
const MAX_SHARED_HEADERS = 100;

/**
 * Verifies JWT access tokens (RFC 9068 §4, RFC 7519 §7.2, RFC 8725).
 *
 * All cheap checks come first, so a token that can't be valid causes no key look-up and no cryptography.
 * Tokens of one issuer have the same few headers: those of valid tokens are kept, and not parsed again.
 */
export class JwtVerifier {
  readonly #options: VerifierOptions;
  readonly #scopes: ScopeReader;
  readonly #headers = new LruCache<string, JoseHeader>({ max: MAX_SHARED_HEADERS });

  constructor(options: VerifierOptions, scopes: ScopeReader) {
    this.#options = options;
    this.#scopes = scopes;
  }

  /**
   * Verifies a token: at once, unless its issuer or key must be looked up, or its signature takes long.
   *
   * @throws {InvalidTokenError} the token isn't valid, with the first reason found; or the promise rejects
   *   with it, or with an UnavailableError: the issuer's keys can't be reached
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken> {
    const read = this.#read(token);
    const issuer = this.#options.issuers.known(read.claims.iss);
    if (issuer === undefined) return this.#verifyLater(token, read);
    this.#check(read, issuer);
    const key = issuer.keySet.findNow(read.header, read.algorithm);
    if (key === undefined) return this.#verifyLater(token, read, issuer);
    const isSigned = key.signatureKey(read.algorithm).verify(token);
    if (isSigned === true) return this.#accept(token, read, issuer, key);
    return this.#verifyLater(token, read, issuer, { key, isSigned });
  }

  /**
   * @param known its issuer, if it has been checked against that
   * @param pending the key that may have signed it, if that's known or being found out
   */
  async #verifyLater(
    token: string,
    read: ReadToken,
    known?: Issuer,
    pending?: { readonly key: VerificationKey; readonly isSigned: boolean | Promise<boolean> },
  ): Promise<VerifiedToken> {
    const issuer = known ?? (await this.#options.issuers.find(read.claims));
    if (known === undefined) this.#check(read, issuer);
    if (pending && (await pending.isSigned)) return this.#accept(token, read, issuer, pending.key);
    const { header, algorithm } = read;
    const key = await findSigningKey(token, header, algorithm, issuer.keySet, pending?.key);
    return this.#accept(token, read, issuer, key);
  }

  /** What can be checked without the issuer. */
  #read(token: string): ReadToken {
    const [headerSegment, claimsSegment] = splitToken(token);
    // Its alg is checked next.
    const header = this.#headers.get(headerSegment) ?? (parseSegment(headerSegment) as JoseHeader);
    const algorithm = readAlgorithm(header, this.#options.issuers.algorithms);
    if (needsExtension(header)) throw new InvalidTokenError('crit_unsupported');
    const type = readMediaType(header);
    const claims = parseSegment(claimsSegment);
    dropAbsentClaims(claims);
    return { headerSegment, header, algorithm, type, claims };
  }

  #check({ algorithm, type, claims }: ReadToken, issuer: Issuer): void {
    const { clock, clockToleranceSeconds } = this.#options;
    if (!issuer.algorithms.has(algorithm)) throw new InvalidTokenError('alg_not_allowed');
    checkTokenType(type, issuer.tokenType);
    checkClaims(claims, type, issuer, clock() / 1000, clockToleranceSeconds);
  }

  /** Called once the signature is known to be the issuer's. */
  #accept(
    token: string,
    { headerSegment, header, claims }: ReadToken,
    issuer: Issuer,
    key: VerificationKey,
  ): VerifiedToken {
    if (!Object.isFrozen(header)) this.#headers.set(headerSegment, deepFreeze(header));
    const claimBytes = freezeAndMeasure(claims);
    const verified = claims as StandardClaims; // their types were checked
    const { isAccessToken } = issuer;
    if (isAccessToken !== undefined && !returnsTrue('isAccessToken', () => isAccessToken(header, verified)))
      throw new InvalidTokenError('not_an_access_token');
    const { scopes, isOwn } = this.#scopes.read(verified, issuer.scopeSource);
    const clientId = readCallingClient(verified, issuer);
    const accessToken = createAccessToken({
      header,
      claims: verified,
      issuer: issuer.issuer,
      clientId,
      scopes,
    });
    // Strings take about half the length of the token, and each long scope is its own string.
    const bytes = claimBytes + Math.ceil(token.length / 2) + (isOwn ? BYTES_PER_SCOPE * scopes.length : 0);
    return new VerifiedToken(accessToken, key, issuer, bytes);
  }
}

/**
 * Checks the registered claims of a token (RFC 7519 §4.1, RFC 9068 §4): types, dates, kind, audience.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds how far the clocks may differ
 * @throws {InvalidTokenError} `invalid_claim`, `missing_claim`, `expired`, `not_yet_valid`,
 *   `issued_in_future`, `not_an_access_token`, `aud_mismatch`
 */
export function checkClaims(
  claims: JsonObject,
  type: MediaType,
  rules: TokenRules,
  now: number,
  toleranceSeconds: number,
): void {
  if (wronglyTypedClaims(claims).length > 0) throw new InvalidTokenError('invalid_claim');
  checkDates(claims, now, toleranceSeconds);
  // Before the audience: an ID token would fail that check only because it isn't for an API.
  checkTokenKind(type, claims, rules);
  checkAudience(claims, rules);
  if (missingClaims(claims, rules).length > 0) throw new InvalidTokenError('missing_claim');
}

/** A parsed token. Nothing in it can be trusted. */
interface ReadToken {
  readonly headerSegment: string;
  readonly header: JoseHeader;
  readonly algorithm: Algorithm;
  readonly type: MediaType;
  readonly claims: Record<string, unknown>;
}
