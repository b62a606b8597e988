import { InvalidTokenError } from '../errors.js';
import { createKeyIndex, findKey, type KeyIndex } from './key-index.js';
import type { VerificationKey } from './verification-key.js';

/** The keys of one issuer. */
export interface KeySet {
  /**
   * The key that a token's header points to, at once if it's known.
   *
   * @throws {InvalidTokenError} no key of the issuer can have signed the token
   * @throws {UnavailableError} it can't be told now whether there is such a key
   */
  find(keyId: unknown, algorithm: string): VerificationKey | Promise<VerificationKey>;
  /**
   * Whether what `key` verified before is still verified: the key is in the set, and the set may be used
   * without waiting. Counts as a use of the set, so that it's renewed in time.
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

  async find(keyId: unknown, algorithm: string): Promise<VerificationKey> {
    const key = findKey(this.#index ?? (await this.#loaded), keyId, algorithm);
    if (key === undefined) throw new InvalidTokenError('no_matching_key');
    return key;
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
