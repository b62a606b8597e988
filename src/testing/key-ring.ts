import type { JSONWebKeySet } from 'jose';
import type { Algorithm } from '../options/options.js';
import { generateSigningKey, type SigningKey } from './signing-key.js';

/** The keys of one issuer, shared by all that speaks for it. */
export interface KeyRing {
  /** The key that signs now. */
  readonly current: SigningKey;
  /** The keys that are published, the current one first. */
  readonly keys: readonly SigningKey[];
  /** What the issuer publishes: public keys only. */
  readonly published: JSONWebKeySet;
  /** Replaces the current key by a new one; with `keepPrevious` the keys published so far stay published. */
  rotate(keepPrevious: boolean): Promise<void>;
  /** A key of the same algorithm that is never published. Made at the first call. */
  foreignKey(): Promise<SigningKey>;
}

export interface KeyRingOptions {
  /** The keys to begin with; the first one signs. Default one new key. */
  readonly keys?: readonly [SigningKey, ...SigningKey[]];
  /** The `kid` of the next new key. Default `key-1`, then `key-2` and so on. */
  readonly nextKeyId?: () => string;
}

/** A ring of keys for one algorithm, with one key at least. */
export async function createKeyRing(algorithm: Algorithm, options: KeyRingOptions = {}): Promise<KeyRing> {
  const nextKeyId = options.nextKeyId ?? countedKeyIds();
  const nextKey = (): Promise<SigningKey> => generateSigningKey(algorithm, nextKeyId());
  let keys: readonly [SigningKey, ...SigningKey[]] = options.keys ?? [await nextKey()];
  let foreignKey: Promise<SigningKey> | undefined;

  return {
    get current() {
      return keys[0];
    },
    get keys() {
      return keys;
    },
    get published() {
      return { keys: keys.map(({ jwk }) => ({ ...jwk })) };
    },
    async rotate(keepPrevious) {
      const next = await nextKey();
      keys = keepPrevious ? [next, ...keys] : [next];
    },
    foreignKey() {
      foreignKey ??= generateSigningKey(algorithm, 'foreign-key');
      return foreignKey;
    },
  };
}

function countedKeyIds(): () => string {
  let made = 0;
  return () => {
    made += 1;
    return `key-${made}`;
  };
}
