import { DpopNonces, type DpopProver } from './dpop.js';
import type { GrantedToken } from './granted-token.js';

/** The header fields that carry an access token. Use them where the case of names doesn't matter. */
export interface TokenHeaders {
  /** `Bearer <token>` (RFC 6750 §2.1), or `DPoP <token>` (RFC 9449 §7.1). */
  readonly Authorization: string;
  /** The proof of possession, for one attempt at one request. Only with the option `dpop`. */
  readonly DPoP?: string;
}

/** Methods that `fetch` sends in capitals, however you write them (Fetch standard, "normalize"). */
const NORMALIZED: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

/** Adds one client's access tokens to requests. */
export class TokenPresenter {
  /** Those of the APIs. */
  readonly nonces: DpopNonces = new DpopNonces();
  /** The fields that only this class may set. */
  readonly fields: readonly string[];
  readonly #prover: DpopProver | undefined;

  /** @param prover undefined if the tokens are bearer tokens */
  constructor(prover: DpopProver | undefined) {
    this.#prover = prover;
    this.fields = prover === undefined ? ['Authorization'] : ['Authorization', 'DPoP'];
  }

  /** @param nonce Default: the last one that this API sent. */
  async present(
    { accessToken }: GrantedToken,
    { method, url }: { readonly method: string; readonly url: URL },
    nonce: string | undefined = this.nonces.get(url),
  ): Promise<TokenHeaders> {
    if (this.#prover === undefined) return { Authorization: `Bearer ${accessToken}` };
    const capitals = method.toUpperCase();
    const sent = NORMALIZED.has(capitals) ? capitals : method;
    const proof = await this.#prover.prove({ method: sent, url, accessToken, nonce });
    return { Authorization: `DPoP ${accessToken}`, DPoP: proof };
  }
}
