import { InvalidProofError, InvalidTokenError } from '../errors.js';
import type { TokenClock } from '../lib/runtime.js';
import type { Credentials } from '../request/credentials.js';
import type { RequestView } from '../request/view.js';
import type { Algorithm } from '../terms.js';
import type { Confirmed, DpopBinding } from './confirmation.js';
import { ProofNonces } from './dpop-nonces.js';
import { createProofVerifier, type ProofClaims, parseProof, readProofLine } from './dpop-proof.js';
import { createMemoryReplayStore, type ReplayStore, useOnce } from './replay-store.js';
import { normalizeTargetUri, requestTargetUri } from './target-uri.js';

/** What proofs must be like: the option `dpop` as plain data. */
export interface DpopSettings {
  /** Whether access tokens must be bound to a key. */
  readonly isRequired: boolean;
  readonly algorithms: readonly Algorithm[];
  /** How old a proof may be. */
  readonly maxAgeSeconds: number;
  /** Undefined: one in memory. */
  readonly replayStore: ReplayStore | undefined;
  /** Undefined if proofs need no nonce. */
  readonly nonce: { readonly secret: string; readonly lifetimeSeconds: number } | undefined;
  /**
   * The URL that clients use for this API, without a slash at the end. Undefined to take it from the request.
   */
  readonly baseUrl: string | undefined;
}

/** A key that a request has proven to possess. */
export interface ProvenKey {
  /** The `"jkt"` of access tokens that are bound to it. */
  readonly thumbprint: string;
  /** What the answer must carry. */
  readonly confirmed: Confirmed;
}

/** The access token that a proof must be for. */
interface BoundToken {
  /** Its member `"jkt"`, of any type. */
  readonly jkt: unknown;
  readonly digest: string;
}

/**
 * Checks the proof of a request (RFC 9449 §4.3), and that it's used only once. Without a token, the request
 * asks for one (§5): then the proof says which key to bind it to.
 *
 * @throws {InvalidProofError} `nonce_required` and all others; or an InvalidTokenError `jkt_mismatch`
 */
export type ProofCheck = (request: RequestView, token?: BoundToken) => Promise<ProvenKey>;

export function createProofCheck(settings: Omit<DpopSettings, 'isRequired'>, time: TokenClock): ProofCheck {
  const { algorithms, nonce, maxAgeSeconds, replayStore, baseUrl } = settings;
  const verifySignature = createProofVerifier(algorithms);
  const nonces = nonce && new ProofNonces(nonce.secret, nonce.lifetimeSeconds);
  const usedProofs = replayStore ?? createMemoryReplayStore({ clock: time.clock });

  return async (request, token) => {
    const proof = parseProof(readProofLine(request), token !== undefined);
    const { claims } = proof;
    const thumbprint = await verifySignature(proof, token?.jkt);
    if (claims.htm !== request.method) throw new InvalidProofError('htm_mismatch');
    const targetUri = requestTargetUri(request.url, baseUrl);
    // RFC 9449 §4.3, number 9.
    if (targetUri === undefined || (claims.htu !== targetUri && normalizeTargetUri(claims.htu) !== targetUri))
      throw new InvalidProofError('htu_mismatch');
    const now = time.clock() / 1000;
    const confirmed = nonces && checkNonce(nonces, claims, now);
    checkTime(claims, now, maxAgeSeconds, time);
    // Neither is a secret, so a comparison may take a different time depending on where they differ.
    if (claims.ath !== token?.digest) throw new InvalidProofError('ath_mismatch');
    if (token !== undefined && token.jkt !== thumbprint) throw new InvalidTokenError('jkt_mismatch');
    // How long the proof could be reused, by the clock of any instance that shares the store: until its last
    // moment is over, plus a second for stores that round.
    const remainingSeconds = claims.iat + maxAgeSeconds + time.clockToleranceSeconds - now + 1;
    await useOnce(usedProofs, { thumbprint, targetUri, jti: claims.jti }, remainingSeconds);
    return { thumbprint, confirmed };
  };
}

/**
 * Makes sure that a request under the scheme `DPoP` proves possession of the key that its access token is
 * bound to (RFC 9449 §4.3, §7.1), and that bound tokens don't come under another scheme (§7.2).
 */
export function createDpopBinding(settings: DpopSettings, time: TokenClock): DpopBinding {
  const checkProof = createProofCheck(settings, time);
  const confirm = async (jkt: unknown, { digest }: Credentials, request: RequestView): Promise<Confirmed> =>
    (await checkProof(request, { jkt, digest })).confirmed;

  return (jkt, credentials, request) => {
    if (credentials.scheme === 'DPoP') {
      if (jkt === undefined || request === undefined) throw new InvalidTokenError('token_not_bound');
      return confirm(jkt, credentials, request);
    }
    if (jkt !== undefined) throw new InvalidTokenError('dpop_downgrade');
    if (settings.isRequired) throw new InvalidTokenError('dpop_required');
    return undefined;
  };
}

/**
 * RFC 9449 §9.
 *
 * @returns the next nonce, if it's time for it (§8.2). The answer must then not be cached, because the nonce
 *   is for this client now
 */
function checkNonce(nonces: ProofNonces, { nonce }: ProofClaims, now: number): Confirmed {
  const age = nonces.ageOf(nonce, now);
  const current = nonces.current(now);
  if (age === undefined) throw new InvalidProofError('nonce_required', current);
  return age === 'previous' ? { 'DPoP-Nonce': current, 'Cache-Control': 'no-store' } : undefined;
}

/** RFC 9449 §11.1, and the limits that the client set itself (RFC 7519 §4.1.4, §4.1.5). */
function checkTime(
  { iat, exp = Number.POSITIVE_INFINITY, nbf = iat }: ProofClaims,
  now: number,
  maxAgeSeconds: number,
  { clockToleranceSeconds }: TokenClock,
): void {
  // Not `iat < …`: a clock that returns NaN must refuse.
  if (!(iat >= now - maxAgeSeconds && exp > now - clockToleranceSeconds))
    throw new InvalidProofError('proof_expired');
  if (!(Math.max(iat, nbf) <= now + clockToleranceSeconds)) throw new InvalidProofError('proof_in_future');
}
