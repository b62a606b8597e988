import type { Scheme } from '../terms.js';

/** An access token as the authorization server granted it. Frozen. */
export interface GrantedToken {
  /**
   * The access token (RFC 6749 §1.4): opaque, sent as `Authorization: Bearer <accessToken>`, or after `DPoP`
   * with a proof.
   *
   * Security: not enumerable, so logging or serializing this object doesn't reveal it.
   */
  readonly accessToken: string;
  /** `DPoP` if it's bound to the client's key (RFC 9449), as the option `dpop` asks. */
  readonly tokenType: Scheme;
  /** When this client stops using it, in seconds since the epoch, by this machine's clock. */
  readonly expiresAt: number;
  /**
   * The granted scopes in order, without duplicates: `["read:inventory"]`. They may be fewer than requested
   * (RFC 6749 §3.3). Empty if neither the request nor the answer named any.
   */
  readonly scope: readonly string[];
}

/** A token that only its getter reveals. */
export class HeldToken implements GrantedToken {
  readonly expiresAt: number;
  readonly scope: readonly string[];
  readonly tokenType: Scheme;
  readonly #accessToken: string;

  constructor(accessToken: string, expiresAt: number, scope: readonly string[], tokenType: Scheme) {
    this.#accessToken = accessToken;
    this.tokenType = tokenType;
    this.expiresAt = expiresAt;
    this.scope = Object.freeze([...scope]);
    Object.freeze(this);
  }

  get accessToken(): string {
    return this.#accessToken;
  }
}

/** Doesn't show the token, even with the option `getters` of `util.inspect`. */
Object.defineProperty(HeldToken.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: HeldToken): object {
    return { ...this };
  },
});
