import { InvalidProofError, InvalidTokenError } from '../errors.js';
import { isEqualText } from '../lib/equal-text.js';
import type { Runtime } from '../lib/runtime.js';
import type { Credentials } from '../request/credentials.js';
import type { RequestView } from '../request/view.js';
import type { Algorithm } from '../terms.js';
import type { Confirmed, DpopBinding } from './confirmation.js';
import { ProofKeys } from './dpop-keys.js';
import { type NonceAge, ProofNonces } from './dpop-nonces.js';
import { type ProofClaims, parseProof, readProofLine } from './dpop-proof.js';
import { createMemoryReplayStore, type ReplayStore } from './replay-store.js';
import { normaliseTargetUri, requestTargetUri } from './target-uri.js';
import { useOnce } from './used-proofs.js';

/** What proofs have to be like: the option `dpop` as plain data. */
export interface DpopSettings {
  /** Whether an access token has to be bound to a key. */
  readonly isRequired: boolean;
  readonly algorithms: readonly Algorithm[];
  /** How long ago a proof may have been made. */
  readonly maxAgeSeconds: number;
  /** Undefined: one in memory. */
  readonly replayStore: ReplayStore | undefined;
  /** Undefined if proofs need no nonce. */
  readonly nonce: { readonly secret: string; readonly lifetimeSeconds: number } | undefined;
  /** Where clients find this API, without a slash at the end; undefined if the request itself says it. */
  readonly baseUrl: string | undefined;
}

type Time = Pick<Runtime, 'clock' | 'clockToleranceSeconds'>;

/**
 * Makes sure that a request under the scheme `DPoP` has a proof of possession of the key that its access
 * token is bound to (RFC 9449 §4.3, §7.1), and that no bound token comes under another scheme (§7.2).
 */
export function createDpopBinding(settings: DpopSettings, time: Time): DpopBinding {
  const verifier = new DpopVerifier(settings, time);
  return (jkt, credentials, request) => {
    if (credentials.scheme === 'DPoP') {
      if (jkt === undefined || request === undefined) throw new InvalidTokenError('token_not_bound');
      return verifier.verify(jkt, credentials, request);
    }
    if (jkt !== undefined) throw new InvalidTokenError('dpop_downgrade');
    if (settings.isRequired) throw new InvalidTokenError('dpop_required');
    return undefined;
  };
}

class DpopVerifier {
  readonly #settings: DpopSettings;
  readonly #time: Time;
  readonly #keys: ProofKeys;
  readonly #nonces: ProofNonces | undefined;
  readonly #replayStore: ReplayStore;

  constructor(settings: DpopSettings, time: Time) {
    const { algorithms, nonce, replayStore } = settings;
    this.#settings = settings;
    this.#time = time;
    this.#keys = new ProofKeys(algorithms);
    this.#nonces = nonce && new ProofNonces(nonce.secret, nonce.lifetimeSeconds);
    this.#replayStore = replayStore ?? createMemoryReplayStore({ clock: time.clock });
  }

  /**
   * @param jkt the thumbprint of the key that the access token is bound to, of whatever type
   * @returns the next nonce, if it's time for it
   */
  async verify(jkt: unknown, { digest }: Credentials, request: RequestView): Promise<Confirmed> {
    const proof = parseProof(readProofLine(request));
    const { claims } = proof;
    const thumbprint = await this.#keys.verifySignature(proof);
    if (claims.htm !== request.method) throw new InvalidProofError('htm_mismatch');
    const targetUri = this.#checkTargetUri(claims, request);
    const now = this.#time.clock() / 1000;
    const nonceAge = this.#checkNonce(claims, now);
    this.#checkTime(claims, now);
    if (!isEqualText(claims.ath, digest)) throw new InvalidProofError('ath_mismatch');
    if (typeof jkt !== 'string' || !isEqualText(jkt, thumbprint)) throw new InvalidTokenError('jkt_mismatch');
    const identity = { thumbprint, targetUri, jti: claims.jti };
    await useOnce(this.#replayStore, identity, this.#remainingSeconds(claims, now));
    return nonceAge === 'previous' ? this.#nextNonce(now) : undefined;
  }

  /** RFC 9449 §4.3, number 9. */
  #checkTargetUri({ htu }: ProofClaims, { url }: RequestView): string {
    const targetUri = requestTargetUri(url, this.#settings.baseUrl);
    if (targetUri === undefined || (htu !== targetUri && normaliseTargetUri(htu) !== targetUri))
      throw new InvalidProofError('htu_mismatch');
    return targetUri;
  }

  /** RFC 9449 §9. */
  #checkNonce({ nonce }: ProofClaims, now: number): NonceAge | undefined {
    if (this.#nonces === undefined) return undefined;
    const age = this.#nonces.ageOf(nonce, now);
    if (age === undefined) throw new InvalidProofError('nonce_required', this.#nonces.current(now));
    return age;
  }

  /** RFC 9449 §11.1, and what the client said itself (RFC 7519 §4.1.4, §4.1.5). */
  #checkTime({ iat, exp = Number.POSITIVE_INFINITY, nbf = iat }: ProofClaims, now: number): void {
    const { clockToleranceSeconds } = this.#time;
    // Not `iat < …`: a clock that returns NaN must refuse.
    if (!(iat >= now - this.#settings.maxAgeSeconds && exp > now - clockToleranceSeconds))
      throw new InvalidProofError('proof_expired');
    if (!(Math.max(iat, nbf) <= now + clockToleranceSeconds)) throw new InvalidProofError('proof_in_future');
  }

  /**
   * How long the proof could be used again, by the clock of any instance that shares the store: to the end of
   * its last moment, and a second more for stores that round.
   */
  #remainingSeconds({ iat }: ProofClaims, now: number): number {
    return iat + this.#settings.maxAgeSeconds + this.#time.clockToleranceSeconds - now + 1;
  }

  /** RFC 9449 §8.2: on an answer that nobody keeps, because the nonce is for this client now. */
  #nextNonce(now: number): Confirmed {
    const nonce = this.#nonces?.current(now);
    return nonce === undefined ? undefined : { 'DPoP-Nonce': nonce, 'Cache-Control': 'no-store' };
  }
}
