/** An access token as the authorization server granted it. Frozen. */
export interface GrantedToken {
  /**
   * The access token (RFC 6749 §1.4): opaque, sent as `Authorization: Bearer <accessToken>`.
   *
   * Security: not enumerable, so that logging or serialising this object does not reveal it.
   */
  readonly accessToken: string;
  /** When this client stops using it, in seconds since the epoch, by the clock of this machine. */
  readonly expiresAt: number;
  /**
   * The granted scopes in order and without repetition: `["read:inventory"]`. They may be fewer than
   * requested (RFC 6749 §3.3). Empty when neither the request nor the answer named any.
   */
  readonly scope: readonly string[];
}

class BearerToken implements GrantedToken {
  readonly expiresAt: number;
  readonly scope: readonly string[];
  readonly #accessToken: string;

  constructor(accessToken: string, expiresAt: number, scope: readonly string[]) {
    this.#accessToken = accessToken;
    this.expiresAt = expiresAt;
    this.scope = Object.freeze([...scope]);
    Object.freeze(this);
  }

  get accessToken(): string {
    return this.#accessToken;
  }
}

export function createGrantedToken(
  accessToken: string,
  expiresAt: number,
  scope: readonly string[],
): GrantedToken {
  return new BearerToken(accessToken, expiresAt, scope);
}
