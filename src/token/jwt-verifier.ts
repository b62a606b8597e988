import { compactVerify, errors } from 'jose';
import type { AccessToken, JoseHeader, StandardClaims } from '../auth.js';
import { deepFreeze } from '../deep-freeze.js';
import { holds } from '../diagnostics.js';
import { InvalidTokenError } from '../errors.js';
import type { VerificationKey } from '../keys/verification-key.js';
import type { Algorithm } from '../options.js';
import { parseScopes } from '../requirement/scope.js';
import type { ResolvedIssuer } from '../trusted-issuer.js';
import { audienceOf, checkClaims, claimAt } from './claims.js';
import { type CompactJws, parseCompactJws, parseJsonObject } from './compact-jws.js';
import { checkTokenKind, checkTokenType, readMediaType } from './token-kind.js';

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

/**
 * Verifies a JWT access token (RFC 9068 §4, RFC 7519 §7.2, RFC 8725).
 *
 * All that costs nothing is checked first, so that a token which cannot hold causes no look-up of keys and no cryptography.
 *
 * @throws {InvalidTokenError} the token does not hold, with the first reason found: at once where no key is needed to tell, otherwise as a rejection
 * @throws {UnavailableError} as a rejection: the issuer's keys are out of reach
 */
export function verifyJwt(token: string, options: JwtVerifierOptions): Promise<VerifiedToken> {
  return verifyCandidate(token, readCandidate(token, options));
}

async function verifyCandidate(token: string, candidate: Candidate): Promise<VerifiedToken> {
  const { issuer, header, algorithm, claims } = candidate;
  const key = await issuer.keySet.find(header.kid, algorithm);
  await verifySignature(token, key, algorithm);
  deepFreeze(header);
  deepFreeze(claims);
  const { isAccessToken } = issuer;
  if (isAccessToken !== undefined && !holds('isAccessToken', () => isAccessToken(header, claims))) {
    throw new InvalidTokenError('not_an_access_token');
  }
  return { accessToken: toAccessToken(candidate), key, issuer };
}

function readCandidate(token: string, options: JwtVerifierOptions): Candidate {
  const jws = parseCompactJws(token);
  const algorithm = readAlgorithm(jws, options.algorithms);
  checkExtensions(jws);
  const type = readMediaType(jws.header);
  const claims = parseJsonObject(jws.claimsBytes);
  const issuer = findIssuer(claims.iss, options.issuers);
  if (!issuer.algorithms.has(algorithm)) throw new InvalidTokenError('alg_not_allowed');
  checkTokenType(type, issuer.tokenType);
  checkClaims(claims, issuer, options.clock() / 1000, options.clockToleranceSeconds);
  checkTokenKind(type, claims, issuer);
  return { header: { ...jws.header, alg: algorithm }, algorithm, claims, issuer };
}

/** An exact, case-sensitive match with the list of accepted algorithms, so that `none` in any spelling and HMAC never get further (RFC 8725 §3.1). */
function readAlgorithm({ header }: CompactJws, accepted: ReadonlySet<string>): Algorithm {
  const { alg } = header;
  if (typeof alg !== 'string' || !accepted.has(alg)) throw new InvalidTokenError('alg_not_allowed');
  return alg as Algorithm; // the set holds nothing else
}

/** This package understands no critical extension (RFC 7515 §4.1.11), and a JWT has no unencoded claims (RFC 7797 §7). */
function checkExtensions({ header }: CompactJws): void {
  if (Object.hasOwn(header, 'crit') || (Object.hasOwn(header, 'b64') && header.b64 !== true)) {
    throw new InvalidTokenError('crit_unsupported');
  }
}

/** The issuer that `"iss"` names exactly, from the configured ones only (RFC 8725 §3.8). */
function findIssuer(iss: unknown, issuers: ReadonlyMap<string, ResolvedIssuer>): ResolvedIssuer {
  if (typeof iss !== 'string') throw new InvalidTokenError('iss_mismatch');
  const issuer = issuers.get(iss);
  if (issuer !== undefined) return issuer;
  const twin = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`;
  throw new InvalidTokenError(
    'iss_mismatch',
    issuers.has(twin) ? 'the issuer differs from a configured one only by a trailing slash' : undefined,
  );
}

async function verifySignature(token: string, key: VerificationKey, algorithm: Algorithm): Promise<void> {
  const cryptoKey = await key.cryptoKey(algorithm);
  try {
    await compactVerify(token, cryptoKey, { algorithms: [algorithm] });
  } catch (error) {
    // The error of the library is dropped: it may carry the claims.
    if (error instanceof errors.JOSEError) throw new InvalidTokenError('signature_invalid');
    throw error;
  }
}

function toAccessToken({ header, claims, issuer }: Candidate): AccessToken {
  const clientId = claimAt(claims, issuer.clientIdClaim);
  const scope = claimAt(claims, issuer.scopeClaim);
  return Object.freeze({
    header,
    claims,
    issuer: issuer.issuer,
    subject: claims.sub,
    clientId: typeof clientId === 'string' ? clientId : undefined,
    audience: Object.freeze(audienceOf(claims)),
    scopes: Object.freeze(typeof scope === 'string' || issuer.scopeMayBeArray ? parseScopes(scope) : []),
    expiresAt: claims.exp,
  });
}
