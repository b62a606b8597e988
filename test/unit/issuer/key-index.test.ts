import { generateKeyPairSync, hash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyIndex, findKey, type KeyIndex } from '../../../src/issuer/key-index.js';
import { importVerificationKey, type VerificationKey } from '../../../src/issuer/verification-key.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';

const one = (await generateSigningKey('ES256', 'a')).jwk;
const two = (await generateSigningKey('ES256', 'b')).jwk;
const { alg: _, ...rsa } = (await generateSigningKey('RS256', 'a')).jwk;
const p384 = (await generateSigningKey('ES384', 'a')).jwk;
const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });

async function indexOf(...members: readonly object[]): Promise<KeyIndex> {
  const imported = await Promise.all(members.map(importVerificationKey));
  return createKeyIndex(imported.filter((key): key is VerificationKey => typeof key !== 'string'));
}

/** The reason of the refusal, undefined when no key was found, or what tells the key. */
function outcome(index: KeyIndex, kid: unknown, algorithm: string, further: object = {}): unknown {
  try {
    const key = findKey(index, { kid, ...further }, algorithm);
    return key === undefined ? undefined : index.keys.indexOf(key);
  } catch (error) {
    return Reflect.get(Object(error), 'reason');
  }
}

/** A key with a certificate, and what tokens may call that. */
async function certified() {
  const { certificate: pem, privateKey } = await createClientCertificate();
  const { raw, publicKey } = new X509Certificate(pem);
  expect(privateKey).toContain('PRIVATE KEY');
  return {
    certificate: raw.toString('base64'),
    key: publicKey.export({ format: 'jwk' }),
    x5t: hash('sha1', raw, 'base64url'),
    sha256: hash('sha256', raw, 'base64url'),
  };
}

describe('findKey', () => {
  it('finds a key by its id', async () => {
    const index = await indexOf(one, two);
    expect([outcome(index, 'a', 'ES256'), outcome(index, 'b', 'ES256')]).toEqual([0, 1]);
    expect(outcome(index, 'c', 'ES256')).toBeUndefined();
  });

  it('picks the key for the algorithm among several with one id', { tags: ['KEY-19'] }, async () => {
    const index = await indexOf(one, rsa, p384);
    expect(['ES256', 'PS256', 'ES384'].map((algorithm) => outcome(index, 'a', algorithm))).toEqual([0, 1, 2]);
  });

  it('tells several RSA keys with one id apart by their "alg"', { tags: ['KEY-19'] }, async () => {
    const other = (await generateSigningKey('PS256', 'a')).jwk;
    const index = await indexOf({ ...rsa, alg: 'RS256' }, other);
    expect(['RS256', 'PS256'].map((algorithm) => outcome(index, 'a', algorithm))).toEqual([0, 1]);
    expect(outcome(index, 'a', 'RS512')).toBe('key_mismatch');
  });

  it('finds a key by the thumbprint of its certificate if the token has no kid', {
    tags: ['KEY-19'],
  }, async () => {
    const { certificate, key, x5t, sha256 } = await certified();
    const { kid: _kid, ...anonymous } = one;
    const index = await indexOf({ ...anonymous, x5t: 'of-one' }, { ...key, x5c: [certificate] });
    expect(outcome(index, undefined, 'ES256', { x5t: 'of-one' })).toBe(0);
    expect(outcome(index, undefined, 'ES256', { x5t })).toBe(1);
    expect(outcome(index, undefined, 'ES256', { 'x5t#S256': sha256, x5t: 'of-one' })).toBe(1);
    expect(outcome(index, undefined, 'ES256', { x5t: 'of-another' })).toBeUndefined();
    expect(outcome(index, undefined, 'ES384', { x5t })).toBe('key_mismatch');
    expect(outcome(index, undefined, 'ES256', { x5t: 7 })).toBe('ambiguous_key'); // as if it weren't there
    expect(outcome(index, 'b', 'ES256', { x5t })).toBeUndefined(); // a kid comes first
  });

  it('ignores thumbprints if the issuer publishes none', { tags: ['KEY-19'] }, async () => {
    expect(outcome(await indexOf(one), undefined, 'ES256', { x5t: 'x', 'x5t#S256': 'x' })).toBe(0);
  });

  it('refuses to choose between keys for the same algorithm', { tags: ['KEY-19'] }, async () => {
    expect(outcome(await indexOf(one, { ...two, kid: 'a' }), 'a', 'ES256')).toBe('ambiguous_key');
  });

  it('takes a key that is listed twice for one', { tags: ['KEY-19'] }, async () => {
    const index = await indexOf(one, { ...one, use: 'sig' }, { ...one });
    expect(index.keys).toHaveLength(1);
    expect(outcome(index, 'a', 'ES256')).toBe(0);
  });

  it('takes a key that is listed with and without "alg" for one', { tags: ['KEY-19'] }, async () => {
    const index = await indexOf(rsa, { ...rsa, alg: 'RS256' });
    expect(['RS256', 'RS384'].map((algorithm) => typeof outcome(index, 'a', algorithm))).toEqual([
      'number',
      'number',
    ]);
  });

  it('does not take a key that is too weak for an alternative', { tags: ['KEY-19'] }, async () => {
    const index = await indexOf({ ...shortRsa, kid: 'a' }, rsa);
    expect(outcome(index, 'a', 'RS256')).toBe(1);
    expect(outcome(index, undefined, 'RS256')).toBe(1);
  });

  it('picks the only key for the algorithm without a kid, and refuses to choose between several', {
    tags: ['KEY-19'],
  }, async () => {
    const index = await indexOf(one, two, p384);
    expect(outcome(index, undefined, 'ES384')).toBe(2);
    expect(outcome(index, undefined, 'ES256')).toBe('ambiguous_key');
    expect(outcome(index, undefined, 'RS256')).toBeUndefined();
  });

  it('finds a key without id only for a token without kid', async () => {
    const { kid: _kid, ...nameless } = one;
    const index = await indexOf(nameless);
    expect(outcome(index, undefined, 'ES256')).toBe(0);
    expect(outcome(index, 'a', 'ES256')).toBeUndefined();
    expect(outcome(index, 'undefined', 'ES256')).toBeUndefined();
  });

  it('refuses a key of another algorithm and one that is too weak', async () => {
    const index = await indexOf(one, { ...shortRsa, kid: 'short' });
    expect(outcome(index, 'a', 'ES384')).toBe('key_mismatch');
    expect(outcome(index, 'short', 'RS256')).toBe('key_rejected');
    expect(outcome(index, undefined, 'RS256')).toBe('key_rejected');
  });

  it.each([[null], [7], [['a']], [{}], [true], ['a'.repeat(513)]])(
    "doesn't accept %j as a key id",
    { tags: ['KEY-13'] },
    async (keyId) => {
      expect(outcome(await indexOf(one), keyId, 'ES256')).toBe('no_matching_key');
    },
  );
});
