import { createHmac } from 'node:crypto';
import { isEqualText } from '../lib/equal-text.js';

/** The nonces of one time window and the one before. */
interface Window {
  readonly number: number;
  readonly current: string;
  readonly previous: string;
}

/**
 * Nonces for DPoP proofs without storage (RFC 9449 §8, §9). Each time window has one: an HMAC that only
 * holders of the secret can predict. Servers with the same secret know each other's nonces.
 */
export class ProofNonces {
  readonly #secret: string;
  readonly #lifetimeSeconds: number;
  #window: Window | undefined;

  /** @param lifetimeSeconds how long a nonce is the current one; it's accepted for the same time again */
  constructor(secret: string, lifetimeSeconds: number) {
    this.#secret = secret;
    this.#lifetimeSeconds = lifetimeSeconds;
  }

  /**
   * The nonce that proofs should carry now: 43 characters of base64url.
   *
   * @param now seconds since the epoch
   */
  current(now: number): string {
    return this.#windowAt(now).current;
  }

  /**
   * Whether a nonce from a proof is still good; `previous` is, but should be replaced by the current one.
   * Undefined if it's too old or not ours.
   */
  ageOf(nonce: unknown, now: number): 'current' | 'previous' | undefined {
    if (typeof nonce !== 'string') return undefined;
    const { current, previous } = this.#windowAt(now);
    if (isEqualText(nonce, current)) return 'current';
    return isEqualText(nonce, previous) ? 'previous' : undefined;
  }

  #windowAt(now: number): Window {
    const number = Math.floor(now / this.#lifetimeSeconds);
    if (this.#window?.number !== number)
      this.#window = { number, current: this.#makeNonce(number), previous: this.#makeNonce(number - 1) };
    return this.#window;
  }

  #makeNonce(window: number): string {
    return createHmac('sha256', this.#secret).update(`DPoP-Nonce ${window}`).digest('base64url');
  }
}
