import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../../src/resource-server.js';
import { ALGORITHMS } from '../../../src/terms.js';
import { createDpopKey, createTestIssuer } from '../../../src/testing/index.js';

const URL = 'https://api.example.com/stock/42';

describe('createDpopKey', () => {
  it.each(ALGORITHMS)('makes proofs that any other library verifies, with %s', async (algorithm) => {
    const key = await createDpopKey({ algorithm, clock: () => 1_893_456_000_999 });
    const proof = await key.proof({ method: 'POST', url: `${URL}?a#b`, token: 'token', nonce: 'nonce' });
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt' });
    expect(payload).toEqual({
      jti: expect.stringMatching(/^[\w-]{36}$/),
      htm: 'POST',
      htu: URL,
      iat: 1_893_456_000,
      ath: createHash('sha256').update('token').digest('base64url'),
      nonce: 'nonce',
    });
    expect(protectedHeader).toEqual({ typ: 'dpop+jwt', alg: algorithm, jwk: expect.any(Object) });
    expect(await calculateJwkThumbprint(protectedHeader.jwk ?? {})).toBe(key.thumbprint);
    expect(protectedHeader.jwk).not.toHaveProperty('d');
  });

  it('makes another proof for every request', async () => {
    const key = await createDpopKey();
    const one = await key.headers({ url: URL, token: 'token' });
    const other = await key.headers({ url: URL, token: 'token' });
    expect(one.Authorization).toBe('DPoP token');
    expect(one.DPoP).not.toBe(other.DPoP);
  });

  it('overrides and removes claims and header parameters', async () => {
    const key = await createDpopKey();
    const claims = { iat: 1, ath: undefined };
    const proof = await key.proof({
      url: URL,
      token: 'token',
      claims,
      header: { typ: undefined, alg: 'none' },
    });
    const [header = '', payload = ''] = proof
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header)).toEqual({ alg: 'none', jwk: expect.any(Object) });
    expect(JSON.parse(payload)).toEqual({ jti: expect.any(String), htm: 'GET', htu: URL, iat: 1 });
  });

  it.each([
    [{ algorithm: 'HS256' }, /^option "createDpopKey.algorithm" takes 'RS256' or 'RS384'/],
    [{ clock: 1 }, /^option "createDpopKey.clock" takes a function, got number/],
    [
      { alg: 'ES256' },
      /^unknown option "alg" in createDpopKey; did you mean algorithm\? Known are algorithm, clock/,
    ],
    [null, /^option "createDpopKey" takes an object, got null/],
  ])('refuses %j', async (options, message) => {
    await expect(createDpopKey(options as never)).rejects.toThrow(message);
  });

  it.each([
    [{ token: 'x' }, /^option "proof.url" takes a non-empty string, got undefined/],
    [{ url: URL }, /^option "proof.token" takes a non-empty string/],
    [{ url: URL, token: 'x', method: '' }, /^option "proof.method" takes a non-empty string/],
    [{ url: URL, token: 'x', nonce: 1 }, /^option "proof.nonce" takes a non-empty string/],
    [{ url: URL, token: 'x', claims: [] }, /^option "proof.claims" takes an object, got an empty list/],
    [{ url: URL, token: 'x', header: null }, /^option "proof.header" takes an object, got null/],
    [{ url: URL, token: 'x', htm: 'GET' }, /^unknown option "htm" in proof/],
  ])('makes no proof for %j', async (request, message) => {
    await expect((await createDpopKey()).headers(request as never)).rejects.toThrow(message);
  });
});

describe('dpopForgeries', () => {
  const request = { method: 'GET', url: URL };

  it('are more than eighty, of which each has its own name', async () => {
    const forgeries = await (await createTestIssuer()).dpopForgeries(request);
    expect(forgeries.length).toBeGreaterThan(80);
    expect(new Set(forgeries.map(({ name }) => name)).size).toBe(forgeries.length);
  });

  it.each(['GET', 'DELETE'])('are refused for the right reason: %s', async (method) => {
    const issuer = await createTestIssuer();
    const server = createResourceServer(issuer.options);
    for (const { name, headers, status, reason } of await issuer.dpopForgeries({ ...request, method })) {
      const decision = await server.authenticate(new Request(URL, { method, headers: { ...headers } }));
      const outcome = decision.kind === 'denied' ? [decision.answer.status, decision.error.reason] : [];
      expect([name, ...outcome]).toEqual([name, status, reason]);
    }
  });

  it('are refused if bound tokens are required', async () => {
    const issuer = await createTestIssuer();
    const server = createResourceServer({ ...issuer.options, dpop: 'required' });
    for (const { name, headers, status } of await issuer.dpopForgeries(request)) {
      const decision = await server.authenticate(new Request(URL, { headers: { ...headers } }));
      expect([name, decision.kind === 'denied' && decision.answer.status]).toEqual([name, status]);
    }
  });

  it('go by the clock of the issuer, and have its claims', async () => {
    const issuer = await createTestIssuer({ clock: () => Date.parse('2020-01-01') });
    const forgeries = await issuer.dpopForgeries({ method: 'GET', url: `${URL}?a=1` }, { tenant: 'acme' });
    const late = forgeries.find(({ name }) => name === 'htm of another method');
    const [token = '', proof = ''] = [late?.headers.Authorization?.slice(5), late?.headers.DPoP];
    const claimsOf = (text: string) =>
      JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());
    expect(claimsOf(token)).toMatchObject({ tenant: 'acme', cnf: { jkt: expect.any(String) } });
    expect(claimsOf(proof)).toMatchObject({ iat: Date.parse('2020-01-01') / 1000, htu: URL });
  });

  it('need an absolute URL', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.dpopForgeries({ method: 'GET', url: '/stock/42' })).rejects.toThrow(TypeError);
  });
});
