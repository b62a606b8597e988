import { InvalidTokenError } from '../errors.js';
import { createKeyIndex, findKey, type KeyIndex } from './key-index.js';
import type { VerificationKey } from './verification-key.js';

/** The keys of one issuer. */
export interface KeySet {
  /**
   * The key that a token's header points to, at once where it is known.
   *
   * @throws {InvalidTokenError} no key of the issuer can have signed the token (also as a rejection)
   * @throws {UnavailableError} whether there is such a key cannot be told now
   */
  find(keyId: unknown, algorithm: string): VerificationKey | Promise<VerificationKey>;
  /**
   * Whether what `key` verified before still holds: the key is in the set, and the set may be used without waiting. Counts as a use of the set, so that it
   * is renewed in time.
   */
  vouchesFor(key: VerificationKey): boolean;
  /** The keys that were loaded last, for reports. Empty before that. */
  known(): readonly VerificationKey[];
  /** Makes sure that keys are loaded. @throws {UnavailableError} */
  ready(): Promise<void>;
  /** Stops background refresh. */
  close(): void;
}

/** A key set that never changes. */
export function createFixedKeySet(loaded: Promise<readonly VerificationKey[]>): KeySet {
  let index: KeyIndex | undefined;
  const indexed = loaded.then((keys) => {
    index = createKeyIndex(keys);
    return index;
  });
  const find = (from: KeyIndex, keyId: unknown, algorithm: string): VerificationKey => {
    const key = findKey(from, keyId, algorithm);
    if (key === undefined) throw new InvalidTokenError('no_matching_key');
    return key;
  };
  return {
    find: (keyId, algorithm) =>
      index === undefined
        ? indexed.then((from) => find(from, keyId, algorithm))
        : find(index, keyId, algorithm),
    vouchesFor: (key) => index?.has(key) ?? false,
    known: () => index?.keys ?? [],
    ready: async () => {
      await indexed;
    },
    close: () => undefined,
  };
}
