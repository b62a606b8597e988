import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { FormData as UndiciFormData, Request as UndiciRequest, fetch as undiciFetch } from 'undici';
import { describe, expect, it, vi } from 'vitest';
import type { ClientCredentialsOptions } from '../../src/client/index.js';
import { type Answer, ok, redirectTo, refuseToken, startApi } from './support/api.js';
import { makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint } from './support/token-endpoint.js';

type Fetch = typeof fetch;

/** A client for one API, whose path /moved redirects with 307. */
async function scene(answer: Answer = ok, options: Partial<ClientCredentialsOptions> = {}) {
  const endpoint = await startTokenEndpoint();
  if (options.dpop) endpoint.script(grants({ token_type: 'DPoP' }));
  const api = await startApi((call, response) =>
    (call.path === '/moved' ? redirectTo(307, '/new') : answer)(call, response),
  );
  const client = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], ...options });
  return { api, client, endpoint };
}

/** Refuses the first token. */
const refuseOnce: Answer = (call, response) =>
  (call.headers.authorization === 'Bearer token-1' ? refuseToken : ok)(call, response);

/** Its fetch keeps what it gets for the API. */
function recording(through: Fetch = fetch) {
  const seen: RequestInit[] = [];
  const recorded: Fetch = (input, init) => {
    if (!String(input).endsWith('/token')) seen.push(init ?? {});
    return through(input, init);
  };
  return { seen, fetch: recorded };
}

// undici's functions, declared a second time.
const ofUndici = undiciFetch as unknown as Fetch;
const post = (body: RequestInit['body']): RequestInit => ({
  method: 'POST',
  body: body ?? null,
  duplex: 'half',
});

/** A subclass of Request that says something else than it was made with. */
function disguised(said: Readonly<Record<string, unknown>>): typeof Request {
  class Disguised extends Request {}
  for (const [name, value] of Object.entries(said))
    Object.defineProperty(Disguised.prototype, name, { get: () => value });
  return Disguised;
}

describe('a Request that says something else than fetch sends', () => {
  it.each<[string, (sent: string, url: string) => object]>([
    ['its own property', (sent, url) => Object.defineProperty(new Request(sent), 'url', { value: url })],
    ['a subclass', (sent, url) => new (disguised({ url }))(sent)],
    [
      'a subclass with its own clone()',
      (sent, url) => {
        const clone = () => new (disguised({ url, clone }))(sent);
        return clone();
      },
    ],
    [
      'an object that only looks like one',
      (sent, url) => ({ url, method: 'GET', body: null, clone: () => new Request(sent) }),
    ],
    [
      'the Request of another undici',
      (sent, url) => Object.defineProperty(new UndiciRequest(sent), 'url', { value: url }),
    ],
  ])('takes no token to another origin: %s', { tags: ['CLI-19'] }, async (_what, rewrite) => {
    const elsewhere = await startApi();
    for (const fetch of [globalThis.fetch, ofUndici]) {
      const { api, client } = await scene(ok, { fetch });
      // Some aren't Requests.
      const request = rewrite(`${elsewhere.origin}/sent`, `${api.origin}/said`) as Request;
      await client.fetch(request).catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
    }
    expect(elsewhere.calls).toEqual([]);
  });

  it('has the proof of what is sent', { tags: ['CLI-19'] }, async () => {
    const { api, client } = await scene(ok, { dpop: true });
    const Disguised = disguised({ url: `${api.origin}/said`, method: 'GET', headers: new Headers() });
    const sent = { ...post('order'), headers: { 'X-Trace': '7' } };
    await client.fetch(new Disguised(`${api.origin}/sent`, sent));
    const [call] = api.calls;
    expect(call).toMatchObject({ method: 'POST', path: '/sent', body: 'order' });
    expect(call?.headers['x-trace']).toBe('7');
    const proof = decodeJwt(String(call?.headers.dpop));
    expect(proof).toMatchObject({ htm: 'POST', htu: `${api.origin}/sent` });
  });

  it("can't bring its own Authorization field past the check", { tags: ['CLI-19'] }, async () => {
    const Hiding = disguised({ headers: new Headers() });
    const { api, client } = await scene();
    const request = new Hiding(api.origin, { headers: { Authorization: 'Bearer mine' } });
    await expect(client.fetch(request)).rejects.toThrow('the field Authorization is set by this client');
    expect(api.calls).toEqual([]);
  });

  it('has the proof of the method that is read once', async () => {
    let times = 0;
    const method = { toString: () => (times++ === 0 ? 'PUT' : 'DELETE') };
    const { api, client } = await scene(ok, { dpop: true });
    await client.fetch(api.origin, { method: method as unknown as string });
    expect(api.calls.map((call) => [call.method, decodeJwt(String(call.headers.dpop)).htm])).toEqual([
      ['PUT', 'PUT'],
    ]);
  });
});

