import { compactVerify, errors } from 'jose';
import { LRUCache } from 'lru-cache';
import type { AccessToken, JoseHeader, StandardClaims } from '../auth.js';
import { holds } from '../diagnostics.js';
import { InvalidTokenError } from '../errors.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import type { VerificationKey } from '../issuer/verification-key.js';
import { deepFreeze } from '../lib/deep-freeze.js';
import type { Algorithm } from '../options/options.js';
import { audienceOf, checkClaims, claimAt, grantedScopes } from '../token/claims.js';
import { parseCompactJws, parseJsonObject } from '../token/compact-jws.js';
import { parseScopes } from '../token/scope.js';
import { checkTokenKind, checkTokenType, readMediaType } from '../token/token-kind.js';

type Header = Readonly<Record<string, unknown>>;

export interface JwtVerifierOptions {
  /** By issuer identifier. */
  readonly issuers: ReadonlyMap<string, ResolvedIssuer>;
  /** The algorithms of all issuers together: what none of them accepts needs no further look. */
  readonly algorithms: ReadonlySet<string>;
  readonly clockToleranceSeconds: number;
  readonly clock: () => number;
}

/** A token whose header and claims are acceptable and whose signature is not verified yet. */
interface Candidate {
  readonly header: JoseHeader;
  /** Undefined where the header was read before. */
  readonly newHeaderSegment: string | undefined;
  readonly algorithm: Algorithm;
  readonly claims: StandardClaims;
  readonly issuer: ResolvedIssuer;
}

/** An access token that holds, and what it rests on: it holds for as long as the key does. */
export interface VerifiedToken {
  readonly accessToken: AccessToken;
  readonly key: VerificationKey;
  readonly issuer: ResolvedIssuer;
}

/** How many headers and scope lists are kept for sharing; an issuer has a handful of each. */
const MAX_SHARED_PARTS = 100;

/**
 * Verifies JWT access tokens (RFC 9068 §4, RFC 7519 §7.2, RFC 8725).
 *
 * All that costs nothing is checked first, so that a token which cannot hold causes no look-up of keys and no cryptography. Tokens of one issuer have the
 * same few headers and scopes: those of tokens that held are kept once, and not read again.
 */
export class JwtVerifier {
  readonly #options: JwtVerifierOptions;
  readonly #headers = new LRUCache<string, JoseHeader>({ max: MAX_SHARED_PARTS });
  readonly #scopes = new LRUCache<string, readonly string[]>({ max: MAX_SHARED_PARTS });

  constructor(options: JwtVerifierOptions) {
    this.#options = options;
  }

  /**
   * @throws {InvalidTokenError} the token does not hold, with the first reason found: at once where no key is needed to tell, otherwise as a rejection
   * @throws {UnavailableError} as a rejection: the issuer's keys are out of reach
   */
  verify(token: string): Promise<VerifiedToken> {
    return this.#verifyCandidate(token, this.#readCandidate(token));
  }

  async #verifyCandidate(token: string, candidate: Candidate): Promise<VerifiedToken> {
    const { issuer, header, newHeaderSegment, algorithm, claims } = candidate;
    // Each `await` costs a turn, so there is none where there is nothing to wait for.
    const found = issuer.keySet.find(header.kid, algorithm);
    const key = found instanceof Promise ? await found : found;
    const imported = key.cryptoKey(algorithm);
    try {
      // The key is bound to one algorithm, and that is the header's.
      await compactVerify(token, imported instanceof Promise ? await imported : imported);
    } catch (error) {
      throw faultOfSignature(error);
    }
    if (newHeaderSegment !== undefined) this.#headers.set(newHeaderSegment, deepFreeze(header));
    deepFreeze(claims);
    const { isAccessToken } = issuer;
    if (isAccessToken !== undefined && !holds('isAccessToken', () => isAccessToken(header, claims))) {
      throw new InvalidTokenError('not_an_access_token');
    }
    return { accessToken: this.#toAccessToken(candidate), key, issuer };
  }

  #readCandidate(token: string): Candidate {
    const { issuers, algorithms, clock, clockToleranceSeconds } = this.#options;
    const { header, headerSegment, isHeaderKnown, claimsBytes } = parseCompactJws(token, this.#headers);
    const algorithm = readAlgorithm(header, algorithms);
    checkExtensions(header);
    const type = readMediaType(header);
    const claims = parseJsonObject(claimsBytes);
    const issuer = findIssuer(claims.iss, issuers);
    if (!issuer.algorithms.has(algorithm)) throw new InvalidTokenError('alg_not_allowed');
    checkTokenType(type, issuer.tokenType);
    checkClaims(claims, issuer, clock() / 1000, clockToleranceSeconds);
    checkTokenKind(type, claims, issuer);
    const newHeaderSegment = isHeaderKnown ? undefined : headerSegment;
    return { header: header as JoseHeader, newHeaderSegment, algorithm, claims, issuer }; // its alg was found to be a string
  }

  #toAccessToken({ header, claims, issuer }: Candidate): AccessToken {
    const clientId = claimAt(claims, issuer.clientIdClaim);
    return Object.freeze({
      header,
      claims,
      issuer: issuer.issuer,
      subject: claims.sub,
      clientId: typeof clientId === 'string' ? clientId : undefined,
      audience: Object.freeze(audienceOf(claims)),
      scopes: Object.freeze(grantedScopes(claims, issuer, (scope) => this.#scopesOf(scope))),
      expiresAt: claims.exp,
    });
  }

  #scopesOf(scope: string): readonly string[] {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const scopes = Object.freeze(parseScopes(scope));
    this.#scopes.set(scope, scopes);
    return scopes;
  }
}

/**
 * An exact, case-sensitive match with the list of accepted algorithms, so that `none` in any spelling and HMAC never get further (RFC 8725 §3.1).
 *
 * @throws {InvalidTokenError} `alg_not_allowed`
 */
export function readAlgorithm(header: Header, accepted: ReadonlySet<string>): Algorithm {
  const { alg } = header;
  if (typeof alg !== 'string' || !accepted.has(alg)) throw new InvalidTokenError('alg_not_allowed');
  return alg as Algorithm; // the set holds nothing else
}

/**
 * This package understands no critical extension (RFC 7515 §4.1.11), and a JWT has no unencoded claims (RFC 7797 §7).
 *
 * @throws {InvalidTokenError} `crit_unsupported`
 */
export function checkExtensions(header: Header): void {
  if (Object.hasOwn(header, 'crit') || (Object.hasOwn(header, 'b64') && header.b64 !== true)) {
    throw new InvalidTokenError('crit_unsupported');
  }
}

/**
 * The issuer that `"iss"` names exactly, from the configured ones only (RFC 8725 §3.8).
 *
 * @throws {InvalidTokenError} `iss_mismatch`
 */
export function findIssuer(iss: unknown, issuers: ReadonlyMap<string, ResolvedIssuer>): ResolvedIssuer {
  if (typeof iss !== 'string') throw new InvalidTokenError('iss_mismatch');
  const issuer = issuers.get(iss);
  if (issuer !== undefined) return issuer;
  const twin = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`;
  throw new InvalidTokenError(
    'iss_mismatch',
    issuers.has(twin) ? 'the issuer differs from a configured one only by a trailing slash' : undefined,
  );
}

/** A bad signature is the token's fault. The error of the library is dropped, because it may carry the claims; what is not the library's is a bug of ours. */
function faultOfSignature(error: unknown): unknown {
  return error instanceof errors.JOSEError ? new InvalidTokenError('signature_invalid') : error;
}
