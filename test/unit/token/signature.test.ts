import { constants, createPublicKey, generateKeyPairSync, type KeyObject, pbkdf2, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../../src/terms.js';
import { createSigner, SIGNATURE_SCHEMES, SignatureKey, verifyPss } from '../../../src/token/signature.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

it.each([
  ['PS256', 'sha256', 32],
  ['PS384', 'sha384', 48],
  ['PS512', 'sha512', 64],
] as const)('verifies %s by Web Crypto too', async (algorithm, digest, saltLength) => {
  const signed = Buffer.from('header.claims');
  const by = (padding: number, salt: number) =>
    sign(digest, signed, { key: privateKey, padding, saltLength: salt });
  const check = (signature: Buffer<ArrayBuffer>) =>
    verifyPss(publicKey, SIGNATURE_SCHEMES[algorithm], signed, signature);
  const { RSA_PKCS1_PSS_PADDING: pss } = constants;
  expect(await check(by(pss, saltLength))).toBe(true);
  expect(await check(by(pss, saltLength - 1))).toBe(false);
  expect(await check(sign(digest, signed, privateKey))).toBe(false);
  expect(await check(Buffer.alloc(256))).toBe(false);
});

describe('a check', () => {
  const JWS = 'e30.e30.AAAA';
  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;
  /** Which nobody can sign with: only its size matters here. */
  const rsa = (bits: number) =>
    createPublicKey({
      key: { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(bits / 8, 0xff).toString('base64url') },
      format: 'jwk',
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const isOnPool = (key: SignatureKey) => key.verify(JWS) instanceof Promise;

  it.each<[Algorithm, KeyObject]>([
    ['ES384', ec('P-384')],
    ['ES512', ec('P-521')],
    ['RS256', rsa(8192)],
  ])('with %s and a slow key never runs in the event loop', async (algorithm, publicKey) => {
    const key = new SignatureKey(publicKey, algorithm);
    expect(isOnPool(key)).toBe(true);
    expect(await key.verify(JWS)).toBe(false);
  });

  it.each<[Algorithm, KeyObject]>([
    ['ES256', ec('P-256')],
    ['EdDSA', generateKeyPairSync('ed25519').publicKey],
    ['RS256', rsa(2048)],
    ['PS512', rsa(2048)],
    ['RS256', rsa(3072)],
    ['PS256', rsa(4096)],
  ])(
    'with %s runs at once if it is the first, and on the thread pool if others came with it',
    async (algorithm, publicKey) => {
      const key = new SignatureKey(publicKey, algorithm);
      expect(isOnPool(key)).toBe(false);
      expect(isOnPool(key), 'the same request').toBe(false);
      await new Promise(process.nextTick);
      const second = key.verify(JWS);
      expect(second, 'another request').toBeInstanceOf(Promise);
      await second;
      await turn();
      expect(isOnPool(key), 'in the next turn').toBe(false);
    },
  );

  it('runs on the pool while others are under way there', async () => {
    const key = new SignatureKey(ec('P-256'), 'ES256');
    key.verify(JWS);
    await new Promise(process.nextTick);
    // The pool is busy, so that the next check waits.
    const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
    const busy = Array.from({ length: threads }, () => promisify(pbkdf2)('', '', 200_000, 32, 'sha512'));
    const waiting = key.verify(JWS);
    await turn();
    await turn();
    const beside = key.verify(JWS);
    expect(beside).toBeInstanceOf(Promise);
    await Promise.all([...busy, waiting, beside]);
    await turn();
    expect(isOnPool(key), 'when all are done').toBe(false);
  });

  it('says yes only to what its key signed', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = new SignatureKey(publicKey, 'ES256');
    const signature = createSigner(privateKey, 'ES256')('e30.e30');
    for (const [jws, expected] of [
      [`e30.e30.${signature}`, true],
      [`e31.e30.${signature}`, false],
      [JWS, false],
    ] as const) {
      await turn();
      expect(key.verify(jws), 'at once').toBe(expected);
      await new Promise(process.nextTick);
      expect(await key.verify(jws), 'on the pool').toBe(expected);
    }
  });
});
