import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  checkAssertionSigner,
  SignerUnavailable,
  signElsewhere,
} from '../../../src/issuer/assertion-signer.js';
import { checkPrivateKey } from '../../../src/issuer/private-key.js';
import type { Algorithm } from '../../../src/terms.js';
import { SIGNATURE_SCHEMES } from '../../../src/token/signature.js';
import { repeats } from '../../support/size.js';

const { signal } = new AbortController();
const CLAIMS = { iss: 'order-service' };
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys: Readonly<Record<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>> = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: rsa,
  PS512: rsa,
};

function signerOf(algorithm: Algorithm, encoding: 'der' | 'ieee-p1363') {
  const { privateKey } = keys[algorithm] ?? rsa;
  const { digest, ...scheme } = SIGNATURE_SCHEMES[algorithm];
  return (input: Uint8Array) => sign(digest, input, { key: privateKey, ...scheme, dsaEncoding: encoding });
}

/** In DER, as short as it can be written. */
function toDer(raw: Uint8Array): Buffer {
  const numbers = [raw.subarray(0, raw.length / 2), raw.subarray(raw.length / 2)].map((digits) => {
    const first = digits.findIndex((byte) => byte !== 0);
    const short = first < 0 ? [0] : [...digits.subarray(first)];
    const number = (short[0] ?? 0) > 0x7f ? [0, ...short] : short;
    return [2, number.length, ...number];
  });
  const content = numbers.flat();
  return Buffer.from([0x30, ...(content.length > 0x7f ? [0x81] : []), content.length, ...content]);
}

