import type { JWK } from 'jose';
import type { SigningKey } from '../signing-key.js';

/**
 * A request with an access token and a proof that the resource server accepts, in parts: every forgery starts
 * from it and changes one thing.
 */
export interface AcceptedProof {
  readonly method: string;
  /** Absolute, without query. */
  readonly url: string;
  /** Bound to `key`. */
  readonly token: string;
  /** The same token bound to another key. */
  readonly tokenOfAnother: string;
  /** The same token bound to no key. */
  readonly unboundToken: string;
  /** Makes the same token bound to any key. */
  readonly tokenBoundTo: (jwk: JWK) => Promise<string>;
  /** The client's key; ES256. */
  readonly key: SigningKey;
  /** A key that the token isn't bound to; ES256. */
  readonly foreignKey: SigningKey;
  /** Seconds since the epoch. */
  readonly now: number;
}
