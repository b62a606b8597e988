import { InvalidProofError, InvalidTokenError } from '../errors.js';
import { isEqualText } from '../lib/equal-text.js';
import type { Algorithm } from '../options/options.js';
import type { Credentials } from '../request/credentials.js';
import type { RequestView } from '../request/view.js';
import type { Confirmed, DpopBinding } from './confirmation.js';
import { ProofKeys } from './dpop-keys.js';
import type { NonceAge, ProofNonces } from './dpop-nonces.js';
import { type ProofClaims, parseProof, readProofLine } from './dpop-proof.js';
import type { ReplayStore } from './replay-store.js';
import { normaliseTargetUri, pathOfTargetUri } from './target-uri.js';
import { useOnce } from './used-proofs.js';

/** What is wanted of proofs. */
export interface DpopPolicy {
  /** Whether an access token has to be bound to a key. */
  readonly isRequired: boolean;
  readonly algorithms: readonly Algorithm[];
  /** How long ago a proof may have been made. */
  readonly maxAgeSeconds: number;
  /** How much ahead of ours the client's clock may be. */
  readonly clockToleranceSeconds: number;
  readonly replayStore: ReplayStore;
  /** Undefined where proofs need no nonce. */
  readonly nonces: ProofNonces | undefined;
  /** Where clients find this API, without a slash at the end; undefined where the request itself says it. */
  readonly baseUrl: string | undefined;
  readonly clock: () => number;
}

/**
 * Makes sure that a request under the scheme `DPoP` has a proof of possession of the key that its access token is bound to (RFC 9449 §4.3, §7.1), and that no
 * bound token comes under another scheme (§7.2).
 */
export function dpopBinding(policy: DpopPolicy): DpopBinding {
  const verifier = new DpopVerifier(policy);
  return (jkt, credentials, request) => {
    if (credentials.scheme === 'DPoP') {
      if (jkt === undefined || request === undefined) throw new InvalidTokenError('token_not_bound');
      return verifier.verify(jkt, credentials, request);
    }
    if (jkt !== undefined) throw new InvalidTokenError('dpop_downgrade');
    if (policy.isRequired) throw new InvalidTokenError('dpop_required');
    return undefined;
  };
}

class DpopVerifier {
  readonly #policy: DpopPolicy;
  readonly #keys: ProofKeys;

  constructor(policy: DpopPolicy) {
    this.#policy = policy;
    this.#keys = new ProofKeys(policy.algorithms);
  }

  /**
   * @param jkt the thumbprint of the key that the access token is bound to, of whatever type
   * @returns the next nonce, where it is time for it
   */
  async verify(jkt: unknown, { digest }: Credentials, request: RequestView): Promise<Confirmed> {
    const proof = parseProof(readProofLine(request));
    const { claims } = proof;
    const thumbprint = await this.#keys.verifySignature(proof);
    if (claims.htm !== request.method) throw new InvalidProofError('htm_mismatch');
    const targetUri = this.#checkTargetUri(claims, request);
    const now = this.#policy.clock() / 1000;
    const nonceAge = this.#checkNonce(claims, now);
    this.#checkTime(claims, now);
    if (!isEqualText(claims.ath, digest)) throw new InvalidProofError('ath_mismatch');
    if (typeof jkt !== 'string' || !isEqualText(jkt, thumbprint)) throw new InvalidTokenError('jkt_mismatch');
    const { jti } = claims;
    const used = useOnce(
      this.#policy.replayStore,
      { thumbprint, targetUri, jti },
      this.#remainingSeconds(claims, now),
    );
    if (used !== undefined) await used;
    return nonceAge === 'previous' ? this.#nextNonce(now) : undefined;
  }

  /** RFC 9449 §4.3, number 9. */
  #checkTargetUri({ htu }: ProofClaims, request: RequestView): string {
    const targetUri = this.#targetUriOf(request);
    if (targetUri === undefined || (htu !== targetUri && normaliseTargetUri(htu) !== targetUri)) {
      throw new InvalidProofError('htu_mismatch');
    }
    return targetUri;
  }

  /** Undefined where the request has none, such as `OPTIONS *`. */
  #targetUriOf({ url }: RequestView): string | undefined {
    const { baseUrl } = this.#policy;
    if (baseUrl === undefined) return normaliseTargetUri(url);
    const path = pathOfTargetUri(url);
    return path === undefined ? undefined : normaliseTargetUri(`${baseUrl}${path}`);
  }

  /** RFC 9449 §9. */
  #checkNonce({ nonce }: ProofClaims, now: number): NonceAge | undefined {
    const { nonces } = this.#policy;
    if (nonces === undefined) return undefined;
    const age = nonces.ageOf(nonce, now);
    if (age === undefined) throw new InvalidProofError('nonce_required', nonces.current(now));
    return age;
  }

  /** RFC 9449 §11.1. */
  #checkTime({ iat }: ProofClaims, now: number): void {
    const { maxAgeSeconds, clockToleranceSeconds } = this.#policy;
    // Not `iat < …`: a clock that returns NaN must refuse.
    if (!(iat >= now - maxAgeSeconds)) throw new InvalidProofError('proof_expired');
    if (!(iat <= now + clockToleranceSeconds)) throw new InvalidProofError('proof_in_future');
  }

  /** How long the proof could be used again, by the clock of any instance that shares the store: to the end of its last moment, and a second for whoever rounds. */
  #remainingSeconds({ iat }: ProofClaims, now: number): number {
    const { maxAgeSeconds, clockToleranceSeconds } = this.#policy;
    return iat + maxAgeSeconds + clockToleranceSeconds - now + 1;
  }

  /** RFC 9449 §8.2: on an answer that nobody keeps, since the nonce is for this client now. */
  #nextNonce(now: number): Confirmed {
    const nonce = this.#policy.nonces?.current(now);
    return nonce === undefined ? undefined : { 'DPoP-Nonce': nonce, 'Cache-Control': 'no-store' };
  }
}
