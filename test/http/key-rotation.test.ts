import { describe, expect, it } from 'vitest';
import { createTestIssuer } from '../../src/testing/index.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import { undecodableCertificate } from '../support/certificates.js';
import { json, paths, startMisbehavingIssuer } from '../support/misbehaving-issuer.js';
import { audience, protect, tokenBy } from '../support/protected-api.js';

const one = await generateSigningKey('ES256', 'key-1');
const two = await generateSigningKey('ES256', 'key-2');
const rsa = await generateSigningKey('RS256', 'key-1');

/** An issuer of the testing kit, and an API that trusts it. */
async function rotating() {
  const issuer = await createTestIssuer({ audience });
  const listening = await issuer.listen();
  const api = protect({ issuer: listening.identifier });
  const token = () => listening.token({ iat: undefined, exp: 4_102_444_800 });
  return { issuer: listening, api, token, fetches: () => listening.requests['/jwks'] };
}

/** An API whose issuer publishes these keys. */
async function publishing(...keys: readonly unknown[]) {
  const issuer = await startMisbehavingIssuer();
  issuer.publish(keys);
  const api = protect({ issuer: issuer.url });
  return { issuer, api };
}

describe('rotation', () => {
  it("isn't noticed by clients if it's done in good order", { tags: ['KEY-13'] }, async () => {
    const { issuer, api, token, fetches } = await rotating();
    const old = await token();
    expect(await api.get(old)).toBe('200');
    for (let rotation = 1; rotation < 4; rotation += 1) {
      await issuer.rotateKeys({ keepPrevious: true });
      expect(await api.get(await token())).toBe('200');
      expect(await api.get(old)).toBe('200');
      expect(fetches()).toBe(1 + rotation);
      api.step(30);
    }
  });

  it.each([{ kid: 'key-1' }, { kid: undefined }])(
    'is noticed if a new key takes the place of the old one without a name of its own: %j',
    { tags: ['KEY-13', 'KEY-16'] },
    async ({ kid }) => {
      const { issuer, api } = await publishing({ ...one.jwk, kid });
      const header = { kid };
      const [old, renewed] = [one, two].map((key) => tokenBy(key, issuer.url, header));
      expect(await api.get(old ?? '')).toBe('200');
      issuer.publish([{ ...two.jwk, kid }]);
      expect(await api.get(renewed ?? '')).toBe('200');
      expect(await api.get(old ?? '')).toBe('401 signature_invalid');
      for (let forgery = 0; forgery < 20; forgery += 1) {
        const forged = `${tokenBy(two, issuer.url, header).slice(0, -8)}AAAAAAAA`;
        expect(await api.get(forged)).toBe('401 signature_invalid');
      }
      expect(issuer.count(paths.jwks)).toBe(2); // the first, and one in the cool-down
    },
  );

  it.each([
    ['RS256', 'ES256', rsa, one],
    ['ES256', 'RS256', one, rsa],
  ] as const)(
    'is noticed if the new key has the old name and another algorithm: %s to %s',
    { tags: ['KEY-13', 'KEY-16'] },
    async (_before, _after, old, renewed) => {
      const { issuer, api } = await publishing(old.jwk);
      expect(await api.get(tokenBy(old, issuer.url))).toBe('200');
      issuer.publish([renewed.jwk]);
      expect(await api.get(tokenBy(renewed, issuer.url))).toBe('200');
      expect(await api.get(tokenBy(old, issuer.url))).toBe('401 key_mismatch');
      for (let forgery = 0; forgery < 20; forgery += 1)
        expect(await api.get(tokenBy(old, issuer.url, {}, { jti: `${forgery}` }))).toBe('401 key_mismatch');
      expect(issuer.count(paths.jwks)).toBe(2); // the first, and one in the cool-down
    },
  );

  it('ends a withdrawn key at the next refresh', { tags: ['KEY-16'] }, async () => {
    const { issuer, api, token } = await rotating();
    const old = await token();
    expect(await api.get(old)).toBe('200');
    await issuer.rotateKeys();
    api.step(479);
    expect(await api.get(old)).toBe('200');
    api.step(121);
    expect(await api.get(old)).toBe('401 no_matching_key');
    expect(await api.get(await token())).toBe('200');
  });

  it('withdraws the old key at once when a token comes with the new one', { tags: ['KEY-16'] }, async () => {
    const { issuer, api, token } = await rotating();
    const old = await token();
    expect(await api.get(old)).toBe('200');
    await issuer.rotateKeys();
    expect(await api.get(await token())).toBe('200');
    expect(await api.get(old)).toBe('401 no_matching_key');
  });

  it('is seen after the cool-down if it comes within one', { tags: ['KEY-13'] }, async () => {
    const { issuer, api, token, fetches } = await rotating();
    await api.get(await token());
    await issuer.rotateKeys();
    expect(await api.get(await token())).toBe('200');
    await issuer.rotateKeys();
    expect(await api.get(await token())).toBe('401 no_matching_key');
    expect(fetches()).toBe(2);
    api.step(30);
    expect(await api.get(await token())).toBe('200');
  });

  it.each([{}, { resetConnections: true }])(
    'goes on after an outage with %j',
    { tags: ['KEY-15'] },
    async (how) => {
      const { issuer, api, token } = await rotating();
      const old = await token();
      expect(await api.get(old)).toBe('200');
      issuer.goDown(how);
      await issuer.rotateKeys();
      expect(await api.get(await token())).toMatch(/^503 /);
      expect(await api.get(old)).toBe('200');
      issuer.comeBack();
      api.step(30);
      expect(await api.get(await token())).toBe('200');
      expect(await api.get(old)).toBe('401 no_matching_key');
    },
  );
});

