import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { AxiosInstance, AxiosRequestConfig } from 'axios';
import type { Got, OptionsInit } from 'got';
import { decodeJwt } from 'jose';
import { Agent, type Dispatcher, request, fetch as undiciFetch } from 'undici';
import { transformWithOxc } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientCredentials } from '../../src/client/index.js';
import { createClientCertificate } from '../../src/testing/index.js';
import { codeBlocksOf, readPage, root } from '../docs/markdown.js';
import { status } from '../support/misbehaving-issuer.js';
import { ofServer, pemOf } from '../support/tls-server.js';
import { type Answer, type Api, ok, redirectTo, refuseToken, startApi } from './support/api.js';
import { makeClient } from './support/make-client.js';
import { close, grants, listen, startTokenEndpoint, type TokenEndpoint } from './support/token-endpoint.js';

interface Recipes {
  readonly createHttpClient: (credentials: ClientCredentials, baseURL: string) => AxiosInstance;
  readonly createDispatcher: (credentials: ClientCredentials) => Dispatcher;
  readonly createGot: (credentials: ClientCredentials, prefixUrl: string) => Got;
}

let folder: string;
let recipes: Recipes;

/** Runs what docs/client.md shows, and nothing else: the blocks that begin with the name of their file. */
beforeAll(async () => {
  const cache = join(root, 'node_modules/.cache'); // git ignores it, and imports of the samples resolve as in the checkout
  await mkdir(cache, { recursive: true });
  folder = await mkdtemp(join(cache, 'recipes-'));
  const modules = await Promise.all(['axios.ts', 'undici.ts', 'got.ts'].map(load));
  recipes = Object.assign({}, ...modules);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(name: string): Promise<object> {
  const blocks = codeBlocksOf(await readPage('docs/client.md'));
  const block = blocks.find(({ code }) => code.startsWith(`// ${name}\n`));
  if (block === undefined) throw new Error(`docs/client.md does not show ${name}`);
  const path = join(folder, name.replace(/ts$/, 'mjs'));
  await writeFile(path, (await transformWithOxc(block.code, name)).code);
  return import(/* @vite-ignore */ pathToFileURL(path).href);
}

interface Scene {
  readonly endpoint: TokenEndpoint;
  readonly api: Api;
  readonly client: ClientCredentials;
}

async function scene(answer: Answer = ok): Promise<Scene> {
  const endpoint = await startTokenEndpoint();
  const api = await startApi(answer);
  return { endpoint, api, client: makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin] }) };
}

const refusingFirst: Answer = (call, response) =>
  (call.headers.authorization === 'Bearer token-1' ? refuseToken : ok)(call, response);

const tokensOf = ({ calls }: Api) => calls.map(({ headers }) => headers.authorization);

/** An API that sends callers from https to http, on the same host and port. */
async function startDowngradingApi() {
  const seen: unknown[] = [];
  const see = (scheme: string, { authorization, dpop }: IncomingHttpHeaders) =>
    seen.push([scheme, authorization, typeof dpop]);
  const plain = createServer(({ headers }, response) => {
    see('http', headers);
    response.end('ok');
  });
  const { privateKey: key, certificate: cert } = ofServer;
  const secure = createSecureServer({ key, cert }, ({ headers }, response) => {
    see('https', headers);
    response.writeHead(302, { Location: `http://${headers.host}/plain`, Connection: 'close' }).end();
  });
  // The first byte of a TLS connection is that of a handshake (RFC 8446 §5.1).
  const both = createNetServer((socket) => {
    socket.once('data', (first) => {
      socket.pause();
      (first[0] === 22 ? secure : plain).emit('connection', socket);
      socket.unshift(first);
      socket.resume();
    });
  });
  await new Promise<void>((resolve) => {
    both.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    both.close();
  });
  return { port: (both.address() as AddressInfo).port, seen }; // it listens on TCP
}

function formOf(value: string): FormData {
  const form = new FormData();
  form.set('value', value);
  return form;
}

