import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AccessToken } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { faultOfDates } from './claims.js';
import { MAX_TOKEN_LENGTH } from './compact-jws.js';
import { type JwtVerifierOptions, type VerifiedToken, verifyJwt } from './jwt-verifier.js';

/** How many headers, scope lists and audiences are kept for sharing; an issuer has a handful of each. */
const MAX_SHARED_PARTS = 300;

export interface TokenVerifierOptions extends JwtVerifierOptions {
  /** How many verified tokens are remembered; 0 for none. */
  readonly maxTokens: number;
}

/**
 * Verifies access tokens, and remembers those that hold: a service sends the same token thousands of times, and only the first use pays for the signature.
 *
 * Security: a token is remembered under the SHA-256 digest of all its characters, so that no token stays in memory and another spelling of the same token is another
 * token; never under anything that is read from it. What was refused is not remembered, so a flood of bad tokens evicts no good one. A token that is
 * remembered still has to meet the clock, and the key that verified it still has to be one of the issuer's.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #verified: LRUCache<string, VerifiedToken> | undefined;
  readonly #underWay = new Map<string, Promise<AccessToken>>();
  readonly #parts = new LRUCache<string, object>({ max: MAX_SHARED_PARTS });

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#verified = options.maxTokens > 0 ? new LRUCache({ max: options.maxTokens }) : undefined;
  }

  /**
   * @returns the access token, at once where it was verified before
   * @throws {InvalidTokenError} it does not hold: at once where no key is needed to tell, otherwise as a rejection
   * @throws {UnavailableError} as a rejection: the issuer's keys are out of reach
   */
  verify(token: string): AccessToken | Promise<AccessToken> {
    if (token.length > MAX_TOKEN_LENGTH) throw new InvalidTokenError('token_too_large');
    const cache = this.#verified;
    if (cache === undefined) return verifyJwt(token, this.#options).then(({ accessToken }) => accessToken);
    const digest = hash('sha256', token, 'binary'); // the shortest text
    const known = cache.get(digest);
    if (known !== undefined) {
      if (this.#stillHolds(known)) return known.accessToken;
      cache.delete(digest);
    }
    return this.#underWay.get(digest) ?? this.#verifyAnew(token, digest, cache);
  }

  /** Concurrent first uses of a token share one verification. */
  #verifyAnew(token: string, digest: string, cache: LRUCache<string, VerifiedToken>): Promise<AccessToken> {
    const verification = verifyJwt(token, this.#options)
      .then(({ accessToken, key, issuer }) => {
        const compact = this.#withSharedParts(accessToken);
        cache.set(digest, { accessToken: compact, key, issuer });
        return compact;
      })
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, verification);
    return verification;
  }

  /** Tokens of one issuer mostly differ in a few claims; what is equal is kept once. */
  #withSharedParts(accessToken: AccessToken): AccessToken {
    const { header, audience, scopes } = accessToken;
    return Object.freeze({
      ...accessToken,
      header: this.#shared(header),
      audience: this.#shared(audience),
      scopes: this.#shared(scopes),
    });
  }

  /** @param part frozen, and from JSON, so that its text says all of it */
  #shared<T extends object>(part: T): T {
    const text = JSON.stringify(part);
    const known = this.#parts.get(text);
    if (known !== undefined) return known as T; // the same text is the same kind of part
    this.#parts.set(text, part);
    return part;
  }

  #stillHolds({ accessToken, key, issuer }: VerifiedToken): boolean {
    const { clock, clockToleranceSeconds } = this.#options;
    return (
      faultOfDates(accessToken.claims, clock() / 1000, clockToleranceSeconds) === undefined &&
      issuer.keySet.vouchesFor(key)
    );
  }
}
