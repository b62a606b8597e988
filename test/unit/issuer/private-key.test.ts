import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { generateKeyPair, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { checkPrivateKey } from '../../../src/issuer/private-key.js';

const { signal } = new AbortController();
const CLAIMS = { sub: 'order-service' };
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('checkPrivateKey', () => {
  it.each([
    ['RS256', rsa],
    ['ES256', p256],
    ['ES384', p384],
    ['ES512', p521],
    ['EdDSA', ed25519],
  ])('picks %s by the key, however it is written', { tags: ['CLI-05'] }, async (algorithm, key) => {
    for (const form of [key, pem(key), key.export({ format: 'jwk' })]) {
      const resolved = checkPrivateKey({ privateKey: form }, '');
      expect(resolved).toMatchObject({ algorithm, keyId: undefined });
      const { protectedHeader, payload } = await jwtVerify(
        await resolved.sign(CLAIMS, signal),
        createPublicKey(key),
      );
      expect([protectedHeader, payload]).toEqual([{ alg: algorithm }, CLAIMS]);
    }
  });

  it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])(
    'takes the algorithm %s for an RSA key',
    { tags: ['CLI-05'] },
    async (algorithm) => {
      const { sign, ...resolved } = checkPrivateKey({ privateKey: rsa, keyId: 'key-1', algorithm }, '');
      expect(resolved).toEqual({ algorithm, keyId: 'key-1' });
      const { protectedHeader } = await jwtVerify(await sign(CLAIMS, signal), createPublicKey(rsa));
      expect(protectedHeader).toEqual({ alg: algorithm, kid: 'key-1' });
    },
  );

  it.each(['RS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
    'takes a CryptoKey for %s as it is',
    { tags: ['CLI-05'] },
    async (algorithm) => {
      const { privateKey, publicKey } = await generateKeyPair(algorithm);
      const { sign, ...resolved } = checkPrivateKey({ privateKey }, '');
      expect(resolved).toEqual({ algorithm, keyId: undefined });
      expect((await jwtVerify(await sign(CLAIMS, signal), publicKey)).payload).toEqual(CLAIMS);
    },
  );

  it('takes kid and alg of a JWK, unless the options name others', { tags: ['CLI-05'] }, () => {
    const jwk = { ...rsa.export({ format: 'jwk' }), kid: 'of-jwk', alg: 'PS384' };
    expect(checkPrivateKey({ privateKey: jwk }, '')).toMatchObject({
      keyId: 'of-jwk',
      algorithm: 'PS384',
    });
    expect(checkPrivateKey({ privateKey: jwk, keyId: 'mine', algorithm: 'RS512' }, '')).toMatchObject({
      keyId: 'mine',
      algorithm: 'RS512',
    });
  });

  it('names the certificate of a JWK in the header, as some servers know a key', {
    tags: ['CLI-05'],
  }, async () => {
    const jwk = { ...rsa.export({ format: 'jwk' }), 'x5t#S256': 'sha256', x5t: 'sha1' };
    const { sign } = checkPrivateKey({ privateKey: jwk, algorithm: 'PS256' }, '');
    const { protectedHeader } = await jwtVerify(await sign(CLAIMS, signal), createPublicKey(rsa));
    expect(protectedHeader).toEqual({ alg: 'PS256', 'x5t#S256': 'sha256', x5t: 'sha1' });
    expect(() => checkPrivateKey({ privateKey: { ...jwk, x5t: 7 } }, '')).toThrow('option "privateKey.x5t"');
  });

  it('takes both names of Ed25519', () => {
    expect(checkPrivateKey({ privateKey: ed25519, algorithm: 'Ed25519' }, '').algorithm).toBe('Ed25519');
  });

  const encrypted = rsa
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' })
    .toString();
  const { d: _, ...publicJwk } = p256.export({ format: 'jwk' });
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a number', 42],
    ['text that is no PEM', 'canary'],
    ['a broken PEM', pem(rsa).replace(/[A-Z]{4}/g, '!!!!')],
    ['an encrypted PEM', encrypted],
    ['a public PEM', createPublicKey(rsa).export({ type: 'spki', format: 'pem' })],
    ['a public KeyObject', createPublicKey(p256)],
    ['a public JWK', publicJwk],
    ['a symmetric JWK', { kty: 'oct', k: 'Y2FuYXJ5' }],
    ['an object that is no JWK', { key: 'canary' }],
    ['a JWK of an unknown type', { kty: 'unheard-of', d: 'canary' }],
    ['an RSA key of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
    ['a key for key agreement', generateKeyPairSync('x25519').privateKey],
    ['a curve without algorithm', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
    ['an RSA-PSS key object', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey],
  ])('refuses %s, and quotes nothing of it', { tags: ['CLI-05'] }, (_what, given) => {
    for (const [path, option] of [
      ['', 'privateKey'],
      ['issuer.introspection', 'issuer.introspection.privateKey'],
    ] as const) {
      const refuse = () => checkPrivateKey({ privateKey: given }, path);
      expect(refuse).toThrow(TypeError);
      expect(refuse).toThrow(`option "${option}"`);
      expect(refuse).not.toThrow(/canary/);
      try {
        refuse();
      } catch (error) {
        expect(error).toMatchObject({ option });
        expect((error as Error).cause).toBeUndefined();
      }
    }
  });

  it('refuses CryptoKeys that cannot sign', { tags: ['CLI-05'] }, async () => {
    const { publicKey } = await generateKeyPair('ES256');
    const weak = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        hash: 'SHA-256',
        modulusLength: 1024,
        publicExponent: new Uint8Array([1, 0, 1]),
      },
      false,
      ['sign', 'verify'],
    );
    const agreement = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, [
      'deriveBits',
    ]);
    for (const key of [publicKey, weak.privateKey, agreement.privateKey])
      expect(() => checkPrivateKey({ privateKey: key }, '')).toThrow(/^option "privateKey"/);
  });

  it.each([
    [p256, 'RS256', 'ES256'],
    [p256, 'ES384', 'ES256'],
    [rsa, 'HS256', 'RS256 or RS384'],
    [rsa, 'none', 'RS256'],
    [ed25519, 7, 'EdDSA or Ed25519'],
  ])(
    'refuses an algorithm that does not fit the key (%#)',
    { tags: ['CLI-05'] },
    (key, algorithm, fitting) => {
      expect(() => checkPrivateKey({ privateKey: key, algorithm }, '')).toThrow(
        `option "algorithm" takes ${fitting}`,
      );
    },
  );

  it("refuses a key id that isn't a string", () => {
    expect(() => checkPrivateKey({ privateKey: p256, keyId: 7 }, '')).toThrow(
      'option "keyId" takes a non-empty string, got number',
    );
    const jwk = { ...p256.export({ format: 'jwk' }), kid: 7 };
    expect(() => checkPrivateKey({ privateKey: jwk }, '')).toThrow('option "privateKey.kid"');
  });
});
