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
export class FixedKeySet implements KeySet {
  readonly #loaded: Promise<KeyIndex>;
  #index: KeyIndex | undefined;

  constructor(keys: Promise<readonly VerificationKey[]>) {
    this.#loaded = keys.then((imported) => {
      this.#index = createKeyIndex(imported);
      return this.#index;
    });
  }

  find(keyId: unknown, algorithm: string): VerificationKey | Promise<VerificationKey> {
    return this.#index === undefined
      ? this.#loaded.then((index) => findOrRefuse(index, keyId, algorithm))
      : findOrRefuse(this.#index, keyId, algorithm);
  }

  vouchesFor(key: VerificationKey): boolean {
    return this.#index?.members.has(key) ?? false;
  }

  known(): readonly VerificationKey[] {
    return this.#index?.keys ?? [];
  }

  async ready(): Promise<void> {
    await this.#loaded;
  }

  close(): void {}
}

function findOrRefuse(index: KeyIndex, keyId: unknown, algorithm: string): VerificationKey {
  const key = findKey(index, keyId, algorithm);
  if (key === undefined) throw new InvalidTokenError('no_matching_key');
  return key;
}
