import type { AccessToken } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { LruCache } from '../lib/lru-cache.js';
import { isWithin } from '../lib/pause.js';
import { isPromise } from '../lib/promise.js';
import { SharedWork } from '../lib/shared-work.js';
import { type Credentials, checkToken } from '../request/credentials.js';
import { findDateFault } from '../token/claims.js';
import { MAX_TOKEN_LENGTH } from '../token/compact-jws.js';
import { ScopeReader } from './granted-scopes.js';
import { type IntrospectedToken, IntrospectionVerifier } from './introspection.js';
import { JwtVerifier, type VerifiedToken, type VerifierOptions } from './jwt.js';
import { Sightings } from './sightings.js';

/**
 * The memory that `maxTokens` stands for: an ordinary token takes less, and one with hundreds of claims takes
 * the place of many.
 */
const BYTES_PER_TOKEN = 800;
const SPARE_BYTES = 65_536;
/** What each takes besides its claims, scopes and strings. */
const BYTES_PER_ENTRY = 140;

/** A verified access token, valid as long as its key is or its issuer's answer counts. */
type VerifiedAccessToken = VerifiedToken | IntrospectedToken;

export interface TokenVerifierOptions extends VerifierOptions {
  /** How many verified tokens are remembered; 0 for none. */
  readonly maxTokens: number;
}

/**
 * Verifies access tokens and remembers the valid ones. A service sends the same token thousands of times;
 * only the first use pays for the signature, or for asking the issuer.
 *
 * Security: a token is remembered under the SHA-256 digest of its whole text, never under anything read from
 * it. So no token is stored, and another spelling of a token is another token. Refusals aren't remembered, so
 * a flood of bad tokens evicts no good ones. Nor does a flood of good ones that are used once each: a full
 * memory takes a token only at its second use. A remembered token must still be in date, and its key must
 * still be one of the issuer's. An issuer's answer about a token counts only for a short time.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #jwtVerifier: JwtVerifier;
  /** Undefined if no issuer is asked about tokens. */
  readonly #introspectionVerifier: IntrospectionVerifier | undefined;
  readonly #verified: LruCache<string, VerifiedAccessToken> | undefined;
  /** Tokens that would have displaced others. Undefined until the memory is full. */
  #passedOver: Sightings | undefined;
  readonly #underWay: SharedWork<AccessToken>;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#underWay = new SharedWork(options.clock, () => options.issuers.verificationSeconds);
    const scopes = new ScopeReader();
    this.#jwtVerifier = new JwtVerifier(options, scopes);
    const { configured, isOpen } = options.issuers;
    const isAsked = [...configured.values()].some(({ introspection }) => introspection !== undefined);
    this.#introspectionVerifier = isAsked || isOpen ? new IntrospectionVerifier(options, scopes) : undefined;
    const { maxTokens } = options;
    const maxWeight = SPARE_BYTES + maxTokens * BYTES_PER_TOKEN;
    this.#verified = maxTokens > 0 ? new LruCache({ max: maxTokens, maxWeight }) : undefined;
  }

  /** When a token ends, in seconds since the epoch; `Infinity` if its issuer states no end. */
  endOf({ claims }: Pick<AccessToken, 'claims'>): number {
    return this.#introspectionVerifier?.endOf(claims) ?? claims.exp;
  }

  /** The token, if it was verified before and is still valid. */
  #known(credentials: Credentials): AccessToken | undefined {
    if (!this.#isWorthRemembering(credentials.token)) return undefined;
    const { digest } = credentials;
    const known = this.#verified?.get(digest);
    if (known === undefined) return undefined;
    if (this.#isStillValid(known)) return known.accessToken;
    this.#verified?.delete(digest);
    return undefined;
  }

  /**
   * The token, at once if it was verified before or if there's nothing to wait for.
   *
   * @throws {InvalidRequestError} `malformed_credentials`: it can't be an access token (RFC 6750 §2.1)
   * @throws {InvalidTokenError} it isn't valid; or the promise rejects with it, or with an UnavailableError:
   *   the issuer's keys can't be reached, or it doesn't say whether the token is active
   */
  verify(credentials: Credentials): AccessToken | Promise<AccessToken> {
    const known = this.#known(credentials);
    credentials.isKnownToken = known !== undefined;
    if (known !== undefined) return known;
    checkToken(credentials);
    const { token } = credentials;
    if (!this.#isWorthRemembering(token)) return this.#accept(this.#jwtVerifier.verify(token));
    if (this.#introspectionVerifier?.mayAskAbout(token) !== true)
      return this.#accept(this.#jwtVerifier.verify(token), credentials);
    // One call for everyone with the same token. A signature isn't worth sharing: that costs every new token
    // more than the few that come twice at once would save.
    const ask = async () => this.#known(credentials) ?? this.#accept(this.#ask(credentials), credentials);
    return this.#underWay.run(ask, credentials.digest).catch(rejectWithOwnError);
  }

  /**
   * Tokens that can't be valid are refused without a digest: there may be very many. If an issuer is asked
   * about tokens, refusals are remembered too.
   */
  #isWorthRemembering(token: string): boolean {
    if (token.length > MAX_TOKEN_LENGTH) return false;
    return this.#introspectionVerifier !== undefined || (this.#verified !== undefined && token.includes('.'));
  }

  /** A token's look decides how it's verified. Failing one way never leads to the other. */
  async #ask({ token, digest }: Credentials): Promise<VerifiedAccessToken> {
    const introspected = await this.#introspectionVerifier?.verify(token, digest);
    return introspected ?? this.#jwtVerifier.verify(token);
  }

  /** @param credentials to remember it by; undefined to not remember it */
  #accept(
    verified: VerifiedAccessToken | Promise<VerifiedAccessToken>,
    credentials?: Credentials,
  ): AccessToken | Promise<AccessToken> {
    if (isPromise(verified)) return verified.then((ready) => this.#accept(ready, credentials));
    if (credentials !== undefined) this.#remember(verified, credentials);
    return verified.accessToken;
  }

  #remember(verified: VerifiedAccessToken, credentials: Credentials): void {
    this.#options.issuers.markAsUsed(verified.issuer);
    // A token that mustn't be remembered would only displace others.
    if (this.#verified === undefined || !this.#isStillValid(verified)) return;
    const { digest } = credentials;
    const weight = BYTES_PER_ENTRY + verified.bytes;
    if (this.#verified.hasRoomFor(weight) || this.#isWorthAPlace(digest, verified))
      this.#verified.set(digest, verified, weight);
  }

  /**
   * Whether a token may displace another. Not at its first use, which may be its last: that would cost
   * another token's place, and garbage collection more than a signature. An introspected token may, because
   * it cost a call.
   */
  #isWorthAPlace(digest: string, verified: VerifiedAccessToken): boolean {
    if (!('key' in verified)) return true;
    this.#passedOver ??= new Sightings(this.#options.maxTokens);
    return this.#passedOver.note(digest);
  }

  #isStillValid(verified: VerifiedAccessToken): boolean {
    const { clock, clockToleranceSeconds } = this.#options;
    const now = clock();
    if (findDateFault(verified.accessToken.claims, now / 1000, clockToleranceSeconds) !== undefined)
      return false;
    if (!verified.issuer.isTrusted()) return false;
    return 'key' in verified
      ? verified.issuer.keySet.vouchesFor(verified.key)
      : isWithin(verified.validity, now);
  }
}

/** Callers that share a refusal get errors of their own: an application may add something to its error. */
function rejectWithOwnError(error: unknown): never {
  throw error instanceof InvalidTokenError ? new InvalidTokenError(error.reason, error.hint) : error;
}