/** What a library throws, with everything that it says of the reason. */
async function thrownBy(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    () => 'nothing',
    (error: unknown) => error,
  );
}

describe('axios', () => {
  it('sends the token, and a body', async () => {
    const { api, client } = await scene();
    const http = recipes.createHttpClient(client, api.origin);
    expect((await http.post('/orders', { sku: 42 })).data).toBe('ok');
    expect(api.calls).toMatchObject([{ method: 'POST', path: '/orders', body: '{"sku":42}' }]);
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
  });

  it('gets another token when one is refused', { tags: ['CLI-18'] }, async () => {
    const { api, client } = await scene(refusingFirst);
    const http = recipes.createHttpClient(client, api.origin);
    expect((await http.post('/orders', { sku: 42 })).status).toBe(200);
    expect(api.calls.map(({ body }) => body)).toEqual(['{"sku":42}', '{"sku":42}']);
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('leaves the token behind on the way to another origin', { tags: ['CLI-19'] }, async () => {
    const elsewhere = await startApi();
    const { api, client } = await scene(redirectTo(302, elsewhere.origin));
    expect((await recipes.createHttpClient(client, api.origin).get('/')).data).toBe('ok');
    expect(tokensOf(elsewhere)).toEqual([undefined]);
  });

  it('leaves it behind on the way from https to http, too', { tags: ['CLI-19'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const { port, seen } = await startDowngradingApi();
    const origin = `https://localhost:${port}`;
    const certificate = pemOf(await createClientCertificate()); // with it, the client trusts the server's
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [origin], certificate });
    expect((await recipes.createHttpClient(client, origin).get('/')).data).toBe('ok');
    expect(seen).toEqual([
      ['https', 'Bearer token-1', 'undefined'],
      ['http', undefined, 'undefined'],
    ]);
  });

  it('says why there is no token', async () => {
    const { api, endpoint, client } = await scene();
    endpoint.script(status(400, { error: 'invalid_scope' }));
    const error = await thrownBy(recipes.createHttpClient(client, api.origin).get('/'));
    expect(error).toMatchObject({ isAxiosError: true, cause: { reason: 'refused', error: 'invalid_scope' } });
  });
});

describe('axios shows the error of the client, and not "Network Error"', () => {
  const send = async (answer: Answer, path: (api: Api) => string, config: AxiosRequestConfig = {}) => {
    const { api, client } = await scene(answer);
    const error = await thrownBy(recipes.createHttpClient(client, api.origin).get(path(api), config));
    return { error, api };
  };

  it('for another origin than the configured ones', { tags: ['CLI-19'] }, async () => {
    const { error, api } = await send(ok, () => 'https://api-2.example.com/stock?token=hunter2');
    const message = `the access token goes only to ${api.origin}; add https://api-2.example.com to the option "origins"`;
    expect(error).toMatchObject({ isAxiosError: true, message, cause: { name: 'TypeError' } });
  });

  it('for an Authorization field of the caller', async () => {
    const headers = { Authorization: 'Basic hunter2' };
    const { error } = await send(ok, () => '/', { headers });
    expect(error).toMatchObject({
      message: expect.stringMatching(/^the field Authorization is set by this client/),
    });
  });

  it('for a client without origins', { tags: ['CLI-19'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const client = makeClient({ tokenEndpoint: endpoint.url });
    const error = await thrownBy(recipes.createHttpClient(client, 'https://a.example').get('/stock'));
    expect(error).toMatchObject({ message: expect.stringContaining('origins: ["https://a.example"]') });
  });

  it.each<[string, Answer, string]>([
    ['too many of them', redirectTo(302, '/again'), 'too many redirects'],
    ['one to another scheme', redirectTo(302, 'ftp://a.example'), 'a scheme other than'],
    ['one to no URL', redirectTo(302, 'http://['), 'has no valid URL'],
  ])('for redirects: %s', async (_what, answer, text) => {
    const { error } = await send(answer, () => '/');
    expect(error).toMatchObject({ message: expect.stringContaining(text) });
  });

  it('for a token that cannot be had', async () => {
    const { api, endpoint, client } = await scene();
    endpoint.script(status(400, { error: 'invalid_scope' }));
    expect(await thrownBy(recipes.createHttpClient(client, api.origin).get('/'))).toMatchObject({
      message: 'The authorization server refused the request for an access token (invalid_scope)',
    });
  });

  it('but not for a network that is one', async () => {
    const endpoint = await startTokenEndpoint();
    const server = createServer();
    const origin = await listen(server);
    await close(server);
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [origin] });
    expect(await thrownBy(recipes.createHttpClient(client, origin).get('/'))).toMatchObject({
      message: 'Network Error',
      cause: { code: 'ECONNREFUSED' },
    });
  });
});

