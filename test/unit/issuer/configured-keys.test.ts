import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkConfiguredKeys, createConfiguredKeySet } from '../../../src/issuer/configured-keys.js';
import { createResourceServer } from '../../../src/resource-server.js';
import { generateSigningKey, type SigningKey } from '../../../src/testing/signing-key.js';
import { undecodableCertificate } from '../../support/certificates.js';
import { audience, protect, tokenBy } from '../../support/protected-api.js';

const issuer = 'https://auth.example.com';
const key = await generateSigningKey('ES256', 'key-1');
const rsa = (await generateSigningKey('RS256', 'rsa-1')).jwk;
const privateJwk = (signingKey: SigningKey) => ({
  ...signingKey.privateKey.export({ format: 'jwk' }),
  kid: 'key-1',
});

const build = (jwks: unknown) => () =>
  createResourceServer({ issuer: { issuer, jwks: jwks as { keys: [] } }, audience }); // wrong on purpose

describe('a configured key set', () => {
  it('verifies without any network', async () => {
    const fetch = () => {
      throw new Error('not to be called');
    };
    const api = protect({ issuer: { issuer, jwks: { keys: [key.jwk] } }, fetch });
    const other = await generateSigningKey('ES256', 'key-2');

    expect(await api.get(tokenBy(key, issuer))).toBe('200');
    expect(await api.get(tokenBy(other, issuer))).toBe('401 no_matching_key');
    expect(await api.get(tokenBy(other, issuer, { kid: 'key-1' }))).toBe('401 signature_invalid');
    expect(await api.get(tokenBy(key, issuer, { kid: undefined }))).toBe('200');
    await api.server.ready();
    api.step(1_000_000);
    expect(await api.get(tokenBy(key, issuer))).toBe('200');
  });

  it('may have other keys beside those for signatures', { tags: ['KEY-18'] }, async () => {
    const x5c = [undecodableCertificate(key).toString('base64')];
    const others = [
      { ...key.jwk, kid: 'enc', use: 'enc' },
      { kty: 'AKP', kid: 'pq', pub: 'AA', x5c },
      { kid: 'certificate', x5c },
    ];
    const members = [...others, key.jwk];
    const api = protect({ issuer: { issuer, jwks: { keys: members } } });
    expect(await api.get(tokenBy(key, issuer))).toBe('200');
  });

  it('may have a key twice', { tags: ['KEY-19'] }, async () => {
    const api = protect({ issuer: { issuer, jwks: { keys: [key.jwk, { ...key.jwk }] } } });
    expect(await api.get(tokenBy(key, issuer))).toBe('200');
    expect(await api.get(tokenBy(key, issuer, { kid: undefined }))).toBe('200');
  });

  it.each<[string, unknown, RegExp]>([
    ['null', null, /takes a JWK Set/],
    ['a list of keys', [key.jwk], /takes a JWK Set/],
    ['a key', key.jwk, /takes a JWK Set/],
    ['a text', JSON.stringify({ keys: [key.jwk] }), /takes a JWK Set/],
    ['a set whose keys are an object', { keys: { 0: key.jwk } }, /takes a JWK Set/],
    ['an empty set', { keys: [] }, /no key that can verify/],
    ['a set of keys for other uses', { keys: [{ ...key.jwk, use: 'enc' }, 7] }, /no key that can verify/],
    ['a key without members', { keys: [key.jwk, { kty: 'EC', crv: 'P-256' }] }, /missing or out of range/],
    ['a key off the curve', { keys: [{ ...key.jwk, x: key.jwk.y }] }, /missing or out of range/],
    ['an RSA key with exponent 1', { keys: [{ ...rsa, e: 'AQ' }] }, /missing or out of range/],
  ])('cannot be %s', (_what, jwks, message) => {
    expect(build(jwks)).toThrow(message);
    expect(build(jwks)).toThrow(TypeError);
  });

  it('cannot have a private key, and the error quotes nothing of it', { tags: ['KEY-20'] }, () => {
    const secret = privateJwk(key);
    expect(build({ keys: [key.jwk, secret] })).toThrow(
      'option "issuer.jwks" has a private key; it takes public keys only',
    );
    expect(build({ keys: [secret] })).not.toThrow(String(secret.d));
    const rsaPair = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(build({ keys: [rsaPair.privateKey.export({ format: 'jwk' })] })).toThrow(/private key/);
  });

  it('cannot have a symmetric key, and the error quotes nothing of it', { tags: ['KEY-21'] }, () => {
    const secret = { kty: 'oct', kid: 'key-1', k: 'dG9wLXNlY3JldA' };
    expect(build({ keys: [key.jwk, secret] })).toThrow(
      'option "issuer.jwks" has a symmetric key; it takes public keys only',
    );
    expect(build({ keys: [secret] })).not.toThrow(secret.k);
  });

  it('is imported as it was checked', async () => {
    const members = checkConfiguredKeys({ keys: [key.jwk, { kty: 'AKP' }, rsa] }, 'jwks');
    expect(members).toEqual([key.jwk, rsa]);
    const keySet = createConfiguredKeySet(members, issuer);
    await keySet.ready();
    expect(keySet.known().map(({ kid }) => kid)).toEqual(['key-1', 'rsa-1']);
  });
});
