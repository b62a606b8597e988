import { InvalidTokenError } from '../errors.js';
import { isPromise } from '../lib/promise.js';
import type { Algorithm } from '../terms.js';
import type { KeyReference } from './key-index.js';
import type { VerificationKey } from './verification-key.js';

/** The keys of one issuer. */
export interface KeySet {
  /**
   * The key that a token's header points to, if it's known and can be used without waiting.
   *
   * @throws {InvalidTokenError} no key of the issuer can have signed the token
   */
  findNow(reference: KeyReference, algorithm: string): VerificationKey | undefined;
  /**
   * The key that a token's header points to, at once if it's known.
   *
   * @throws {InvalidTokenError} no key of the issuer can have signed the token
   * @throws {UnavailableError} it's unknown right now whether there is such a key
   */
  find(reference: KeyReference, algorithm: string): VerificationKey | Promise<VerificationKey>;
  /**
   * Another key for the same token, if `key` turned out not to have signed it: the issuer may have replaced
   * it with a new one. Undefined if it hasn't, or if that can't be found out.
   */
  findReplacement(
    key: VerificationKey,
    reference: KeyReference,
    algorithm: string,
  ): Promise<VerificationKey | undefined>;
  /**
   * Whether what `key` verified before is still verified: the key is in the set, and the set can be used
   * without waiting. Counts as a use of the set, so that it's renewed in time.
   */
  vouchesFor(key: VerificationKey): boolean;
  /** The last loaded keys, for reports. Empty if none were loaded. */
  known(): readonly VerificationKey[];
  /** Makes sure that keys are loaded. @throws {UnavailableError} */
  ready(): Promise<void>;
  /** Stops background refresh. */
  close(): void;
}

/**
 * The key that signed a JWS. If the one its header points to didn't, the issuer may have replaced it without
 * a new name. Then the keys are loaded, but not too often, and searched again.
 *
 * @param header already checked; `algorithm` is its `alg`, which the key is bound to
 * @param failed a key that is known not to have signed it
 * @throws {InvalidTokenError} `signature_invalid`, or that there's no such key
 * @throws {UnavailableError} the keys can't be reached
 */
export async function findSigningKey(
  jws: string,
  header: KeyReference,
  algorithm: Algorithm,
  keySet: KeySet,
  failed?: VerificationKey,
): Promise<VerificationKey> {
  const found = keySet.find(header, algorithm);
  const key = await found;
  if (key !== failed && (await key.signatureKey(algorithm).verify(jws))) return key;
  // A key that we waited for is as new as it can be.
  const replacement = isPromise(found) ? undefined : await keySet.findReplacement(key, header, algorithm);
  if (replacement !== undefined && (await replacement.signatureKey(algorithm).verify(jws)))
    return replacement;
  throw new InvalidTokenError('signature_invalid');
}
