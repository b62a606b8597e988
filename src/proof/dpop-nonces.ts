import { createHmac } from 'node:crypto';
import { isEqualText } from '../lib/equal-text.js';

/** The nonces of one window of time and of the one before it. */
interface Window {
  readonly number: number;
  readonly current: string;
  readonly previous: string;
}

/**
 * Nonces for DPoP proofs without memory (RFC 9449 §8, §9): each window of time has one, an HMAC that only who
 * has the secret can tell beforehand. Servers with one secret know each other's.
 */
export class ProofNonces {
  readonly #secret: string;
  readonly #lifetimeSeconds: number;
  #window: Window | undefined;

  /** @param lifetimeSeconds how long a nonce is the current one; it is accepted for as long again */
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
   * What a nonce from a proof is worth now: `previous` is still good, and to be replaced by the current one.
   * Undefined if it's too old, or none of ours.
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
      this.#window = { number, current: this.#nonceOf(number), previous: this.#nonceOf(number - 1) };
    return this.#window;
  }

  #nonceOf(window: number): string {
    return createHmac('sha256', this.#secret).update(`DPoP-Nonce ${window}`).digest('base64url');
  }
}
