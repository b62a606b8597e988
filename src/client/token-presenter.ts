import { DpopNonces, type DpopProver } from './dpop.js';
import type { GrantedToken } from './granted-token.js';

/** The header fields that carry an access token. Their names are for objects that tell no case. */
export interface TokenHeaders {
  /** `Bearer <token>` (RFC 6750 §2.1), or `DPoP <token>` (RFC 9449 §7.1). */
  readonly Authorization: string;
  /** The proof of possession: for one request, and for one attempt at it. Only with the option `dpop`. */
  readonly DPoP?: string;
}

/** Methods that `fetch` sends in capitals, however they're given (Fetch standard, "normalize"). */
const NORMALIZED: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

/** Says how the access tokens of one client go with a request. */
export class TokenPresenter {
  /** Those of the APIs. */
  readonly nonces: DpopNonces = new DpopNonces();
  /** The fields that it sets, and nobody else may. */
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
