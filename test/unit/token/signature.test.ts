import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../../src/terms.js';
import { SignatureKey } from '../../../src/token/signature.js';

const signed = 'eyJhbGciOiJ4In0.e30';

function keyOf(algorithm: Algorithm, modulusLength = 2048): { key: SignatureKey; jws: string } {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } = algorithm.startsWith('RS')
    ? generateKeyPairSync('rsa', { modulusLength })
    : algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: algorithm === 'ES384' ? 'P-384' : 'P-256' });
  const digest = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`;
  const signature = sign(digest, Buffer.from(signed), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  return {
    key: new SignatureKey(pair.publicKey, algorithm),
    jws: `${signed}.${signature.toString('base64url')}`,
  };
}

/** Runs each in a callback of its own, all of them in one turn of the event loop, as requests come in. */
const inOneTurn = <T>(count: number, act: () => T): Promise<readonly T[]> =>
  Promise.all(Array.from({ length: count }, () => new Promise<T>((done) => setImmediate(() => done(act())))));

const isAtOnce = (outcome: boolean | Promise<boolean>): boolean => typeof outcome === 'boolean';

describe('a check of a signature', () => {
  it.each<Algorithm>(['RS256', 'ES256', 'EdDSA'])(
    'is made at once for one request: %s',
    async (algorithm) => {
      const { key, jws } = keyOf(algorithm);
      for (let count = 0; count < 5; count += 1) {
        expect(key.verify(jws)).toBe(true);
        expect(key.verify(`${jws.slice(0, -6)}AAAAAA`)).toBe(false);
        await undefined;
      }
    },
  );

  it.each<[Algorithm, number]>([
    ['ES256', 0],
    ['EdDSA', 0],
    ['RS256', 3072],
  ])('goes to the thread pool if others came with it: %s', async (algorithm, bits) => {
    const { key, jws } = keyOf(algorithm, bits);
    // Wrapped, because a promise would be waited for.
    const outcomes = await inOneTurn(5, () => ({ outcome: key.verify(jws) }));
    expect(outcomes.filter(({ outcome }) => isAtOnce(outcome))).toHaveLength(1);
    const late = key.verify(jws);
    expect(isAtOnce(late)).toBe(false); // others are under way
    expect(await Promise.all([late, ...outcomes.map(({ outcome }) => outcome)])).toEqual(Array(6).fill(true));
    await inOneTurn(1, () => undefined);
    await inOneTurn(1, () => undefined);
    expect(key.verify(jws)).toBe(true);
  });

  it('never goes there with the usual RSA keys, and always where it takes long', async () => {
    const quick = keyOf('RS256');
    const slow = keyOf('ES384');
    const outcomes = await inOneTurn(5, () => ({ outcome: quick.key.verify(quick.jws) }));
    expect(outcomes.every(({ outcome }) => outcome === true)).toBe(true);
    expect(isAtOnce(slow.key.verify(slow.jws))).toBe(false);
    expect(await slow.key.verify(slow.jws)).toBe(true);
    expect(await slow.key.verify(`${slow.jws}AA`)).toBe(false);
  });
});
