import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { expect, it } from 'vitest';
import { SCHEMES, verifyPss } from '../../../src/token/signature.js';

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
    verifyPss(publicKey, SCHEMES[algorithm], signed, signature);
  const { RSA_PKCS1_PSS_PADDING: pss } = constants;
  expect(await check(by(pss, saltLength))).toBe(true);
  expect(await check(by(pss, saltLength - 1))).toBe(false);
  expect(await check(sign(digest, signed, privateKey))).toBe(false);
  expect(await check(Buffer.alloc(256))).toBe(false);
});