describe('the second argument of fetch', () => {
  class Getters {
    get method() {
      return 'POST';
    }
    get headers() {
      return { 'Content-Type': 'text/x-order', 'X-Trace': '7' };
    }
    get body() {
      return 'order';
    }
  }
  const members = {
    method: 'POST',
    headers: { 'Content-Type': 'text/x-order', 'X-Trace': '7' },
    body: 'order',
  };

  it.each<[string, () => RequestInit]>([
    ['a Request', () => new Request('https://other.example/', members)],
    ['of a class', () => new Getters()],
    ['an object that inherits', () => Object.create(members)],
    [
      'an object whose members are hidden',
      () =>
        Object.defineProperties(
          {},
          Object.fromEntries(Object.entries(members).map(([name, value]) => [name, { value }])),
        ),
    ],
  ])('may be %s', async (_what, makeInit) => {
    for (const fetch of [globalThis.fetch, ofUndici]) {
      const { api, client } = await scene(ok, { fetch });
      expect((await client.fetch(`${api.origin}/orders`, makeInit())).status).toBe(200);
      expect(api.calls).toMatchObject([{ method: 'POST', path: '/orders', body: 'order' }]);
      expect(api.calls[0]?.headers).toMatchObject({ 'content-type': 'text/x-order', 'x-trace': '7' });
    }
  });

  it('brings along what a platform adds to the standard', async () => {
    const { seen, fetch: recorded } = recording(() => Promise.resolve(new Response('ok')));
    const fetching: Fetch = (input, init) =>
      String(input).endsWith('/token') ? fetch(input, init) : recorded(input, init);
    const { api, client } = await scene(ok, { fetch: fetching });
    const inherited = { dispatcher: 'agent', cf: { cacheTtl: 5 }, tls: {}, proxy: 'http://proxy' };
    const own = { next: { revalidate: 60 }, ofAnotherPlatform: 1 };
    // No declarations know them all.
    const init = Object.assign(Object.create(inherited), own) as RequestInit;
    await client.fetch(api.origin, init);
    expect(seen).toMatchObject([{ ...inherited, ...own }]);
  });

  it('reads each member once', async () => {
    const { api, client } = await scene(refuseOnce);
    let times = 0;
    const init = {
      method: 'POST',
      get body() {
        times += 1;
        return 'order';
      },
    };
    await client.fetch(`${api.origin}/moved`, init);
    expect(api.calls.map(({ body }) => body)).toEqual(['order', 'order', 'order']);
    expect(times).toBe(1);
  });

  it('has to be an object', async () => {
    const { api, client } = await scene();
    await expect(client.fetch(api.origin, 'POST' as RequestInit)).rejects.toBeInstanceOf(TypeError);
    // Declared neither by Node nor by us, but fetch takes it.
    expect((await client.fetch(api.origin, null as unknown as undefined)).status).toBe(200);
  });
});