describe('undici', () => {
  async function dispatcherOf(client: ClientCredentials): Promise<Dispatcher> {
    const dispatcher = recipes.createDispatcher(client);
    onTestFinished(() => dispatcher.destroy());
    return dispatcher;
  }

  it('sends the token, and a body', async () => {
    const { api, client } = await scene();
    const dispatcher = await dispatcherOf(client);
    const { body } = await request(`${api.origin}/orders`, { dispatcher, method: 'POST', body: 'order' });
    expect(await body.text()).toBe('ok');
    expect(api.calls).toMatchObject([{ method: 'POST', path: '/orders', body: 'order' }]);
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
  });

  it.each([
    ['an object', { 'x-trace': '7' }],
    ['a list', ['x-trace', '7']],
    ['pairs', new Map([['x-trace', '7']])],
  ])('keeps header fields that are %s', async (_what, headers) => {
    const { api, client } = await scene();
    await request(api.origin, { dispatcher: await dispatcherOf(client), headers });
    expect(api.calls[0]?.headers).toMatchObject({ 'x-trace': '7', authorization: 'Bearer token-1' });
  });

  it('works for its fetch, and for the global one', async () => {
    const { api, client } = await scene();
    const dispatcher = await dispatcherOf(client);
    expect(await (await undiciFetch(api.origin, { dispatcher })).text()).toBe('ok');
    // Node's fetch takes dispatchers of another copy of undici, whose declarations differ.
    const init = { dispatcher, headers: { 'x-trace': '7' } } as unknown as RequestInit;
    expect(await (await fetch(api.origin, init)).text()).toBe('ok');
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-1']);
  });

  it.each([
    ['this API', (api: Api) => api.origin],
    ['another one', () => 'https://api-2.example.com'],
  ])('says so if undici is too old for it, or a fetch: for %s', async (_what, origin) => {
    const { api, client } = await scene();
    const compose = vi.spyOn(Agent.prototype, 'compose');
    onTestFinished(() => compose.mockRestore());
    await dispatcherOf(client);
    const [intercept] = compose.mock.calls[0]?.flat() ?? [];
    // What undici 6 calls with, and undici 8 on behalf of the fetch of an older Node.
    const handler = {
      onConnect() {},
      onHeaders: () => true,
      onData: () => true,
      onComplete() {},
      onError() {},
    };
    const dispatch = vi.fn(() => true);
    const send = intercept?.(dispatch);
    expect(() => send?.({ origin: origin(api), path: '/', method: 'GET' }, handler)).toThrow(
      'this dispatcher needs undici 7 or 8, for the global fetch undici 7',
    );
    expect(dispatch).not.toHaveBeenCalled();
  });

  it('gets another token for the next request when one is refused', { tags: ['CLI-18'] }, async () => {
    const { api, client } = await scene(refusingFirst);
    const dispatcher = await dispatcherOf(client);
    const statuses: number[] = [];
    for (let times = 0; times < 2; times += 1) {
      const response = await request(api.origin, { dispatcher });
      await response.body.dump();
      statuses.push(response.statusCode);
    }
    expect(statuses).toEqual([401, 200]);
  });

  it('sends no token to another origin whose path looks like the host of the API', {
    tags: ['CLI-19'],
  }, async () => {
    const elsewhere = await startApi();
    const { api, client } = await scene();
    const { host } = new URL(api.origin);
    const dispatcher = await dispatcherOf(client);
    expect(await (await undiciFetch(`${elsewhere.origin}//${host}/x`, { dispatcher })).text()).toBe('ok');
    expect(await (await undiciFetch(`${api.origin}//other.example/x`, { dispatcher })).text()).toBe('ok');
    expect(tokensOf(elsewhere)).toEqual([undefined]);
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
  });

  it('sends no token to another origin, also after a redirect', { tags: ['CLI-19'] }, async () => {
    const elsewhere = await startApi();
    const { api, client } = await scene(redirectTo(302, elsewhere.origin));
    const dispatcher = await dispatcherOf(client);
    expect(await (await undiciFetch(api.origin, { dispatcher })).text()).toBe('ok');
    await (await request(elsewhere.origin, { dispatcher })).body.dump();
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
    expect(tokensOf(elsewhere)).toEqual([undefined, undefined]);
  });

  it('says why there is no token', async () => {
    const { api, endpoint, client } = await scene();
    endpoint.script(status(400, { error: 'invalid_scope' }));
    const dispatcher = await dispatcherOf(client);
    const failure = { reason: 'refused', error: 'invalid_scope' };
    expect(await thrownBy(request(api.origin, { dispatcher }))).toMatchObject(failure);
    expect(await thrownBy(undiciFetch(api.origin, { dispatcher }))).toMatchObject({ cause: failure });
    expect(api.calls).toHaveLength(0);
  });
});

