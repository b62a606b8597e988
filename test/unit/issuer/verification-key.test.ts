import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { importVerificationKey, type VerificationKey } from '../../../src/issuer/verification-key.js';
import { encodePart, unsignedJws } from '../../../src/testing/forged-jws.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { undecodableCertificate } from '../../support/certificates.js';
import { audience, protect } from '../../support/protected-api.js';

const ec = (await generateSigningKey('ES256', 'key-1')).jwk;
const rsa = (await generateSigningKey('RS256', 'rsa-1')).jwk;
const ed25519 = (await generateSigningKey('Ed25519', 'ed-1')).jwk;
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/** As JSON may spell it: nothing can turn this into a string. */
const odd = { toString: 1, valueOf: 1 };

/** Why a member is skipped, or the algorithms that it is good for. */
async function read(member: unknown): Promise<string | readonly string[]> {
  const key = await importVerificationKey(member);
  return typeof key === 'string' ? key : [...key.algorithms];
}

describe('a member of a key set', () => {
  it('may be nothing but a certificate', { tags: ['KEY-18'] }, async () => {
    const { certificate } = await createClientCertificate();
    const { raw, publicKey } = new X509Certificate(certificate);
    const x5c = [raw.toString('base64')];
    const key = await importVerificationKey({ kty: 'EC', kid: 'c', use: 'sig', x5c });
    expect(key).toMatchObject({ kid: 'c', algorithms: new Set(['ES256']) });
    expect(JSON.parse((key as VerificationKey).material)).toEqual(publicKey.export({ format: 'jwk' }));
    expect(await read({ kty: 'RSA', x5c })).toBe('malformed key'); // it isn't what it says
    expect(await read({ kty: 'EC', crv: 'P-256', x5c: ['AAAA'] })).toBe('malformed key');
    expect(await read({ ...ec, x5c })).toEqual(['ES256']); // its own members count
  });

  it('may have a certificate with a key that nobody can decode', { tags: ['KEY-18'] }, async () => {
    const x5c = [undecodableCertificate(await generateSigningKey('ES256', 'c')).toString('base64')];
    expect(() => new X509Certificate(Buffer.from(x5c[0] ?? '', 'base64')).publicKey).toThrow();
    for (const own of [ec, rsa, ed25519]) expect(await read({ ...own, x5c })).toEqual(await read(own));
    expect(await read({ x5c })).toBe('unknown key type');
    expect(await read({ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', x5c })).toBe('unknown key type');
    expect(await read({ kty: 'EC', crv: 'P-256', x5c })).toBe('malformed key');
    expect(await read({ kty: 'RSA', x5c })).toBe('malformed key');
  });

  it.each([
    ['an EC key', { ...ec, alg: undefined }, ['ES256']],
    ['an RSA key', { ...rsa, alg: 'RS256' }, ['RS256']],
    ['an RSA key for PSS', { ...rsa, alg: 'PS512' }, ['PS512']],
    ['an Ed25519 key', { ...ed25519, alg: 'EdDSA' }, ['Ed25519', 'EdDSA']],
    ['an Ed25519 key by its new name', { ...ed25519, alg: 'Ed25519' }, ['Ed25519', 'EdDSA']],
    ['a key that may verify', { ...ec, key_ops: ['verify'] }, ['ES256']],
    [
      'a key with a certificate',
      { ...ec, x5c: ['not', 1, 'looked at'], x5t: 7, x5u: 'http://evil.example.com' },
      ['ES256'],
    ],
    ['a key with members that nobody knows', { ...ec, ext: true, iat: 'x', nbf: {} }, ['ES256']],
  ])('is used when it is %s', async (_what, member, algorithms) => {
    const { alg, ...withoutAlg } = member;
    expect(await read(alg === undefined ? withoutAlg : member)).toEqual(algorithms);
  });

  it('is good for every algorithm of its type when it names none', async () => {
    const { alg: _, ...member } = rsa;
    expect(await read(member)).toEqual(RSA_ALGORITHMS);
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'not a JSON object'],
    ['a string', 'key', 'not a JSON object'],
    ['a list', [ec], 'not a JSON object'],
    ['empty', {}, 'unknown key type'],
    ['of an unknown type', { ...ec, kty: 'AKP' }, 'unknown key type'],
    ['of a type with an odd name', { ...ec, kty: 'toString', crv: undefined }, 'unknown key type'],
    ['of a type that is no string', { ...ec, kty: ['EC'] }, 'unknown key type'],
    ['of a type that cannot become a string', { ...ec, kty: odd }, 'unknown key type'],
    ['on a curve that cannot become a string', { ...ec, crv: odd }, 'unknown key type'],
    ['on an unknown curve', { ...ec, crv: 'secp256k1' }, 'unknown key type'],
    ['on a curve for key agreement', { ...ed25519, crv: 'X25519' }, 'unknown key type'],
    ['without curve', { ...ec, crv: undefined }, 'unknown key type'],
    ['for encryption', { ...ec, use: 'enc' }, 'not for verifying signatures'],
    ['for something odd', { ...ec, use: 7 }, 'not for verifying signatures'],
    ['for signing only', { ...ec, key_ops: ['sign'] }, 'not for verifying signatures'],
    ['with operations that are no list', { ...ec, key_ops: 'verify' }, 'not for verifying signatures'],
    ['for an unknown algorithm', { ...rsa, alg: 'RSA-OAEP' }, 'unknown algorithm'],
    ['for an algorithm of another curve', { ...ec, alg: 'ES384' }, 'unknown algorithm'],
    ['for a symmetric algorithm', { ...rsa, alg: 'HS256' }, 'unknown algorithm'],
    ['for no algorithm', { ...rsa, alg: 'none' }, 'unknown algorithm'],
    ['for an algorithm that is no string', { ...rsa, alg: ['RS256'] }, 'unknown algorithm'],
    ['with a kid that is a number', { ...ec, kid: 1 }, 'unusable kid'],
    ['with a kid that is too long', { ...ec, kid: 'x'.repeat(513) }, 'unusable kid'],
    ['without coordinate', { ...ec, x: undefined }, 'malformed key'],
    ['with a coordinate that is no string', { ...ec, x: 7 }, 'malformed key'],
    ['with a coordinate in a list', { ...ec, x: [ec.x] }, 'malformed key'],
    ['an Ed25519 key in a list', { ...ed25519, x: [ed25519.x] }, 'malformed key'],
    ['an RSA key with a modulus in a list', { ...rsa, n: [rsa.n] }, 'malformed key'],
    ['with a coordinate that is too short', { ...ec, x: 'AA' }, 'malformed key'],
    ['off the curve', { ...ec, x: ec.y, y: ec.x }, 'malformed key'],
    ['an Ed25519 key that is too short', { ...ed25519, x: 'AAAA' }, 'malformed key'],
    ['an RSA key without modulus', { ...rsa, n: undefined }, 'malformed key'],
    ['an RSA key without exponent', { ...rsa, e: undefined }, 'malformed key'],
    ['an RSA key with an exponent that is a number', { ...rsa, e: 65_537 }, 'malformed key'],
    ['an RSA key with exponent 0', { ...rsa, e: 'AA' }, 'malformed key'],
    ['an RSA key with exponent 1', { ...rsa, e: 'AQ' }, 'malformed key'],
    ['an RSA key with exponent 1 in disguise', { ...rsa, e: 'AAAB' }, 'malformed key'],
    ['an RSA key with an endless exponent', { ...rsa, e: `${'A'.repeat(62)}EAAQ` }, 'malformed key'],
    ['an RSA key with an even exponent', { ...rsa, e: 'AQAA' }, 'malformed key'],
    ['an RSA key with an empty exponent', { ...rsa, e: '' }, 'malformed key'],
  ])('is skipped when it is %s', { tags: ['KEY-18'] }, async (_what, member, cause) => {
    expect(await read(member)).toBe(cause);
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'])(
    'is skipped when it has %s',
    { tags: ['KEY-20'] },
    async (name) => {
      for (const member of [ec, rsa, ed25519, { kty: 'AKP', kid: 'pq' }]) {
        expect(await read({ ...member, [name]: 'AA' })).toBe('private key published');
        expect(await read({ ...member, [name]: 7 })).toBe('private key published');
      }
    },
  );

  it('counts null as absent, as some serializers write every member they know', {
    tags: ['KEY-18'],
  }, async () => {
    const names = 'alg use key_ops kid x5c x5t x5u n e x y crv d p q dp dq qi oth k priv'.split(' ');
    const nothing = Object.fromEntries(names.map((name) => [name, null]));
    const { alg: _, ...plain } = rsa;
    expect(await importVerificationKey({ ...nothing, ...plain, kid: null })).toMatchObject({
      kid: undefined,
      algorithms: new Set(RSA_ALGORITHMS),
      material: JSON.stringify({ kty: 'RSA', n: rsa.n, e: rsa.e }),
    });
    for (const member of [ec, rsa, ed25519])
      expect(await read({ ...nothing, ...member })).toEqual(await read(member));
    const { certificate } = await createClientCertificate();
    const x5c = [new X509Certificate(certificate).raw.toString('base64')];
    expect(await read({ ...nothing, kty: 'EC', x5c })).toEqual(['ES256']);
    expect(await read({ ...rsa, e: null })).toBe('malformed key');
    expect(await read(nothing)).toBe('unknown key type');
  });

  it('is skipped when it is symmetric', { tags: ['KEY-21'] }, async () => {
    expect(await read({ kty: 'oct', kid: 'key-1', k: 'c2VjcmV0', alg: 'HS256' })).toBe('symmetric key');
    expect(await read({ kty: 'oct', alg: 'ES256', crv: 'P-256' })).toBe('symmetric key');
  });

  it('is weak when it is an RSA key of less than 2048 bits', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(await importVerificationKey(publicKey.export({ format: 'jwk' }))).toMatchObject({
      weakness: 'rsa_too_short',
    });
    expect(await importVerificationKey(rsa)).toMatchObject({ weakness: undefined });
  });

  it('has a fingerprint that tells another key under the same kid', async () => {
    const other = await generateSigningKey('ES256', 'key-1');
    const fingerprints = [ec, { ...ec, x5c: [] }, other.jwk, { ...ec, kid: 'key-2' }].map(async (member) => {
      const key = await importVerificationKey(member);
      return typeof key === 'string' ? key : key.fingerprint;
    });
    const [one, same, ...different] = await Promise.all(fingerprints);
    expect(same).toBe(one);
    expect(new Set([one, ...different]).size).toBe(3);
  });
});

it('accepts no signature of an RSA key with exponent 1', {
  tags: ['KEY-18'],
}, async () => {
  const issuer = 'https://auth.example.com';
  const jwks = () => ({ keys: [{ ...rsa, e: 'AQ' }, ec] });
  const header = { alg: 'RS256', typ: 'at+jwt', kid: 'rsa-1' };
  const claims = { iss: issuer, aud: audience, client_id: 'attacker', exp: 4_102_444_800 };
  const signature = pkcs1Padding(`${encodePart(header)}.${encodePart(claims)}`);

  const { get } = protect({ issuer: { issuer, jwks } });
  expect(await get(unsignedJws(header, claims, signature))).toBe('401 no_matching_key');
});

/** What RSASSA-PKCS1-v1_5 makes of a message before it uses the key (RFC 8017 §9.2), for 2048 bits. */
function pkcs1Padding(message: string): Buffer {
  const algorithm = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const digest = Buffer.concat([algorithm, createHash('sha256').update(message).digest()]);
  return Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.alloc(253 - digest.length, 0xff),
    Buffer.from([0]),
    digest,
  ]);
}
