import { createPublicKey } from 'node:crypto';
import { InvalidTokenError } from '../errors.js';
import { badOption } from '../lib/check.js';
import { isJsonObject } from '../lib/json.js';
import { createKeyIndex, findKey, importKeys, type KeyReference } from './key-index.js';
import type { KeySet } from './key-set.js';
import { readMember, type VerificationKey } from './verification-key.js';

/**
 * Checks a key set from the options. Members that aren't for verifying signatures are fine: published sets
 * have them too.
 *
 * @throws {TypeError} no key array, no usable key, a private or symmetric key, or invalid key material
 */
export function checkConfiguredKeys(jwks: unknown, name: string): readonly unknown[] {
  const members: unknown = isJsonObject(jwks) ? jwks.keys : undefined;
  if (!Array.isArray(members))
    throw badOption(name, `takes a JWK Set, { keys: [...] }, or a function that returns one`);
  const usable = members.filter((member) => isUsable(member, name));
  if (usable.length === 0) throw badOption(name, `has no key that can verify signatures`);
  return usable;
}

/** A key set that never changes, made of keys that {@link checkConfiguredKeys} accepted. */
export function createConfiguredKeySet(members: readonly unknown[], issuer: string): KeySet {
  const index = createKeyIndex(importKeys(members, issuer));
  const find = (reference: KeyReference, algorithm: string): VerificationKey => {
    const key = findKey(index, reference, algorithm);
    if (key === undefined) throw new InvalidTokenError('no_matching_key');
    return key;
  };
  return {
    findNow: find,
    find,
    findReplacement: async () => undefined,
    vouchesFor: () => true, // what it found stays in it
    known: () => index.keys,
    ready: async () => undefined,
    close: () => undefined,
  };
}

function isUsable(member: unknown, name: string): boolean {
  const read = readMember(member);
  if (read === 'private key published' || read === 'symmetric key') {
    const kind = read === 'symmetric key' ? 'symmetric' : 'private';
    throw badOption(name, `has a ${kind} key; it takes public keys only`);
  }
  if (typeof read !== 'string' && isPublicKey(read.jwk)) return true;
  if (typeof read === 'string' && read !== 'malformed key') return false;
  throw badOption(name, `has a key whose members are missing or out of range`);
}

function isPublicKey(jwk: Readonly<Record<string, unknown>>): boolean {
  try {
    createPublicKey({ key: jwk, format: 'jwk' });
    return true;
  } catch {
    return false; // without the cause: it may quote key material
  }
}