describe('a published set', () => {
  it('verifies with the good keys among odd ones', {
    tags: ['KEY-18', 'KEY-20', 'KEY-21'],
  }, async () => {
    const { issuer, api } = await publishing(
      null,
      'key',
      { kty: 'unheard-of', kid: 'key-1' },
      { kty: 'EC', crv: 'P-256', kid: 'key-1' },
      { kty: 'EC', crv: { toString: 1, valueOf: 1 }, kid: 'key-1' },
      { ...one.jwk, use: 'enc' },
      { kty: 'AKP', kid: 'key-1', x5c: [undecodableCertificate(one).toString('base64')] },
      { kty: 'oct', kid: 'key-1', k: 'c2VjcmV0', alg: 'HS256' },
      one.jwk,
    );
    expect(await api.get(tokenBy(one, issuer.url))).toBe('200');
  });

  it('loses a private key, and that is reported', {
    tags: ['KEY-20'],
  }, async () => {
    const leaked = { ...two.privateKey.export({ format: 'jwk' }), kid: 'key-2', alg: 'ES256' };
    const { issuer, api } = await publishing(one.jwk, leaked);
    expect(await api.get(tokenBy(one, issuer.url))).toBe('200');
    expect(await api.get(tokenBy(two, issuer.url))).toBe('401 no_matching_key');
    expect(api.events).toContainEqual(
      expect.objectContaining({ event: 'key_skipped', issuer: issuer.url, detail: 'private key published' }),
    );
    expect(JSON.stringify(api.events)).not.toContain(String(leaked.d));
  });

  it('tells keys of different types with one kid apart', { tags: ['KEY-19'] }, async () => {
    const { issuer, api } = await publishing(one.jwk, rsa.jwk);
    expect(await api.get(tokenBy(one, issuer.url))).toBe('200');
    expect(await api.get(tokenBy(rsa, issuer.url))).toBe('200');
  });

  it('refuses to choose between two keys of a type with one kid', { tags: ['KEY-19'] }, async () => {
    const { issuer, api } = await publishing(one.jwk, { ...two.jwk, kid: 'key-1' });
    expect(await api.get(tokenBy(one, issuer.url))).toBe('401 ambiguous_key');
    expect(await api.get(tokenBy(two, issuer.url, { kid: 'key-1' }))).toBe('401 ambiguous_key');
  });

  it('without any kid serves tokens without kid, if it has one key for them', {
    tags: ['KEY-19'],
  }, async () => {
    const { kid: _, ...nameless } = one.jwk;
    const { issuer, api } = await publishing(nameless, rsa.jwk);
    expect(await api.get(tokenBy(one, issuer.url, { kid: undefined }))).toBe('200');
    expect(await api.get(tokenBy(rsa, issuer.url, { kid: undefined }))).toBe('200');
    expect(await api.get(tokenBy(one, issuer.url))).toBe('401 key_mismatch'); // key-1 is the RSA key

    issuer.publish([nameless, two.jwk]);
    api.step(600);
    expect(await api.get(tokenBy(one, issuer.url, { kid: undefined }))).toBe('401 ambiguous_key');
  });

  it('may have 500 keys', { tags: ['KEY-08'] }, async () => {
    const many = Array.from({ length: 499 }, (_, index) => ({ ...two.jwk, kid: `other-${index}` }));
    const { issuer, api } = await publishing(...many, one.jwk);
    expect(await api.get(tokenBy(one, issuer.url))).toBe('200');
    expect(await api.get(tokenBy(two, issuer.url, { kid: 'other-498' }))).toBe('200');
  });

  it.each([
    ['max-age=60', 59, 60],
    ['max-age=3000', 2_399, 3_000],
    ['max-age=1000000', 2_879, 3_600],
    ['no-store', 479, 600],
    ['max-age=soon', 479, 600],
    ['max-age=0', 23, 30],
  ])(
    'with Cache-Control: %s is kept for %i seconds and not for %i',
    { tags: ['KEY-11'] },
    async (value, kept, over) => {
      const { issuer, api } = await publishing(one.jwk);
      issuer.script(paths.jwks, json({ keys: [one.jwk] }, { 'Cache-Control': value }));
      const token = tokenBy(one, issuer.url);
      expect(await api.get(token)).toBe('200');
      issuer.publish([two.jwk]);
      api.step(kept);
      expect(await api.get(token)).toBe('200');
      if (issuer.count(paths.jwks) > 1) await api.refreshes(2);
      api.step(over - kept);
      expect(await api.get(token)).toBe('401 no_matching_key');
    },
  );
});