describe('the credentials of a call', () => {
  // With "same-origin", the undici of Node 24.14 rejects instead of showing the 401 to a stream.
  it.each<[string, (origin: string) => Parameters<Fetch>, RequestInit['credentials']]>([
    ['an address', (origin) => [origin], 'omit'],
    ['a stream', (origin) => [origin, post(new Blob(['stream']).stream())], 'omit'],
    ['a Request', (origin) => [new Request(origin, post('order'))], 'omit'],
    ['a Request beside an address', (origin) => [origin, new Request(origin)], 'omit'],
    ['an address that says so', (origin) => [origin, { credentials: 'include' }], 'include'],
    ['a Request that says so', (origin) => [new Request(origin, { credentials: 'include' })], 'include'],
  ])('for %s', async (_what, makeArguments, credentials) => {
    const { seen, fetch } = recording();
    const { api, client } = await scene(refuseToken, { fetch });
    expect((await client.fetch(...makeArguments(api.origin))).status).toBe(401);
    // A Request's own would be used if there were none beside it.
    const [input] = makeArguments(api.origin);
    const fallback = input instanceof Request ? input.credentials : undefined;
    for (const init of seen) expect(init.credentials ?? fallback).toBe(credentials);
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe('the body of a Request', () => {
  const bodies: [string, () => NonNullable<RequestInit['body']>][] = [
    ['a text', () => 'order'],
    ['parameters', () => new URLSearchParams({ sku: '42' })],
    ['a Blob', () => new Blob(['order'], { type: 'text/x-order' })],
    ['nothing but empty', () => ''],
  ];

  it.each(bodies)('keeps its length and type after a redirect: %s', async (_what, makeBody) => {
    const { api, client } = await scene(refuseOnce);
    expect((await client.fetch(new Request(`${api.origin}/moved`, post(makeBody())))).status).toBe(200);
    const sent = api.calls.map(({ body, headers }) => [
      body,
      headers['content-length'],
      headers['content-type'],
      headers['transfer-encoding'],
    ]);
    expect(sent).toHaveLength(3); // redirected, refused, taken
    expect(new Set(sent.map(String)).size).toBe(1);
    expect(sent[0]?.[1]).toBe(String(sent[0]?.[0]?.length));
  });

  it('can be one of another undici, whose length is kept from the start', async () => {
    const { api, client } = await scene(refuseOnce, { fetch: ofUndici });
    // Declared elsewhere, with the same members.
    const request = new UndiciRequest(`${api.origin}/moved`, { method: 'POST', body: 'order' }) as unknown;
    expect((await client.fetch(request as Request)).status).toBe(200);
    expect(api.calls.map(({ body, headers }) => [body, headers['content-length']])).toEqual(
      [1, 2, 3].map(() => ['order', '5']),
    );
  });

  it('may be read already if another one is given beside it', async () => {
    const { api, client } = await scene(refuseOnce);
    const used = new Request(`${api.origin}/moved`, { ...post('old'), headers: { 'X-Trace': '7' } });
    await used.text();
    await expect(client.fetch(used)).rejects.toBeInstanceOf(TypeError);
    expect((await client.fetch(used, { body: new URLSearchParams({ sku: '42' }) })).status).toBe(200);
    for (const { body, headers } of api.calls) expect([body, headers['x-trace']]).toEqual(['sku=42', '7']);
    expect(api.calls).toHaveLength(3);
  });

  it('given beside it brings its type along', async () => {
    const { api, client } = await scene();
    await client.fetch(new Request(api.origin), post(new URLSearchParams({ sku: '42' })));
    expect(api.calls[0]?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
  });

  it('is still there for another call', async () => {
    const { api, client } = await scene();
    const request = new Request(api.origin, post('order'));
    for (let times = 0; times < 2; times += 1) await client.fetch(request);
    expect(api.calls.map(({ body }) => body)).toEqual(['order', 'order']);
  });
});

describe('integrity', () => {
  const digest = (text: string, kind = 'sha256') =>
    `${kind}-${createHash(kind).update(text).digest('base64')}`;
  const call = {
    'in the options': (url: string, integrity: string): Parameters<Fetch> => [url, { integrity }],
    'in a Request': (url: string, integrity: string): Parameters<Fetch> => [new Request(url, { integrity })],
  };

  it.each([
    ['in the options', '/new'],
    ['in the options', '/moved'],
    ['in a Request', '/new'],
    ['in a Request', '/moved'],
  ] as const)('is about the last answer: %s, %s', async (where, path) => {
    for (const answer of [ok, refuseOnce]) {
      const { api, client } = await scene(answer);
      const fetching = (integrity: string) => client.fetch(...call[where](`${api.origin}${path}`, integrity));
      expect(await (await fetching(digest('ok'))).text()).toBe('ok');
      await expect(fetching(digest('no'))).rejects.toThrow('does not match "integrity"');
      await expect(fetching(digest('elsewhere'))).rejects.toBeInstanceOf(TypeError);
    }
  });
});

it('takes null for no integrity, and only the words of the standard for redirect', {
  tags: ['CLI-19'],
}, async () => {
  const { api, client } = await scene(ok);
  const nothing = { integrity: null } as object;
  expect(await (await client.fetch(`${api.origin}/new`, nothing)).text()).toBe('ok');
  const wrong = { redirect: 'none' } as object;
  await expect(client.fetch(`${api.origin}/moved`, wrong)).rejects.toThrow(
    'it takes follow, error or manual',
  );
});

describe('a body', () => {
  it("can be another undici's form, which is sent again", { tags: ['CLI-18'] }, async () => {
    const { api, client } = await scene(refuseOnce, { fetch: ofUndici });
    const form = new UndiciFormData();
    form.set('sku', '42');
    // Declared elsewhere, with the same members.
    expect((await client.fetch(`${api.origin}/moved`, post(form as unknown as FormData))).status).toBe(200);
    for (const { body } of api.calls) expect(body).toMatch(/name="sku"\r\n\r\n42\r\n/);
    expect(api.calls).toHaveLength(3);
  });

  const address = (origin: string, init: RequestInit): Parameters<Fetch> => [origin, init];
  const inRequest = (origin: string, init: RequestInit): Parameters<Fetch> => [new Request(origin, init)];
  it.each([
    ['before the call', 'the options', address],
    ['before the call', 'a Request', inRequest],
    ['while it waits for a token', 'the options', address],
    ['while it waits for a token', 'a Request', inRequest],
  ])('that is a stream is cancelled by a signal that is aborted %s, in %s', async (when, _where, given) => {
    const { api, client, endpoint } = await scene();
    endpoint.script(() => undefined); // answers nothing
    const cancel = vi.fn<() => void>();
    const body = new ReadableStream({ cancel });
    const controller = new AbortController();
    if (when === 'before the call') controller.abort();
    const call = client.fetch(...given(api.origin, { ...post(body), signal: controller.signal }));
    if (when !== 'before the call') await endpoint.reached(1);
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitUntil(() => cancel.mock.calls.length === 1, { interval: 1 });
    expect(api.calls).toEqual([]);
  });

  it('that is a stream stays open if there is no token: another call may send it', async () => {
    const { api, client, endpoint } = await scene();
    endpoint.script((response) => response.writeHead(400).end(), grants());
    const body = new Blob(['order']).stream();
    await expect(client.fetch(api.origin, post(body))).rejects.toMatchObject({ status: 400 });
    expect((await client.fetch(api.origin, post(body))).status).toBe(200);
    expect(api.calls).toMatchObject([{ body: 'order' }]);
  });
});