describe('a signer', () => {
  it.each<[Algorithm, 'der' | 'ieee-p1363']>([
    ['ES256', 'der'],
    ['ES256', 'ieee-p1363'],
    ['ES384', 'der'],
    ['ES512', 'der'],
    ['ES512', 'ieee-p1363'],
    ['EdDSA', 'der'],
    ['RS256', 'der'],
    ['PS512', 'der'],
  ])(
    'signs assertions by %s, with numbers in the form %s',
    { tags: ['CLI-05'] },
    async (algorithm, encoding) => {
      const privateKey = { sign: signerOf(algorithm, encoding), algorithm, keyId: 'key-1' };
      const key = checkPrivateKey({ privateKey }, '');
      expect(key).toMatchObject({ algorithm, keyId: 'key-1' });
      const set = createLocalJWKSet({
        keys: [{ ...(keys[algorithm] ?? rsa).publicKey.export({ format: 'jwk' }), kid: 'key-1' }],
      });
      for (let count = 0; count < repeats(50); count += 1) {
        const { payload, protectedHeader } = await jwtVerify(await key.sign(CLAIMS, signal), set);
        expect([protectedHeader, payload]).toEqual([{ alg: algorithm, kid: 'key-1' }, CLAIMS]);
      }
    },
  );

  it('may be an object with methods, and have its key id elsewhere', async () => {
    class Hsm {
      readonly algorithm = 'ES256';
      readonly #sign = signerOf('ES256', 'der');
      async sign(input: Uint8Array) {
        return new Uint8Array(this.#sign(input));
      }
    }
    const key = checkPrivateKey({ privateKey: new Hsm(), keyId: 'of-option' }, '');
    const [header = ''] = (await key.sign(CLAIMS, signal)).split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      alg: 'ES256',
      kid: 'of-option',
    });
  });

  it.each<[string, object, object, string]>([
    ['no algorithm', { sign: () => undefined }, {}, 'option "privateKey.algorithm" takes'],
    [
      'a symmetric algorithm',
      { sign: () => undefined, algorithm: 'HS256' },
      {},
      'option "privateKey.algorithm" takes',
    ],
    ['no function', { sign: 'canary', algorithm: 'ES256' }, {}, 'option "privateKey.sign" takes a function'],
    [
      'an empty key id',
      { sign: () => undefined, algorithm: 'ES256', keyId: '' },
      {},
      'option "privateKey.keyId" takes',
    ],
    [
      'a key id under another name',
      { sign: () => undefined, algorithm: 'ES256', kid: 'a' },
      {},
      'unknown option "kid" in privateKey; known are sign',
    ],
    [
      'another algorithm than the option',
      { sign: () => undefined, algorithm: 'ES256' },
      { algorithm: 'RS256' },
      'option "algorithm" takes ES256 for this key',
    ],
  ])('is refused with %s', (_what, privateKey, more, message) => {
    expect(() => checkPrivateKey({ privateKey, ...more }, '')).toThrow(message);
  });

  const failing = (outcome: () => unknown, algorithm: Algorithm = 'ES256') =>
    signElsewhere('a.b', checkAssertionSigner({ sign: outcome, algorithm }, 'privateKey'), signal).catch(
      (error: unknown) => error,
    );

  it('tells only the name of what it throws', { tags: ['OPS-01'] }, async () => {
    const outcomes = [
      () => Promise.reject(new RangeError('canary')),
      () => {
        throw 'canary';
      },
    ];
    for (const outcome of outcomes) {
      const error = await failing(outcome);
      expect(error).toBeInstanceOf(SignerUnavailable);
      expect(String(error)).toMatch(/^Error: the function sign: (RangeError|string)$/);
    }
  });

  it('is waited for as long as the signal allows', { tags: ['CLI-16'] }, async () => {
    const controller = new AbortController();
    const signer = checkAssertionSigner({ sign: () => new Promise(() => undefined), algorithm: 'ES256' }, '');
    const signing = signElsewhere('a.b', signer, controller.signal);
    controller.abort();
    await expect(signing).rejects.toThrow('the function sign: time-out');
  });

  it.each<[string, unknown, Algorithm]>([
    ['nothing', undefined, 'ES256'],
    ['text', 'canary', 'ES256'],
    ['a buffer of another kind', new ArrayBuffer(64), 'ES256'],
    ['no bytes', new Uint8Array(), 'ES256'],
    ['too few bytes', new Uint8Array(63), 'ES256'],
    ['DER of another curve', signerOf('ES384', 'der')(new Uint8Array(1)), 'ES256'],
    ['DER where there is no DER', signerOf('ES256', 'der')(new Uint8Array(1)), 'EdDSA'],
    ['the digest', new Uint8Array(32), 'RS256'],
  ])('is no signature if it returns %s', { tags: ['CLI-05'] }, async (_what, answer, algorithm) => {
    const error = await failing(() => answer, algorithm);
    expect(error).not.toBeInstanceOf(SignerUnavailable);
    expect(String(error)).toBe(`Error: the function sign: it did not return a valid ${algorithm} signature`);
  });

  it.each([
    ['ES256', 64],
    ['ES384', 96],
    ['ES512', 132],
  ] as const)('may return any two numbers in DER with %s', async (algorithm, length) => {
    const bytes = fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(3), fc.nat(3), async (raw, zeros, more) => {
        raw.fill(0, 0, zeros).fill(0, length / 2, length / 2 + more);
        fc.pre(toDer(raw).length !== length); // where that counts as the raw form
        const signature = await failing(() => toDer(raw), algorithm);
        expect(signature).toBe(Buffer.from(raw).toString('base64url'));
      }),
    );
  });

  it('never makes another signature of broken DER', async () => {
    const { publicKey } = keys.ES256 ?? rsa;
    const input = new TextEncoder().encode('a.b');
    const good = signerOf('ES256', 'der')(input);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.nat(3), async (at, byte, more) => {
        const broken = Buffer.concat([good, Buffer.alloc(more)]);
        broken[at] = byte;
        const answer = await failing(() => broken);
        if (typeof answer !== 'string') return; // refused
        const raw = Buffer.from(answer, 'base64url');
        const isValid = verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw);
        expect(isValid).toBe(broken.equals(good));
      }),
    );
  });
});
