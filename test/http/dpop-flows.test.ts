import { afterEach, describe, expect, it } from 'vitest';
import type { ResourceServerOptions } from '../../src/index.js';
import { parseChallenges } from '../../src/testing/contract/parse-challenge.js';
import {
  type ClientCertificate,
  createClientCertificate,
  createDpopKey,
  createTestIssuer,
  type DpopKey,
} from '../../src/testing/index.js';
import { type RawResponse, send } from '../support/http-client.js';
import type { Running } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const SECRET = 'a secret of at least 32 characters';

/** What more than one request shows: each proof opens once, and nonces change. */
describe.each(harnesses)('$name', (harness) => {
  let running: Running | undefined;
  afterEach(async () => {
    await running?.close();
    running = undefined;
  });

  /** An API and a client that goes by the same clock. */
  async function start(options: Pick<ResourceServerOptions, 'dpop' | 'errors'>) {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const clock = () => now;
    const issuer = await createTestIssuer({ clock, lifetimeSeconds: 86_400 });
    const key = await createDpopKey({ clock });
    const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt: key.thumbprint } });
    const api = await harness.start({ ...issuer.options, ...options });
    running = api;
    const url = `${api.url}/stock/42`;
    return {
      api,
      headers: (nonce?: string) => key.headers({ url, token, ...(nonce !== undefined && { nonce }) }),
      get: (headers: Readonly<Record<string, string>>) =>
        send(api.url, { path: '/stock/42', headers: Object.entries(headers) }),
      step(seconds: number) {
        now += seconds * 1000;
      },
    };
  }

  it('refuses a proof the second time', { tags: ['DPP-19'] }, async () => {
    const { api, headers, get, step } = await start({});
    const once = await headers();
    expect((await get(once)).status).toBe(200);
    for (const seconds of [0, 30, 29, 1]) {
      step(seconds);
      expect(errorOf(await get(once))).toBe('invalid_dpop_proof: The DPoP proof was used before');
    }
    step(1);
    expect(errorOf(await get(once))).toBe('invalid_dpop_proof: The DPoP proof is too old');
    expect((await get(await headers())).status).toBe(200);
    expect(api.handled()).toBe(2);
  });

  it('allows one of several equal concurrent requests', { tags: ['DPP-19'] }, async () => {
    const { api, headers, get } = await start({});
    const once = await headers();
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(once)));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 7 }, () => 401),
    ]);
    expect(api.handled()).toBe(1);
  });

  it('opens no other route by dot segments', { tags: ['DPP-11', 'DPP-12'] }, async () => {
    const { api, headers } = await start({});
    const proof = Object.entries(await headers()); // for /stock/42
    const targets = ['/orders/7/../../stock/42', '/./stock/42', '/mounted/%2e%2e/stock/42', '/stock/42/.'];
    const statuses = await Promise.all(
      targets.map(async (path) => (await send(api.url, { path, headers: proof })).status),
    );
    // Servers of the Fetch standard take dot segments away first, so that these are the URL of the proof.
    const [opened, allowed] = /^(fetch|hono)/.test(harness.name) ? [1, [200, 401, 404]] : [0, [401, 404]];
    expect(allowed).toEqual(expect.arrayContaining(statuses));
    expect(api.handled()).toBe(opened); // once, like every proof
  });

  it("doesn't use up an invalid proof", { tags: ['DPP-19'] }, async () => {
    const { headers, get } = await start({});
    const once = await headers();
    const damaged = { ...once, Authorization: `${once.Authorization}x` };
    expect((await get(damaged)).status).toBe(401);
    expect((await get(once)).status).toBe(200);
  });

  it('issues nonces, accepts the last two, and renews them with good answers', {
    tags: ['DPP-22', 'DPP-23', 'DPP-25'],
  }, async () => {
    const { headers, get, step } = await start({ dpop: { nonce: { secret: SECRET, lifetimeSeconds: 300 } } });
    const first = await get(await headers());
    expect(errorOf(first)).toMatch(/^use_dpop_nonce: /);
    const nonce = nonceOf(first);

    const good = await get(await headers(nonce));
    expect([good.status, good.lines('dpop-nonce')]).toEqual([200, []]);
    expect(good.headers['cache-control']).toBeUndefined();

    step(300);
    const renewing = await get(await headers(nonce));
    expect([renewing.status, renewing.headers['cache-control']]).toEqual([200, 'no-store']);
    const next = nonceOf(renewing);
    expect(next).not.toBe(nonce);
    expect((await get(await headers(next))).status).toBe(200);

    step(300);
    const late = await get(await headers(nonce));
    expect(errorOf(late)).toMatch(/^use_dpop_nonce: /);
    expect([nonce, next]).not.toContain(nonceOf(late));
  });

  it("sets challenges and nonce with errors: 'next' too", { tags: ['DPP-22'] }, async () => {
    const { headers, get } = await start({ dpop: { nonce: { secret: SECRET } }, errors: 'next' });
    const refused = await get(await headers());
    expect(refused.status).toBe(401);
    expect(errorOf(refused)).toMatch(/^use_dpop_nonce: /);
    expect((await get(await headers(nonceOf(refused)))).status).toBe(200);
  });

  it('requires certificate and proof for a token that is bound to both', {
    tags: ['MTL-06'],
  }, async () => {
    const [mine, others] = await Promise.all([createClientCertificate(), createClientCertificate()]);
    const issuer = await createTestIssuer();
    const [key, otherKey] = await Promise.all([createDpopKey(), createDpopKey()]);
    const mtls = { header: 'client-cert', trustedProxies: ['127.0.0.1', '::1'] } as const;
    const api = await harness.start({ ...issuer.options, mtls });
    running = api;
    const url = `${api.url}/stock/42`;
    const jkt = key.thumbprint;
    const both = { jkt, 'x5t#S256': mine.thumbprint };
    const statusOf = async (cnf: object, signer: DpopKey | undefined, certificate?: ClientCertificate) => {
      const token = await issuer.token({ scope: 'read:inventory', cnf });
      const headers = {
        ...(signer === undefined
          ? { Authorization: `Bearer ${token}` }
          : await signer.headers({ url, token })),
        ...(certificate !== undefined && { 'Client-Cert': certificate.clientCertField }),
      };
      return (await send(api.url, { path: '/stock/42', headers: Object.entries(headers) })).status;
    };
    expect(await statusOf(both, key, mine)).toBe(200);
    expect(await statusOf({ jkt }, key, others)).toBe(200);
    expect(await statusOf({ 'x5t#S256': mine.thumbprint }, undefined, mine)).toBe(200);
    expect(await statusOf(both, key)).toBe(401);
    expect(await statusOf(both, key, others)).toBe(401);
    expect(await statusOf(both, otherKey, mine)).toBe(401);
    expect(await statusOf(both, undefined, mine)).toBe(401);
    expect(await statusOf({ 'x5t#S256': mine.thumbprint }, key, mine)).toBe(401);
    expect(await statusOf({ ...both, jwk: {} }, key, mine)).toBe(401);
  });

  it('enforces a binding from introspection too', { tags: ['DPP-15'] }, async () => {
    const issuer = await createTestIssuer();
    const [key, otherKey] = await Promise.all([createDpopKey(), createDpopKey()]);
    const api = await harness.start(issuer.introspectionOptions);
    running = api;
    const url = `${api.url}/stock/42`;
    const token = issuer.opaqueToken({ scope: 'read:inventory', cnf: { jkt: key.thumbprint } });
    const statusOf = async (headers: Readonly<Record<string, string>>) =>
      (await send(api.url, { path: '/stock/42', headers: Object.entries(headers) })).status;
    expect(await statusOf(await key.headers({ url, token }))).toBe(200);
    expect(await statusOf(await otherKey.headers({ url, token }))).toBe(401);
    expect(await statusOf({ Authorization: `Bearer ${token}` })).toBe(401);
  });

  it("answers 503 if it can't find out whether a proof was used", { tags: ['DPP-20'] }, async () => {
    const replayStore = { remember: () => Promise.reject(new Error('out of reach')) };
    const { api, headers, get } = await start({ dpop: { replayStore } });
    const answer = await get(await headers());
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(answer.lines('www-authenticate')).toEqual([]);
    expect(api.handled()).toBe(0);
  });
});

/** The error in the challenge of DPoP, with its description. */
function errorOf(response: RawResponse): string {
  const challenges = parseChallenges(response.lines('www-authenticate'));
  expect(challenges.map(({ scheme }) => scheme)).toEqual(['Bearer', 'DPoP']);
  expect(challenges[0]?.parameters).toEqual({ realm: 'api' });
  const { error, error_description } = challenges[1]?.parameters ?? {};
  return `${error}: ${error_description}`;
}

/** DPP-23: one nonce of the characters that RFC 9449 §8.1 allows. */
function nonceOf(response: RawResponse): string {
  const [nonce = '', another] = response.lines('dpop-nonce');
  expect(another).toBeUndefined();
  expect(nonce).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]{32,}$/);
  return nonce;
}