describe('got', () => {
  it('sends the token, and a body', async () => {
    const { api, client } = await scene();
    const http = recipes.createGot(client, api.origin);
    expect(await http.post('orders', { json: { sku: 42 } }).text()).toBe('ok');
    expect(api.calls).toMatchObject([{ method: 'POST', path: '/orders', body: '{"sku":42}' }]);
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
  });

  it('gets another token when one is refused', { tags: ['CLI-18'] }, async () => {
    const { api, client } = await scene(refusingFirst);
    expect(await recipes.createGot(client, api.origin)('stock/42').text()).toBe('ok');
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it.each<[string, Pick<OptionsInit, 'body' | 'form' | 'method'>]>([
    ['a text', { body: 'order' }],
    ['a buffer', { body: Buffer.from('order') }],
    ['a form', { form: { order: '' } }],
    ['no body', { method: 'DELETE' }],
  ])('sends the same again: %s', { tags: ['CLI-18'] }, async (_what, options) => {
    const { api, client } = await scene(refusingFirst);
    expect(await recipes.createGot(client, api.origin).post('orders', options).text()).toBe('ok');
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(api.calls[1]).toMatchObject({ body: api.calls[0]?.body, method: api.calls[0]?.method });
  });

  it.each<[string, () => OptionsInit['body']]>([
    ['FormData', () => formOf('order')],
    ['a stream', () => Readable.from(['order'])],
    [
      'a generator',
      async function* () {
        yield 'order';
      },
    ],
  ])('gives the 401 back if it cannot send the same again: %s', { tags: ['CLI-18'] }, async (_what, body) => {
    const { api, client } = await scene(refusingFirst);
    const http = recipes.createGot(client, api.origin);
    const timeout = { request: 1000 };
    expect(await thrownBy(http.post('orders', { body: body(), timeout }))).toMatchObject({
      name: 'HTTPError',
      response: { statusCode: 401 },
    });
    expect(await http.post('orders', { body: body(), timeout }).text()).toBe('ok');
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(api.calls[1]?.body).toContain('order');
  });

  it('gets another one once', { tags: ['CLI-18'] }, async () => {
    const { api, client } = await scene(refuseToken);
    const http = recipes.createGot(client, api.origin);
    expect(await thrownBy(http('stock/42'))).toMatchObject({
      name: 'HTTPError',
      response: { statusCode: 401 },
    });
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('leaves the token behind on the way to another origin', { tags: ['CLI-19'] }, async () => {
    const elsewhere = await startApi();
    const { api, client } = await scene(redirectTo(302, elsewhere.origin));
    expect(await recipes.createGot(client, api.origin)('stock/42').text()).toBe('ok');
    expect(tokensOf(elsewhere)).toEqual([undefined]);
  });

  it.each([false, true])(
    'leaves it behind on the way from https to http, too, bound to a key: %s',
    { tags: ['CLI-19'] },
    async (dpop) => {
      const endpoint = await startTokenEndpoint();
      endpoint.script(grants({ token_type: dpop ? 'DPoP' : 'Bearer' }));
      const { port, seen } = await startDowngradingApi();
      const origin = `https://localhost:${port}`;
      const client = makeClient({ tokenEndpoint: endpoint.url, origins: [origin], dpop });
      const https = { certificateAuthority: ofServer.certificate };
      expect(await recipes.createGot(client, origin).extend({ https })('stock/42').text()).toBe('ok');
      const token = dpop ? 'DPoP token-1' : 'Bearer token-1';
      expect(seen).toEqual([
        ['https', token, dpop ? 'string' : 'undefined'],
        ['http', undefined, 'undefined'],
      ]);
    },
  );

  it('says why there is no token', async () => {
    const { api, endpoint, client } = await scene();
    endpoint.script(status(400, { error: 'invalid_scope' }));
    const error = await thrownBy(recipes.createGot(client, api.origin)('stock/42'));
    expect(error).toMatchObject({ cause: { reason: 'refused', error: 'invalid_scope' } });
  });
});

describe('with tokens that are bound to a key', () => {
  const nonceOf = (proof: unknown) => decodeJwt(String(proof)).nonce;
  const wantNonce: Answer = (call, response) => {
    if (nonceOf(call.headers.dpop) === 'n1') return ok(call, response);
    const challenge = 'DPoP error="use_dpop_nonce"';
    response.writeHead(401, { 'WWW-Authenticate': challenge, 'DPoP-Nonce': 'n1' }).end();
  };
  async function boundScene() {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ token_type: 'DPoP' }));
    const api = await startApi(wantNonce);
    return { api, client: makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin], dpop: true }) };
  }
  const sent = ({ calls }: Api) => calls.map(({ headers }) => [headers.authorization, nonceOf(headers.dpop)]);
  const [FIRST, SECOND] = [
    ['DPoP token-1', undefined],
    ['DPoP token-1', 'n1'],
  ];

  it('axios sends a proof, and another one with the nonce', { tags: ['CLI-17'] }, async () => {
    const { api, client } = await boundScene();
    const http = recipes.createHttpClient(client, api.origin);
    expect((await http.post('/orders', { sku: 42 })).data).toBe('ok');
    expect(sent(api)).toEqual([FIRST, SECOND]);
  });

  it('got does, too', { tags: ['CLI-17'] }, async () => {
    const { api, client } = await boundScene();
    expect(
      await recipes
        .createGot(client, api.origin)
        .post('orders', { json: { sku: 42 } })
        .text(),
    ).toBe('ok');
    expect(sent(api)).toEqual([FIRST, SECOND]);
  });

  it('undici has the nonce for the next request', { tags: ['CLI-17'] }, async () => {
    const { api, client } = await boundScene();
    const dispatcher = recipes.createDispatcher(client);
    onTestFinished(() => dispatcher.destroy());
    for (const status of [401, 200]) {
      const { statusCode, body } = await request(`${api.origin}/stock?limit=1`, { dispatcher });
      await body.dump();
      expect(statusCode).toBe(status);
    }
    expect(sent(api)).toEqual([FIRST, SECOND]);
  });
});
