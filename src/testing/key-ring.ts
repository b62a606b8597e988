import type { JSONWebKeySet } from 'jose';
import type { Algorithm } from '../options.js';
import { generateSigningKey, type SigningKey } from './signing-key.js';

/** The keys of one test issuer, shared by all that speaks for it. */
export interface KeyRing {
  /** The key that signs now. */
  readonly current: SigningKey;
  /** What the issuer publishes: public keys only. */
  readonly published: JSONWebKeySet;
  /** Replaces the current key by a new one; with `keepPrevious` the keys published so far stay published. */
  rotate(keepPrevious: boolean): Promise<void>;
  /** A key of the same algorithm that is never published. Made at the first call. */
  foreignKey(): Promise<SigningKey>;
}

/** A ring with one key, `key-1`; the next ones are `key-2`, `key-3` and so on. */
export async function createKeyRing(algorithm: Algorithm): Promise<KeyRing> {
  let made = 0;
  const nextKey = (): Promise<SigningKey> => {
    made += 1;
    return generateSigningKey(algorithm, `key-${made}`);
  };
  let current = await nextKey();
  let published: readonly SigningKey[] = [current];
  let foreignKey: Promise<SigningKey> | undefined;

  return {
    get current() {
      return current;
    },
    get published() {
      return { keys: published.map(({ jwk }) => ({ ...jwk })) };
    },
    async rotate(keepPrevious) {
      const next = await nextKey();
      published = keepPrevious ? [next, ...published] : [next];
      current = next;
    },
    foreignKey() {
      foreignKey ??= generateSigningKey(algorithm, 'foreign-key');
      return foreignKey;
    },
  };
}
