import { LRUCache } from 'lru-cache';
import type { AccessToken } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { isWithin } from '../lib/span.js';
import type { Credentials } from '../request/credentials.js';
import { faultOfDates } from '../token/claims.js';
import { MAX_TOKEN_LENGTH } from '../token/compact-jws.js';
import { type IntrospectedToken, IntrospectionVerifier } from './introspection.js';
import { JwtVerifier, type JwtVerifierOptions, type VerifiedToken } from './jwt.js';

/** The memory that `maxTokens` stands for: an ordinary token takes less, and one with hundreds of claims takes the place of many. */
const BYTES_PER_TOKEN = 800;
const SPARE_BYTES = 65_536;

/** An access token that holds for as long as a key does, or for as long as its issuer's word is taken. */
type VerifiedAccessToken = VerifiedToken | IntrospectedToken;

export interface TokenVerifierOptions extends JwtVerifierOptions {
  /** How many verified tokens are remembered; 0 for none. */
  readonly maxTokens: number;
}

/**
 * Verifies access tokens, and remembers those that hold: a service sends the same token thousands of times, and only the first use pays for the signature, or for
 * asking its issuer.
 *
 * Security: a token is remembered under the SHA-256 digest of all its characters, so that no token stays in memory and another spelling of the same token is another
 * token; never under anything that is read from it. What was refused is not remembered, so a flood of bad tokens evicts no good one. A token that is
 * remembered still has to meet the clock, and the key that verified it still has to be one of the issuer's; the issuer's word about a token is taken for a short time only.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #jwtVerifier: JwtVerifier;
  /** Undefined where no issuer is asked about tokens. */
  readonly #introspectionVerifier: IntrospectionVerifier | undefined;
  readonly #verified: LRUCache<string, VerifiedAccessToken> | undefined;
  readonly #underWay = new Map<string, Promise<AccessToken>>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#jwtVerifier = new JwtVerifier(options);
    const asks = [...options.issuers.values()].some(({ introspection }) => introspection !== undefined);
    this.#introspectionVerifier = asks ? new IntrospectionVerifier(options) : undefined;
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
   * @throws {UnavailableError} as a rejection: the issuer's keys are out of reach, or it does not say whether the token is active
   */
  verify(credentials: Credentials, check?: (token: string) => void): AccessToken | Promise<AccessToken> {
    const { token } = credentials;
    if (!this.#isWorthRemembering(token)) {
      check?.(token);
      return this.#jwtVerifier.verify(token).then(({ accessToken }) => accessToken);
    }
    const cache = this.#verified;
    const { digest } = credentials;
    const known = cache?.get(digest);
    if (known !== undefined) {
      if (this.#stillHolds(known)) return known.accessToken;
      cache?.delete(digest);
    }
    check?.(token);
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay.catch(rejectWithOwnError);
    const verification = this.#remember(digest, token.length, this.#verifyNew(token, digest));
    this.#underWay.set(digest, verification);
    return verification;
  }

  /** What cannot hold is refused without a digest: it may come in great numbers. Where an issuer is asked about tokens, a refusal is remembered too. */
  #isWorthRemembering(token: string): boolean {
    if (token.length > MAX_TOKEN_LENGTH) return false;
    return this.#introspectionVerifier !== undefined || (this.#verified !== undefined && token.includes('.'));
  }

  /** Which of the two ways it takes is settled by what the token looks like; that one fails never leads to the other. */
  #verifyNew(token: string, digest: string): Promise<VerifiedAccessToken> {
    const introspection = this.#introspectionVerifier;
    const request = introspection?.requestFor(token);
    return introspection === undefined || request === undefined
      ? this.#jwtVerifier.verify(token)
      : introspection.verify(token, digest, request);
  }

  /** Until it is settled, a verification is shared by all who bring the same token. */
  #remember(
    digest: string,
    tokenLength: number,
    verification: Promise<VerifiedAccessToken>,
  ): Promise<AccessToken> {
    return verification.then(
      (verified) => {
        this.#underWay.delete(digest);
        // What may not be remembered at all would only displace others.
        if (this.#stillHolds(verified))
          this.#verified?.set(digest, verified, { size: estimateBytes(verified, tokenLength) });
        return verified.accessToken;
      },
      (error: unknown) => {
        this.#underWay.delete(digest);
        throw error;
      },
    );
  }

  #stillHolds(verified: VerifiedAccessToken): boolean {
    const { clock, clockToleranceSeconds } = this.#options;
    const now = clock();
    if (faultOfDates(verified.accessToken.claims, now / 1000, clockToleranceSeconds) !== undefined)
      return false;
    return 'key' in verified
      ? verified.issuer.keySet.vouchesFor(verified.key)
      : isWithin(verified.validity, now);
  }
}

/**
 * About how much heap a remembered token takes: each value and object has a price of its own, and strings that of their length. Those of a JWT are about half as
 * long as the token; what an issuer says of a token has nothing to do with how long that is.
 */
function estimateBytes(verified: VerifiedAccessToken, tokenLength: number): number {
  const { claims, scopes } = verified.accessToken;
  const isSigned = 'key' in verified;
  let bytes = 180 + Math.ceil(tokenLength / 2);
  const pending: unknown[] = isSigned ? [claims] : [claims, scopes];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    bytes += 20;
    if (typeof next === 'string' && !isSigned) bytes += next.length;
    if (typeof next !== 'object' || next === null) continue;
    bytes += 40;
    for (const member of Object.values(next)) pending.push(member); // one by one: what an issuer says of a token can be large
  }
  return bytes;
}

/** Callers that share a verification get an error each: an application may add to the one it is given. */
function rejectWithOwnError(error: unknown): never {
  throw error instanceof InvalidTokenError ? new InvalidTokenError(error.reason, error.hint) : error;
}
