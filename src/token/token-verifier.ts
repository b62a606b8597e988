import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AccessToken } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { faultOfDates } from './claims.js';
import { MAX_TOKEN_LENGTH } from './compact-jws.js';
import { JwtVerifier, type JwtVerifierOptions, type VerifiedToken } from './jwt-verifier.js';

/** The memory that `maxTokens` stands for: an ordinary token takes less, and one with hundreds of claims takes the place of many. */
const BYTES_PER_TOKEN = 800;
const SPARE_BYTES = 65_536;

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
  readonly #jwtVerifier: JwtVerifier;
  readonly #verified: LRUCache<string, VerifiedToken> | undefined;
  readonly #underWay = new Map<string, Promise<AccessToken>>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#jwtVerifier = new JwtVerifier(options);
    const { maxTokens } = options;
    this.#verified =
      maxTokens > 0
        ? new LRUCache({ max: maxTokens, maxSize: SPARE_BYTES + maxTokens * BYTES_PER_TOKEN })
        : undefined;
  }

  /**
   * @param check what a token has to pass that was not verified before; throws where it does not
   * @returns the access token, at once where it was verified before
   * @throws {InvalidTokenError} it does not hold: at once where no key is needed to tell, otherwise as a rejection
   * @throws {UnavailableError} as a rejection: the issuer's keys are out of reach
   */
  verify(token: string, check?: (token: string) => void): AccessToken | Promise<AccessToken> {
    const cache = this.#verified;
    // What cannot be a JWT was never remembered, and a digest costs more than its refusal.
    if (cache === undefined || token.length > MAX_TOKEN_LENGTH || !token.includes('.')) {
      check?.(token);
      return this.#jwtVerifier.verify(token).then(({ accessToken }) => accessToken);
    }
    const digest = hash('sha256', token, 'binary'); // the shortest text
    const known = cache.get(digest);
    if (known !== undefined) {
      if (this.#stillHolds(known)) return known.accessToken;
      cache.delete(digest);
    }
    check?.(token);
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay.catch(rejectWithOwnError);
    const verification = this.#remember(digest, token.length, this.#jwtVerifier.verify(token), cache);
    this.#underWay.set(digest, verification);
    return verification;
  }

  /** Until it is settled, a verification is shared by all who bring the same token. */
  async #remember(
    digest: string,
    tokenLength: number,
    verification: Promise<VerifiedToken>,
    cache: LRUCache<string, VerifiedToken>,
  ): Promise<AccessToken> {
    try {
      const verified = await verification;
      cache.set(digest, verified, { size: estimateBytes(verified.accessToken, tokenLength) });
      return verified.accessToken;
    } finally {
      this.#underWay.delete(digest);
    }
  }

  #stillHolds({ accessToken, key, issuer }: VerifiedToken): boolean {
    const { clock, clockToleranceSeconds } = this.#options;
    return (
      faultOfDates(accessToken.claims, clock() / 1000, clockToleranceSeconds) === undefined &&
      issuer.keySet.vouchesFor(key)
    );
  }
}

/** About how much heap a remembered token takes: strings are about half as long as the token, and each value and object has a price of its own. */
function estimateBytes({ claims }: AccessToken, tokenLength: number): number {
  let bytes = 180 + Math.ceil(tokenLength / 2);
  const pending: unknown[] = [claims];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    bytes += 20;
    if (typeof next !== 'object' || next === null) continue;
    bytes += 40;
    pending.push(...Object.values(next));
  }
  return bytes;
}

/** Callers that share a verification get an error each: an application may add to the one it is given. */
function rejectWithOwnError(error: unknown): never {
  throw error instanceof InvalidTokenError ? new InvalidTokenError(error.reason, error.hint) : error;
}
