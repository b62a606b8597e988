import { InvalidTokenError } from '../errors.js';
import { isKeyId, type VerificationKey } from './verification-key.js';

/** The usable keys of one issuer, each of them once, found by key id. */
export interface KeyIndex {
  readonly keys: readonly VerificationKey[];
  readonly byKeyId: ReadonlyMap<string, readonly VerificationKey[]>;
  /** The same keys, to find out whether one is among them. */
  readonly members: ReadonlySet<VerificationKey>;
}

export function createKeyIndex(given: readonly VerificationKey[]): KeyIndex {
  const keys = [...new Map(given.map((key) => [key.fingerprint, key])).values()];
  const byKeyId = new Map<string, VerificationKey[]>();
  for (const key of keys) {
    if (key.kid === undefined) continue;
    const sameId = byKeyId.get(key.kid);
    if (sameId === undefined) byKeyId.set(key.kid, [key]);
    else sameId.push(key);
  }
  return { keys, byKeyId, members: new Set(keys) };
}

/**
 * The one key that a token's header points to, or undefined if no key has that id (or, for a token without
 * `kid`, none fits).
 *
 * @param keyId the header's `kid`, untrusted; undefined if there's none (RFC 7517 §4.5)
 * @throws {InvalidTokenError} `key_mismatch` the key is of another algorithm, `ambiguous_key` several keys
 *   fit, `key_rejected` the key is too weak
 */
export function findKey(index: KeyIndex, keyId: unknown, algorithm: string): VerificationKey | undefined {
  if (keyId !== undefined && !isKeyId(keyId)) throw new InvalidTokenError('no_matching_key');
  const candidates = keyId === undefined ? index.keys : index.byKeyId.get(keyId);
  if (candidates === undefined) return undefined;
  const [key, another] = withoutRepetition(candidates.filter(({ algorithms }) => algorithms.has(algorithm)));
  if (another !== undefined) throw new InvalidTokenError('ambiguous_key');
  if (key === undefined) {
    if (keyId === undefined) return undefined;
    throw new InvalidTokenError('key_mismatch');
  }
  if (key.weakness !== undefined) throw new InvalidTokenError('key_rejected');
  return key;
}

/**
 * One key can be in a set twice, with and without `"alg"`. One that is too weak is no alternative to another.
 */
function withoutRepetition(fitting: readonly VerificationKey[]): readonly VerificationKey[] {
  if (fitting.length < 2) return fitting;
  const strong = fitting.filter(({ weakness }) => weakness === undefined);
  const usable = strong.length > 0 ? strong : fitting;
  return [...new Map(usable.map((key) => [key.material, key])).values()];
}
