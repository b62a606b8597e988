import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomInt,
  sign,
} from 'node:crypto';
import { compactVerify, errors } from 'jose';
import { describe, expect, it } from 'vitest';
import { importVerificationKey } from '../../src/issuer/verification-key.js';
import { ALGORITHMS, type Algorithm } from '../../src/terms.js';
import { SignatureKey } from '../../src/token/signature.js';
import { isFullSize } from '../support/size.js';

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const rsa = (publicExponent: number): KeyPair =>
  generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent });
const ec = (namedCurve: string): KeyPair => generateKeyPairSync('ec', { namedCurve });
const rsaKeys = [rsa(65_537), rsa(3), rsa(65_537)];
const keysOf: Readonly<Record<string, readonly KeyPair[]>> = {
  RS: rsaKeys,
  PS: rsaKeys,
  ES256: [ec('P-256'), ec('P-256')],
  ES384: [ec('P-384'), ec('P-384')],
  ES512: [ec('P-521'), ec('P-521')],
  Ed: [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')],
};
const ORDERS: Readonly<Record<string, bigint>> = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
};

const pick = <T>(list: readonly T[]): T => list[randomInt(list.length)] as T;
const digestOf = (alg: Algorithm) =>
  alg.startsWith('E') && !alg.startsWith('ES') ? null : `sha${alg.slice(2)}`;

function signatureBy(alg: Algorithm, privateKey: KeyObject, data: Buffer): Buffer {
  if (alg.startsWith('ES')) {
    const dsaEncoding = pick(['ieee-p1363', 'ieee-p1363', 'ieee-p1363', 'der'] as const);
    return sign(digestOf(alg), data, { key: privateKey, dsaEncoding });
  }
  if (!alg.startsWith('PS')) return sign(digestOf(alg), data, privateKey);
  const length = Number(alg.slice(2)) / 8;
  const saltLength = pick([length, length, length, 0, 20, length + 1]);
  return sign(digestOf(alg), data, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

/** The other number that makes a valid signature, and odd ones. */
function withOtherS(alg: Algorithm, signature: Buffer): Buffer {
  const order = ORDERS[alg];
  if (order === undefined || signature.length !== 64) return signature;
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
  const other = pick([order - s, order + s, 0n, order]) % 2n ** 256n;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(other.toString(16).padStart(64, '0'), 'hex')]);
}

/** Something that anybody may do to a signature on the way. */
const damages: readonly ((signature: Buffer) => Buffer)[] = [
  (signature) => {
    const damaged = Buffer.from(signature);
    const at = randomInt(signature.length);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << randomInt(8));
    return damaged;
  },
  (signature) => signature.subarray(0, randomInt(signature.length)),
  (signature) => Buffer.concat([signature, randomBytes(randomInt(1, 4))]),
  (signature) => Buffer.concat([Buffer.alloc(1), signature]),
  (signature) => Buffer.alloc(signature.length),
  (signature) => Buffer.alloc(signature.length, 0xff),
  (signature) => randomBytes(signature.length),
  () => Buffer.alloc(0),
];

async function joseVerifies(jws: string, key: KeyObject): Promise<boolean> {
  try {
    await compactVerify(jws, key);
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

describe.each(ALGORITHMS)('a signature of %s', (alg) => {
  const pairs = keysOf[alg] ?? keysOf[alg.slice(0, 2)] ?? [];

  it('gets the verdict that another implementation gives', {
    tags: ['JWT-10', 'OPS-20'],
    timeout: 3_600_000,
  }, async () => {
    const made = Array.from({ length: 50 }, () => {
      const { privateKey, publicKey } = pick(pairs);
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      const content = randomBytes(randomInt(1, 400)).toString('base64url');
      const signed = `${header}.${content}`;
      return { signed, publicKey, signature: signatureBy(alg, privateKey, Buffer.from(signed)) };
    });
    const verdicts = { good: 0, bad: 0 };
    for (let count = 0; count < (isFullSize ? 100_000 : 150); count += 1) {
      const { signed, publicKey, signature } = pick(made);
      const other = randomInt(4) === 0 ? withOtherS(alg, signature) : signature;
      const damaged = randomInt(2) === 0 ? pick(damages)(other) : other;
      const jws = `${signed}.${damaged.toString('base64url')}`;
      const key = randomInt(8) === 0 ? pick(pairs).publicKey : publicKey;
      const verdict = await new SignatureKey(key, alg).verify(jws);
      if (verdict !== (await joseVerifies(jws, key))) expect.fail(`the verdicts differ: ${jws}`);
      verdicts[verdict ? 'good' : 'bad'] += 1;
    }
    expect(verdicts.good).toBeGreaterThan(10);
    expect(verdicts.bad).toBeGreaterThan(10);
  });

  it('is verified by a key that was imported', { tags: ['KEY-18'] }, async () => {
    const [pair] = pairs;
    if (pair === undefined) throw new Error('no key');
    const key = importVerificationKey(pair.publicKey.export({ format: 'jwk' }));
    if (typeof key === 'string') throw new Error(key);
    expect(createPublicKey(pair.privateKey).equals(pair.publicKey)).toBe(true);
    const signed = 'eyJhbGciOiJ4In0.e30';
    const options = {
      key: pair.privateKey,
      ...(alg.startsWith('ES') && { dsaEncoding: 'ieee-p1363' as const }),
      ...(alg.startsWith('PS') && {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: Number(alg.slice(2)) / 8,
      }),
    };
    const signature = sign(digestOf(alg), Buffer.from(signed), options).toString('base64url');
    expect(await key.signatureKey(alg).verify(`${signed}.${signature}`)).toBe(true);
    expect(await key.signatureKey(alg).verify(`${signed}x.${signature}`)).toBe(false);
  });
});
