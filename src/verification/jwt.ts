import { LRUCache } from 'lru-cache';
import type { AccessToken, JoseHeader } from '../auth.js';
import { holds } from '../diagnostics.js';
import { InvalidTokenError } from '../errors.js';
import type { Issuer } from '../issuer/issuer.js';
import { findSigningKey } from '../issuer/key-set.js';
import type { TrustedIssuers } from '../issuer/trusted-issuers.js';
import type { VerificationKey } from '../issuer/verification-key.js';
import { deepFreeze } from '../lib/json.js';
import type { Runtime } from '../lib/runtime.js';
import { checkClaims, createAccessToken, dropAbsentClaims, readClientId } from '../token/claims.js';
import { needsExtension, parseSegment, readAlgorithm, splitToken } from '../token/compact-jws.js';
import { checkTokenKind, checkTokenType, readMediaType } from '../token/token-kind.js';
import type { ScopeReader } from './granted-scopes.js';

/** What verifying a token takes. */
export interface VerifierOptions extends Pick<Runtime, 'clock' | 'clockToleranceSeconds'> {
  readonly issuers: TrustedIssuers;
}

/** A verified access token, and what that rests on: it's good for as long as the key is. */
export interface VerifiedToken {
  readonly accessToken: AccessToken;
  readonly key: VerificationKey;
  readonly issuer: Issuer;
  /** Whether no other token shares its list of scopes. */
  readonly hasOwnScopes: boolean;
}

/** How many headers are kept for sharing; an issuer has a handful. */
const MAX_SHARED_HEADERS = 100;

/**
 * Verifies JWT access tokens (RFC 9068 §4, RFC 7519 §7.2, RFC 8725).
 *
 * Everything that costs nothing is checked first, so that a token that can't be valid causes no look-up of
 * keys and no cryptography. Tokens of one issuer have the same few headers: those of valid tokens are kept
 * once, and not read again.
 */
export class JwtVerifier {
  readonly #options: VerifierOptions;
  readonly #scopes: ScopeReader;
  readonly #headers = new LRUCache<string, JoseHeader>({ max: MAX_SHARED_HEADERS });

  constructor(options: VerifierOptions, scopes: ScopeReader) {
    this.#options = options;
    this.#scopes = scopes;
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
    const algorithm = readAlgorithm(header, issuers.algorithms);
    if (needsExtension(header)) throw new InvalidTokenError('crit_unsupported');
    const type = readMediaType(header);
    const claims = parseSegment(claimsSegment);
    dropAbsentClaims(claims);
    const issuer = issuers.known(claims.iss) ?? (await issuers.find(claims));
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
    const { scopes, isOwn: hasOwnScopes } = this.#scopes.read(claims, issuer.scopeSource);
    const clientId = readClientId(claims, issuer);
    const accessToken = createAccessToken({ header, claims, issuer: issuer.issuer, clientId, scopes });
    return { accessToken, key, issuer, hasOwnScopes };
  }
}
