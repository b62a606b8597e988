import { reportKeys } from '../diagnostics.js';
import { InvalidTokenError } from '../errors.js';
import { importVerificationKey, isKeyId, type VerificationKey } from './verification-key.js';

/** How a token's header points to a key (RFC 7515 §4.1). Untrusted. */
export interface KeyReference {
  readonly kid?: unknown;
  readonly 'x5t#S256'?: unknown;
  readonly x5t?: unknown;
}

/** The usable keys of one issuer, each once, indexed by the names that a token may use. */
export interface KeyIndex {
  readonly keys: readonly VerificationKey[];
  /** By `kid`. */
  readonly byKeyId: ReadonlyMap<string, readonly VerificationKey[]>;
  /** By the thumbprints of their certificates. */
  readonly byThumbprint: ReadonlyMap<string, readonly VerificationKey[]>;
  /** The same keys, to check whether one is among them. */
  readonly members: ReadonlySet<VerificationKey>;
}

/**
 * Imports the members of an issuer's key set. Members that can't be used are left out and reported
 * (RFC 7517 §5).
 *
 * @param before the keys in use: one that stayed keeps its identity, so everything it verified stays verified
 */
export function importKeys(
  members: readonly unknown[],
  issuer: string,
  before?: KeyIndex,
): readonly VerificationKey[] {
  const known = new Map(before?.keys.map((key) => [key.fingerprint, key]));
  const keys: VerificationKey[] = [];
  for (const key of members.map(importVerificationKey)) {
    if (typeof key !== 'string') keys.push(known.get(key.fingerprint) ?? key);
    else reportKeys({ event: 'key_skipped', issuer, detail: key, keys: known.size });
  }
  return keys;
}

export function createKeyIndex(given: readonly VerificationKey[]): KeyIndex {
  const keys = [...new Map(given.map((key) => [key.fingerprint, key])).values()];
  const byKeyId = groupBy(keys, ({ kid }) => (kid === undefined ? [] : [kid]));
  const byThumbprint = groupBy(keys, ({ thumbprints }) => thumbprints);
  return { keys, byKeyId, byThumbprint, members: new Set(keys) };
}

function groupBy(
  keys: readonly VerificationKey[],
  names: (key: VerificationKey) => readonly string[],
): ReadonlyMap<string, readonly VerificationKey[]> {
  const all = new Set(keys.flatMap(names));
  return new Map([...all].map((name) => [name, keys.filter((key) => names(key).includes(name))]));
}

/**
 * The one key that a token's header points to: by `kid`, or else by the thumbprint of the key's certificate,
 * if the issuer publishes any (RFC 7515 §4.1.7, §4.1.8).
 *
 * @returns undefined if no key has that name or, for a token that names none, no key fits
 * @throws {InvalidTokenError} `key_mismatch` the key is for another algorithm, `ambiguous_key` several keys
 *   fit, `key_rejected` the key is too weak
 */
export function findKey(
  index: KeyIndex,
  reference: KeyReference,
  algorithm: string,
): VerificationKey | undefined {
  const candidates = findCandidates(index, reference);
  if (candidates === undefined) return undefined;
  const [key, another] = withoutRepetition(candidates.filter(({ algorithms }) => algorithms.has(algorithm)));
  if (another !== undefined) throw new InvalidTokenError('ambiguous_key');
  if (key === undefined) {
    if (candidates === index.keys) return undefined;
    throw new InvalidTokenError('key_mismatch');
  }
  if (key.weakness !== undefined) throw new InvalidTokenError('key_rejected');
  return key;
}

function findCandidates(
  { keys, byKeyId, byThumbprint }: KeyIndex,
  reference: KeyReference,
): readonly VerificationKey[] | undefined {
  const { kid } = reference;
  if (kid !== undefined) {
    if (!isKeyId(kid)) throw new InvalidTokenError('no_matching_key');
    return byKeyId.get(kid);
  }
  const name = ['x5t#S256' as const, 'x5t' as const].find((one) => typeof reference[one] === 'string');
  return name === undefined || byThumbprint.size === 0
    ? keys
    : byThumbprint.get(`${name} ${reference[name]}`);
}

/**
 * A set may contain a key twice, with and without `"alg"`. A key that is too weak isn't an alternative to
 * another.
 */
function withoutRepetition(fitting: readonly VerificationKey[]): readonly VerificationKey[] {
  if (fitting.length < 2) return fitting;
  const strong = fitting.filter(({ weakness }) => weakness === undefined);
  const usable = strong.length > 0 ? strong : fitting;
  return [...new Map(usable.map((key) => [key.material, key])).values()];
}
