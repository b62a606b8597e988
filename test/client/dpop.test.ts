import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { AxiosHeaders } from 'axios';
import express from 'express';
import { decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { Headers as UndiciHeaders, fetch as undiciFetch } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { authenticate, getAuth, requireScope } from '../../adapters/express/index.js';
import { DpopProver } from '../../src/client/dpop.js';
import {
  type ApiAnswer,
  type ClientCredentialsOptions,
  type ClientDpopOptions,
  createTokenExchange,
} from '../../src/client/index.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { ALGORITHMS } from '../../src/terms.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { status } from '../support/misbehaving-issuer.js';
import { repeats } from '../support/size.js';
import { type Answer, ok, startApi } from './support/api.js';
import { INVENTORY, registered, startRealAuthorizationServer } from './support/authorization-server.js';
import { CLIENT_ID, CLIENT_SECRET, failureOf, makeClient } from './support/make-client.js';
import { close, grants, startTokenEndpoint } from './support/token-endpoint.js';

const bound = (members: Readonly<Record<string, unknown>> = {}) => grants({ token_type: 'DPoP', ...members });
const NONCES: ResourceServerOptions['dpop'] = { nonce: { secret: 'a secret of at least 32 characters' } };

/** An API that this package protects. */
async function startInventory(options: ResourceServerOptions): Promise<string> {
  const app = express();
  app.use(authenticate(options));
  app.all('/stock/:sku', requireScope('read:inventory'), express.text(), (request, response) => {
    response.json({ caller: getAuth(request).clientId, body: request.body });
  });
  const server = app.listen(0, '127.0.0.1');
  onTestFinished(() => close(server));
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function scene(wantsNonce: boolean, dpop: ResourceServerOptions['dpop']) {
  const issuer = await startRealAuthorizationServer(
    [registered(CLIENT_ID, { client_secret: 'a-secret' })],
    wantsNonce,
  );
  onTestFinished(() => issuer.stop());
  const origin = await startInventory({ issuer: issuer.issuer, audience: INVENTORY, ...(dpop && { dpop }) });
  const options: Partial<ClientCredentialsOptions> = {
    issuer: issuer.issuer,
    clientSecret: 'a-secret',
    scope: 'read:inventory',
    resource: INVENTORY,
    origins: [origin],
    dpop: true,
  };
  return { issuer, origin, client: makeClient(options) };
}

describe('a client with dpop, oidc-provider and an API of this package', () => {
  it.each([
    ['without nonces', false, undefined],
    ['where the API requires DPoP', false, 'required'],
    ['with nonces of both', true, NONCES],
  ] as const)('get along %s', { tags: ['CLI-07', 'CLI-17'] }, async (_, wantsNonce, dpop) => {
    const { issuer, origin, client } = await scene(wantsNonce, dpop);
    for (const sku of ['1', '2', '2?limit=1#top']) {
      const response = await client.fetch(`${origin}/stock/${sku}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ caller: CLIENT_ID });
    }
    const posted = await client.fetch(`${origin}/stock/1`, { method: 'post', body: 'two' });
    expect(await posted.json()).toMatchObject({ body: 'two' });
    const { accessToken, tokenType } = await client.getToken();
    expect(tokenType).toBe('DPoP');
    expect(decodeJwt(accessToken)).toHaveProperty('cnf.jkt');
    expect(issuer.tokenRequests).toBe(wantsNonce ? 2 : 1);
  });

  it('leave a thief of any one piece outside', { tags: ['DPP-17'] }, async () => {
    const { origin, client } = await scene(false, undefined);
    const url = `${origin}/stock/1`;
    const { Authorization, DPoP = '' } = await client.headers({ url });
    const attempts: Record<string, string>[] = [
      { Authorization },
      { Authorization: Authorization.replace('DPoP', 'Bearer') },
      { Authorization: Authorization.replace('DPoP', 'Bearer'), DPoP },
      { Authorization, DPoP: (await client.headers({ url: `${origin}/stock/2` })).DPoP ?? '' },
      { Authorization, DPoP: (await client.headers({ url, method: 'POST' })).DPoP ?? '' },
      { Authorization, DPoP: (await makeClientLike(client).headers({ url })).DPoP ?? '' },
    ];
    for (const headers of attempts) expect((await fetch(url, { headers })).status).toBe(401);
    const headers = { Authorization, DPoP };
    expect((await fetch(url, { headers })).status).toBe(200);
    expect((await fetch(url, { headers })).status).toBe(401); // once used
  });
});

/** Another client, with a key of its own, for the same API. */
function makeClientLike({ origins }: { readonly origins: readonly string[] }) {
  const fetchToken = async () =>
    Response.json({ access_token: 'stolen', token_type: 'DPoP', expires_in: 60 });
  return makeClient({
    tokenEndpoint: 'https://auth.example.com/token',
    origins,
    dpop: true,
    fetch: fetchToken,
  });
}

describe('the key', () => {
  it('is one, even if making it was begun twice', async () => {
    let now = 0;
    const prover = new DpopProver({ algorithm: 'ES256', key: undefined, publicKey: undefined }, () => now);
    const request = { method: 'GET', url: new URL('https://inventory.example.com/') };
    const first = prover.prove(request);
    now = 60_000; // as after a freeze
    const proofs = [await prover.prove(request), await first, await prover.prove(request)];
    expect(new Set(proofs.map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(1);
  });

  const keys: Readonly<Record<string, () => Promise<ClientDpopOptions>>> = {
    'that the client makes': async () => ({}),
    'in PEM': async () => ({
      key: await exportPKCS8((await generateKeyPair('ES256', { extractable: true })).privateKey),
    }),
    'as a JWK': async () => ({
      key: await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey),
    }),
    'as a KeyObject': async () => ({ key: generateKeyPairSync('ed25519').privateKey }),
    'as a CryptoKey': async () => ({
      key: (await generateKeyPair('PS256', { extractable: true })).privateKey,
    }),
    "that can't be exported": async () => ({ key: await generateKeyPair('ES256', { extractable: false }) }),
    ...Object.fromEntries(
      ALGORITHMS.map((algorithm) => [`for ${algorithm}`, async () => ({ algorithm })] as const),
    ),
  };
  it.each(Object.entries(keys))('%s proves possession', { tags: ['CLI-07'] }, async (_, options) => {
    const issuer = await createTestIssuer();
    const origin = await startInventory({ ...issuer.options, dpop: 'required' });
    const dpop = await options();
    const seen: string[] = [];
    const client = makeClient({
      tokenEndpoint: 'https://auth.example.com/token',
      origins: [origin],
      dpop,
      async fetch(input, init) {
        const proof = new Headers(init?.headers).get('dpop');
        if (proof !== null) seen.push(proof);
        if (!String(input).startsWith('https://auth.example.com')) return fetch(input, init);
        const { jwk } = decodeProtectedHeader(proof ?? '');
        const jkt = await thumbprint(jwk);
        const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt } });
        return Response.json({ access_token: token, token_type: 'DPoP', expires_in: 60 });
      },
    });
    for (const sku of ['1', '2']) expect((await client.fetch(`${origin}/stock/${sku}`)).status).toBe(200);
    expect(new Set(seen.map((proof) => decodeJwt(proof).jti)).size).toBe(3);
    expect(new Set(seen.map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(1);
    for (const proof of seen) expect(Object.keys(decodeProtectedHeader(proof).jwk ?? {})).not.toContain('d');
    expect(inspect(client, { depth: 9, showHidden: true })).not.toMatch(/PRIVATE|\bd:/);
  });

  it.each([
    ['yes', 'option "dpop" takes true, false or an object, got string'],
    [{ algorithm: 'HS256' }, 'option "dpop.algorithm" takes'],
    [{ key: 'no key' }, 'option "dpop.key" takes a private key'],
    [{ key: 7 }, 'option "dpop.key" takes a private key'],
    [{ keys: [] }, 'unknown option "keys" in dpop'],
    [
      { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, algorithm: 'RS256' },
      'option "dpop.algorithm" takes ES256 for this key',
    ],
    [{ key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey }, 'less than 2048 bits'],
    [{ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey }, 'takes a private key'],
  ])('is refused at once: %#', (dpop, message) => {
    expect(() =>
      makeClient({ tokenEndpoint: 'https://auth.example.com/token', dpop: dpop as never }),
    ).toThrow(message);
  });

  it("that can't be exported needs its public part", async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: false });
    const make = (key: unknown) =>
      makeClient({ tokenEndpoint: 'https://auth.example.com/token', dpop: { key } as never });
    expect(() => make(privateKey)).toThrow(
      'option "dpop.key" can\'t be exported: give { privateKey, publicKey }',
    );
    expect(() => make({ privateKey })).toThrow('dpop.key.publicKey');
    expect(() => make({ privateKey, publicKey: privateKey })).toThrow('dpop.key.publicKey');
    expect(() => make({ privateKey, publicKey })).not.toThrow();
  });
});

async function thumbprint(jwk: unknown): Promise<string> {
  const { calculateJwkThumbprint } = await import('jose');
  return calculateJwkThumbprint(jwk as never);
}

describe('the token endpoint', () => {
  it('that issues a bearer token all the same is refused', { tags: ['CLI-09'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const client = makeClient({ tokenEndpoint: endpoint.url, dpop: true });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'token_not_bound', transient: false });
  });

  it('that issues a bound token to a client without the option is refused', {
    tags: ['CLI-09'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const client = makeClient({ tokenEndpoint: endpoint.url });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'unsupported_token_type' });
  });

  it('gets one more attempt with its nonce, and no third', { tags: ['CLI-17'] }, async () => {
    const endpoint = await startTokenEndpoint();
    let count = 0;
    const wantNonce = status(400, { error: 'use_dpop_nonce' });
    endpoint.script((response) => {
      count += 1;
      response.setHeader('DPoP-Nonce', `nonce-${count}`);
      wantNonce(response);
    });
    const client = makeClient({ tokenEndpoint: endpoint.url, dpop: true });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'refused', error: 'use_dpop_nonce' });
    const nonces = endpoint.requests.map(({ headers }) => decodeJwt(String(headers.dpop)).nonce);
    expect(nonces).toEqual([undefined, 'nonce-1']);
  });
});

const nonceIn = (init: RequestInit | undefined) =>
  decodeJwt(new Headers(init?.headers).get('dpop') ?? '').nonce;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * A token endpoint, and an API, that takes each of its nonces once.
 *
 * @param before called with each request
 */
function oneTimeNonces(before: () => Promise<void>): typeof fetch {
  const unused = new Set<unknown>();
  let count = 0;
  return async (_url, init) => {
    await before();
    const isGood = unused.delete(nonceIn(init));
    count += 1;
    const nonce = `n${count}`;
    unused.add(nonce);
    const error = 'use_dpop_nonce';
    const answer = isGood ? { access_token: nonce, token_type: 'DPoP', expires_in: 600 } : { error };
    // The head of each answer comes before the body of any.
    const body = new ReadableStream({
      async start(controller) {
        await turn();
        controller.enqueue(new TextEncoder().encode(JSON.stringify(answer)));
        controller.close();
      },
    });
    const isTokenRequest = init?.method === 'POST';
    const headers = { 'DPoP-Nonce': nonce, 'WWW-Authenticate': `DPoP error="${error}"` };
    return new Response(body, { status: isGood ? 200 : isTokenRequest ? 400 : 401, headers });
  };
}

/** Holds the second request until it's released. */
function holdSecond() {
  let count = 0;
  let begin = () => {};
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const hold = async (): Promise<void> => {
    count += 1;
    if (count !== 2) return;
    begin();
    await released;
  };
  return { held: Object.assign(hold, { begun }), release: () => release() };
}

describe('nonces of the token endpoint', () => {
  function exchangeWith(answer: typeof fetch) {
    const exchange = createTokenExchange({
      tokenEndpoint: 'https://auth.example.com/token',
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      dpop: true,
      random: () => 0,
      fetch: answer,
    });
    onTestFinished(() => exchange.close());
    return exchange;
  }
  const wantNonce = (fields: Record<string, string>) =>
    Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers: fields });

  it('may be good for one request each: concurrent ones use their own', { tags: ['CLI-17'] }, async () => {
    const exchange = exchangeWith(oneTimeNonces(async () => turn()));
    const call = (index: number) => exchange.for({ token: `caller-${index}` }).getToken();
    await Promise.all(Array.from({ length: 100 }, (_, index) => call(index)));
  });

  it("may be good for one request each: no other one uses a second attempt's", {
    tags: ['CLI-17'],
  }, async () => {
    const { held, release } = holdSecond();
    const exchange = exchangeWith(oneTimeNonces(held));
    const first = exchange.for({ token: 'one' }).getToken();
    await held.begun;
    await exchange.for({ token: 'two' }).getToken();
    release();
    expect((await first).tokenType).toBe('DPoP');
  });

  it('are remembered if the answer to the second attempt has none', { tags: ['CLI-17'] }, async () => {
    const sent: unknown[] = [];
    const client = makeClient({
      tokenEndpoint: 'https://auth.example.com/token',
      dpop: true,
      async fetch(_url, init) {
        sent.push(nonceIn(init));
        if (sent.length === 1) return wantNonce({ 'DPoP-Nonce': 'n1' });
        return Response.json({ access_token: `token-${sent.length}`, token_type: 'DPoP', expires_in: 600 });
      },
    });
    client.dropToken((await client.getToken()).accessToken);
    await client.getToken();
    expect(sent).toEqual([undefined, 'n1', 'n1']);
  });

  it('may be followed by white space, as Node leaves it', { tags: ['CLI-17'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script((response) => {
      response.writeHead(400, { 'DPoP-Nonce': 'theirs \t' }).end('{"error":"use_dpop_nonce"}');
    }, bound());
    const api = await startApi((_call, response) => {
      response.setHeader('DPoP-Nonce', 'its ').end();
    });
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    await client.fetch(api.origin);
    await client.fetch(api.origin);
    const sent = [...endpoint.requests, ...api.calls].map(({ headers }) => decodeJwt(String(headers.dpop)));
    expect(sent.map(({ nonce }) => nonce)).toEqual([undefined, 'theirs', undefined, 'its']);
  });

  it.each<[string, Record<string, string>]>([
    ['without the field', {}],
    ['with a field that is no nonce', { 'DPoP-Nonce': 'a "b"' }],
  ])('are not asked for twice %s', { tags: ['CLI-17'] }, async (_what, fields) => {
    let requests = 0;
    const client = makeClient({
      tokenEndpoint: 'https://auth.example.com/token',
      dpop: true,
      async fetch() {
        requests += 1;
        return wantNonce(fields);
      },
    });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'refused', error: 'use_dpop_nonce' });
    expect(requests).toBe(1);
  });
});

describe('nonces of the API', () => {
  const nonceOf = (headers: Record<string, unknown>) => decodeJwt(String(headers.dpop)).nonce;
  const refuse =
    (nonce: string): Answer =>
    (_call, response) => {
      const challenge = 'DPoP error="use_dpop_nonce", algs="ES256"';
      response.writeHead(401, { 'WWW-Authenticate': challenge, 'DPoP-Nonce': nonce }).end();
    };

  it("are kept apart from the authorization server's", { tags: ['CLI-17'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script((response) => {
      response.setHeader('DPoP-Nonce', 'of-the-server');
      bound()(response);
    });
    const api = await startApi();
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    await client.fetch(api.origin);
    expect(nonceOf(api.calls[0]?.headers ?? {})).toBeUndefined();
  });

  it.each([
    ['a call without a body', {}, 2],
    ['a call with a text', { method: 'POST', body: 'text' }, 2],
    ['a call with a stream', { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' }, 1],
  ])('are used for %s', { tags: ['CLI-17'] }, async (_, init, calls) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const api = await startApi((call, response) =>
      (nonceOf(call.headers) === 'n1' ? ok : refuse('n1'))(call, response),
    );
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    expect((await client.fetch(api.origin, init as RequestInit)).status).toBe(calls === 2 ? 200 : 401);
    expect(api.calls).toHaveLength(calls);
    expect((await client.fetch(api.origin)).status).toBe(200); // remembered
    expect(api.calls).toHaveLength(calls + 1);
    expect(endpoint.requests).toHaveLength(1);
  });

  it("may be good for one call each: no other one uses a second attempt's", {
    tags: ['CLI-17'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const { held, release } = holdSecond();
    const origins = ['https://inventory.example.com'];
    const answer = oneTimeNonces(held);
    const client = makeClient({
      tokenEndpoint: endpoint.url,
      origins,
      dpop: true,
      fetch: (input, init) => (String(input) === endpoint.url ? fetch(input, init) : answer(input, init)),
    });
    const first = client.fetch(`${origins}/1`);
    await held.begun;
    expect((await client.fetch(`${origins}/2`)).status).toBe(200);
    release();
    expect((await first).status).toBe(200);
  });

  it('cost one more attempt each, and no third', { tags: ['CLI-17'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    let count = 0;
    const api = await startApi((call, response) => refuse(`n${count++}`)(call, response));
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    expect((await client.fetch(api.origin)).status).toBe(401);
    expect(api.calls).toHaveLength(2);
    expect(endpoint.requests).toHaveLength(1);
  });

  it('may change while many calls are under way', { tags: ['CLI-17'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    let count = 0;
    // The last nonce and the one before are good.
    const api = await startApi((call, response) => {
      const current = Math.floor(count++ / 600);
      const sent = nonceOf(call.headers);
      const isGood = sent === `n${current}` || sent === `n${current - 1}`;
      if (!isGood) return refuse(`n${current}`)(call, response);
      response.setHeader('DPoP-Nonce', `n${current}`);
      ok(call, response);
    });
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    const statuses = await Promise.all(
      Array.from({ length: repeats(1000) }, async (_, index) => {
        const response = await client.fetch(`${api.origin}/${index}`);
        await response.text();
        return response.status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(endpoint.requests).toHaveLength(1);
  });

  it('are taken from other HTTP clients', { tags: ['CLI-17'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const url = 'https://inventory.example.com/stock/42?limit=1';
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [new URL(url).origin], dpop: true });
    const first = await client.headers({ url, method: 'put' });
    expect(first.Authorization).toBe('DPoP token-1');
    expect(decodeJwt(first.DPoP ?? '')).toMatchObject({
      htm: 'PUT',
      htu: 'https://inventory.example.com/stock/42',
      ath: expect.stringMatching(/^[\w-]{43}$/),
    });
    const authorization = first.Authorization;
    const wantsNonce = { 'www-authenticate': ['Bearer', 'DPoP error="use_dpop_nonce"'] };
    const take = (status: number, headers: Headers | Record<string, string | string[]>) =>
      client.takeAnswer({ url, status, headers, authorization });
    expect(take(401, wantsNonce)).toBe(false);
    expect(take(401, { ...wantsNonce, 'dpop-nonce': 'a b' })).toBe(false);
    expect(take(401, new Headers({ 'WWW-Authenticate': 'DPoP error="invalid_dpop_proof"' }))).toBe(false);
    expect(take(200, { 'dpop-nonce': 'stale' })).toBe(false);
    expect(take(401, { ...wantsNonce, 'dpop-nonce': 'fresh' })).toBe(true);
    const invalid = { 'www-authenticate': 'DPoP error="invalid_token"', 'dpop-nonce': 'theirs' };
    const other = { url: 'https://other.example.com', status: 401, headers: invalid, authorization };
    expect(client.takeAnswer(other)).toBe(false); // of another server, behind a redirect
    expect(endpoint.requests).toHaveLength(1);
    const { DPoP = '' } = await client.headers({ url: new URL(url) });
    expect(decodeJwt(DPoP).nonce).toBe('fresh');
    const refused = { 'www-authenticate': 'DPoP error="invalid_token"', 'dpop-nonce': 'fresh' };
    expect(take(401, refused)).toBe(true);
    expect((await client.headers({ url })).Authorization).toBe('DPoP token-2');
    expect(take(401, {})).toBe(false); // says nothing: the next call gets another token
    expect(() => take(7, {})).toThrow(TypeError);
    await expect(client.headers({ url: 'https://other.example.com' })).rejects.toThrow(TypeError);
    await expect(client.headers({ url: '/stock' })).rejects.toThrow('takes an absolute URL');
  });
});

describe('header fields of other HTTP clients', () => {
  type Fields = ApiAnswer['headers'];
  const challenge = 'DPoP error="use_dpop_nonce", algs="ES256"';
  const lines: [string, string][] = [
    ['www-authenticate', 'Bearer realm="x"'],
    ['www-authenticate', challenge],
    ['DPoP-Nonce', 'n1'],
  ];
  it.each<[string, () => Fields]>([
    ['the global Headers', () => new Headers(lines)],
    ['Headers of the package undici', () => new UndiciHeaders(lines)],
    ['pairs', () => lines],
    ['a Map', () => new Map(Object.entries({ 'WWW-Authenticate': [challenge], 'DPoP-Nonce': 'n1' }))],
    ['AxiosHeaders', () => AxiosHeaders.from({ 'www-authenticate': challenge, 'dpop-nonce': 'n1' }) as never],
    ['a plain object', () => ({ 'www-authenticate': [challenge], 'dpop-nonce': 'n1', other: undefined })],
  ])('are read from %s', { tags: ['CLI-17'] }, async (_what, makeFields) => {
    const url = 'https://inventory.example.com/stock/42';
    const client = makeClientLike({ origins: [new URL(url).origin] });
    const { Authorization: authorization } = await client.headers({ url });
    expect(client.takeAnswer({ url, status: 401, headers: makeFields(), authorization })).toBe(true);
    expect(decodeJwt((await client.headers({ url })).DPoP ?? '').nonce).toBe('n1');
  });

  it('are read from what the fetch of undici answers', { tags: ['CLI-17', 'CLI-18'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const api = await startApi((call, response) => {
      if (decodeJwt(String(call.headers.dpop)).nonce === 'n1') return ok(call, response);
      response.writeHead(401, { 'WWW-Authenticate': challenge, 'DPoP-Nonce': 'n1' }).end();
    });
    const url = `${api.origin}/stock`;
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    const call = async () => {
      const fields = await client.headers({ url });
      const { status, headers, body } = await undiciFetch(url, { headers: { ...fields } });
      await body?.cancel();
      return {
        status,
        again: client.takeAnswer({ url, status, headers, authorization: fields.Authorization }),
      };
    };
    expect([await call(), await call()]).toEqual([
      { status: 401, again: true },
      { status: 200, again: false },
    ]);
  });

  it.each([[undefined], ['www-authenticate: x'], [['dpop-nonce', 'n1']], [[7]]])('are not %j', (headers) => {
    const url = 'https://inventory.example.com/stock/42';
    const client = makeClientLike({ origins: [new URL(url).origin] });
    const answer = { url, status: 401, headers: headers as never, authorization: 'DPoP x' };
    expect(() => client.takeAnswer(answer)).toThrow('option "takeAnswer.headers" takes header fields');
  });
});

describe('a call', () => {
  it('may not bring a proof of its own', async () => {
    const client = makeClientLike({ origins: ['https://inventory.example.com'] });
    await expect(client.fetch('https://inventory.example.com', { headers: { dpop: 'x' } })).rejects.toThrow(
      'the field DPoP is set by this client',
    );
  });

  it('gets another token if the API says so after DPoP', { tags: ['CLI-18'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const api = await startApi((call, response) => {
      if (call.headers.authorization !== 'DPoP token-1') return ok(call, response);
      response.writeHead(401, { 'WWW-Authenticate': 'DPoP error="invalid_token", algs="ES256"' }).end();
    });
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    expect((await client.fetch(api.origin)).status).toBe(200);
    expect(api.calls.map(({ headers }) => headers.authorization)).toEqual(['DPoP token-1', 'DPoP token-2']);
  });

  it('leads to another token for the next one if the API says so after Bearer', {
    tags: ['CLI-18'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(bound());
    const api = await startApi((call, response) => {
      if (call.headers.authorization !== 'DPoP token-1') return ok(call, response);
      response.writeHead(401, { 'WWW-Authenticate': 'Bearer realm="x", error="invalid_token"' }).end();
    });
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true });
    expect((await client.fetch(api.origin)).status).toBe(401);
    expect((await client.fetch(api.origin)).status).toBe(200);
  });
});
