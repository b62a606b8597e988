import { Readable } from 'node:stream';
import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import type { ClientCredentials } from '../../src/client/index.js';
import { hang, json, status } from '../support/misbehaving-issuer.js';
import { type Answer, type Api, ok, redirectTo, refuseToken, startApi } from './support/api.js';
import { failureOf, makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint, type TokenEndpoint } from './support/token-endpoint.js';

interface Scene {
  readonly endpoint: TokenEndpoint;
  readonly api: Api;
  readonly client: ClientCredentials;
}

/** A client for one API. */
async function scene(answer: Answer = ok): Promise<Scene> {
  const endpoint = await startTokenEndpoint();
  const api = await startApi(answer);
  return { endpoint, api, client: makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin] }) };
}

/** Takes every token but these. */
function refusing(...tokens: readonly string[]): Answer {
  return (call, response) => {
    const token = call.headers.authorization?.replace('Bearer ', '') ?? 'none';
    (tokens.includes(token) ? refuseToken : ok)(call, response);
  };
}

const tokensOf = ({ calls }: Api) => calls.map(({ headers }) => headers.authorization);

describe('fetch', () => {
  it('sends the token, and gives the answer as it is', { tags: ['CLI-20'] }, async () => {
    const { api, client } = await scene((_call, response) => {
      response.writeHead(418, { 'X-Teapot': 'yes' }).end('short and stout');
    });
    const response = await client.fetch(`${api.origin}/stock/42?full#part`);
    expect(response).toMatchObject({
      status: 418,
      redirected: false,
      url: `${api.origin}/stock/42?full`,
    });
    expect(response.headers.get('x-teapot')).toBe('yes');
    expect(await response.text()).toBe('short and stout');
    expect(api.calls).toMatchObject([{ method: 'GET', path: '/stock/42?full', body: '' }]);
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
  });

  it('can be passed on as a function', async () => {
    const { api, client } = await scene();
    const { fetch } = client;
    expect((await fetch(new URL('/a', api.origin))).status).toBe(200);
  });

  it.each<[string, () => RequestInit, string, string | undefined]>([
    ['a string', () => ({ body: 'text' }), 'text', 'text/plain;charset=UTF-8'],
    [
      'parameters',
      () => ({ body: new URLSearchParams({ a: '1 2' }) }),
      'a=1+2',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['bytes', () => ({ body: new TextEncoder().encode('bytes') }), 'bytes', undefined],
    ['a blob', () => ({ body: new Blob(['blob'], { type: 'text/x-blob' }) }), 'blob', 'text/x-blob'],
    ['a stream', () => ({ body: streamOf('stream'), duplex: 'half' }), 'stream', undefined],
  ])('sends a body that is %s', async (_what, init, body, type) => {
    const { api, client } = await scene();
    await client.fetch(`${api.origin}/orders`, { method: 'POST', ...init() });
    expect(api.calls).toMatchObject([{ method: 'POST', body }]);
    expect(api.calls[0]?.headers['content-type']).toBe(type);
  });

  it('sends a Request with everything that is in it', async () => {
    const { api, client } = await scene();
    const request = new Request(`${api.origin}/orders`, {
      method: 'PUT',
      headers: { 'X-Trace': '7', 'Content-Type': 'application/json' },
      body: '{"sku":42}',
    });
    expect((await client.fetch(request)).status).toBe(200);
    expect(api.calls).toMatchObject([{ method: 'PUT', path: '/orders', body: '{"sku":42}' }]);
    expect(api.calls[0]?.headers).toMatchObject({
      authorization: 'Bearer token-1',
      'x-trace': '7',
      'content-type': 'application/json',
      'content-length': '10',
    });
  });

  it.each(['/stock', '/redirected'])(
    'takes undefined beside a Request for what is not given: %s',
    async (path) => {
      const seen: (AbortSignal | null | undefined)[] = [];
      const endpoint = await startTokenEndpoint();
      const api = await startApi((call, response) =>
        (call.path === '/redirected' ? redirectTo(307, '/stock') : ok)(call, response),
      );
      const client = makeClient({
        tokenEndpoint: endpoint.url,
        origins: [api.origin],
        fetch: (input, init) => {
          if (String(input) !== endpoint.url)
            seen.push(init?.signal ?? (input instanceof Request ? input.signal : undefined));
          return fetch(input, init);
        },
      });
      const controller = new AbortController();
      const given = { method: 'PUT', headers: { 'X-Trace': '7' }, body: 'order', signal: controller.signal };
      const nothing = { method: undefined, headers: undefined, body: undefined, signal: undefined };
      const more = { redirect: undefined, duplex: undefined, credentials: undefined, dispatcher: undefined };
      // What JavaScript and TypeScript without exactOptionalPropertyTypes may pass.
      const init = { ...nothing, ...more } as unknown as RequestInit;
      expect((await client.fetch(new Request(`${api.origin}${path}`, given), init)).status).toBe(200);
      for (const { method, body, headers } of api.calls)
        expect([method, body, headers['x-trace']]).toEqual(['PUT', 'order', '7']);
      controller.abort();
      expect(seen.map((signal) => signal?.aborted)).toEqual(seen.map(() => true));
      expect(seen).toHaveLength(path === '/stock' ? 1 : 2);
    },
  );

  it('lets what is beside a Request win over what is in it', async () => {
    const { api, client } = await scene();
    const request = new Request(`${api.origin}/orders`, { method: 'PUT', headers: { a: '1' }, body: 'old' });
    await client.fetch(request, { method: 'POST', headers: { b: '2' }, body: 'new' });
    expect(api.calls).toMatchObject([{ method: 'POST', body: 'new' }]);
    expect(api.calls[0]?.headers).toMatchObject({ b: '2', authorization: 'Bearer token-1' });
    expect(api.calls[0]?.headers).not.toHaveProperty('a');
  });

  it.each<[string, (origin: string) => Parameters<ClientCredentials['fetch']>]>([
    ['an Authorization field', (origin) => [origin, { headers: { authorization: 'Bearer mine' } }]],
    ['an Authorization field in a list', (origin) => [origin, { headers: [['AUTHORIZATION', 'x']] }]],
    [
      'a Request with an Authorization field',
      (origin) => [new Request(origin, { headers: { Authorization: 'x' } })],
    ],
    ['another origin', () => ['https://evil.example/']],
    ['another port', (origin) => [`${origin}1/`]],
    ['another scheme', (origin) => [origin.replace('http:', 'https:')]],
    ['a host that looks like it', (origin) => [`${origin}@evil.example/`]],
    ['a path', () => ['/stock/42']],
    ['data', () => ['data:text/plain,hello']],
    ['a Request for another origin', () => [new Request('https://evil.example/')]],
  ])('refuses %s, before anything is sent', { tags: ['CLI-19'] }, async (_what, makeArguments) => {
    const { api, endpoint, client } = await scene();
    await expect(client.fetch(...makeArguments(api.origin))).rejects.toBeInstanceOf(TypeError);
    expect(api.calls).toHaveLength(0);
    expect(endpoint.requests).toHaveLength(0);
  });

  it('says what is missing if no origin is known', { tags: ['CLI-19'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const client = makeClient({ tokenEndpoint: endpoint.url, resource: 'urn:example:inventory' });
    await expect(client.fetch('https://inventory.example.com/')).rejects.toThrow(
      'the option "origins" is missing, which says where the access token may go: origins: ["https://inventory.example.com"]',
    );
  });

  it('sends it to each of the configured origins', { tags: ['CLI-19'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const apis = [await startApi(), await startApi()];
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: apis.map(({ origin }) => origin) });
    for (const { origin } of apis) await client.fetch(origin);
    expect(apis.flatMap(tokensOf)).toEqual(['Bearer token-1', 'Bearer token-1']);
    expect(endpoint.requests).toHaveLength(1);
    expect(client.origins).toEqual(apis.map(({ origin }) => origin));
  });

  it('sends it over plain http to the one origin that is named, and to no other', {
    tags: ['CLI-19'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    const api = await startApi();
    const origin = 'http://inventory.internal:8080';
    const client = makeClient({
      tokenEndpoint: endpoint.url,
      origins: [origin],
      allowInsecureRequests: [origin],
      fetch: (input, init) => globalThis.fetch(String(input).replace(origin, api.origin), init),
    });
    expect((await client.fetch(`${origin}/stock`)).status).toBe(200);
    expect(tokensOf(api)).toEqual(['Bearer token-1']);
    for (const other of ['http://inventory.internal', 'http://inventory.internal:8081', 'http://a.internal'])
      await expect(client.fetch(other)).rejects.toThrow(`only to ${origin};`);
    expect(api.calls).toHaveLength(1);
  });

  it.each([
    ['http://inventory.internal:8080', 'a named origin', 200],
    ['http://auth.internal', 'another origin', undefined],
  ])('%s as token endpoint of the metadata: %s', { tags: ['CLI-21'] }, async (origin, _what, status) => {
    const named = 'http://inventory.internal:8080';
    const endpoint = await startTokenEndpoint();
    const metadata = { issuer: endpoint.issuer, token_endpoint: `${origin}/token` };
    endpoint.page('/.well-known/oauth-authorization-server', json(metadata));
    const client = makeClient({
      issuer: endpoint.issuer,
      allowInsecureRequests: [named],
      fetch: (input, init) => globalThis.fetch(String(input).replace(named, endpoint.issuer), init),
    });
    if (status === 200) expect((await client.getToken()).accessToken).toBe('token-1');
    else expect(await failureOf(client.getToken())).toMatchObject({ reason: 'metadata_invalid' });
    expect(endpoint.requests).toHaveLength(status === 200 ? 1 : 0);
  });

  it('fails as getToken does when there is no token', async () => {
    const { api, endpoint, client } = await scene();
    endpoint.script(status(400, { error: 'invalid_client' }));
    await expect(client.fetch(api.origin)).rejects.toMatchObject({
      reason: 'refused',
      error: 'invalid_client',
    });
    client.close();
    await expect(client.fetch(api.origin)).rejects.toMatchObject({ reason: 'closed' });
    expect(api.calls).toHaveLength(0);
  });

  it.each<[string, (origin: string, signal: AbortSignal) => Parameters<ClientCredentials['fetch']>]>([
    ['in the options', (origin, signal) => [origin, { signal }]],
    ['in a Request', (origin, signal) => [new Request(origin, { signal })]],
  ])('heeds a signal %s while it waits for a token, and for the answer', async (_where, makeArguments) => {
    const { api, endpoint, client } = await scene((call, response) => {
      if (call.path !== '/hang') ok(call, response);
    });
    endpoint.script(hang, grants());
    const waiting = new AbortController();
    const call = client.fetch(...makeArguments(api.origin, waiting.signal));
    await endpoint.reached(1);
    waiting.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(api.calls).toHaveLength(0);

    const other = makeClient({ tokenEndpoint: endpoint.url, origins: [api.origin] });
    await other.getToken();
    const calling = new AbortController();
    const hanging = other.fetch(...makeArguments(`${api.origin}/hang`, calling.signal));
    calling.abort();
    await expect(hanging).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('a token that the API refuses', () => {
  it('is dropped, and the call is made once more with another', { tags: ['CLI-18'] }, async () => {
    const { api, endpoint, client } = await scene(refusing('token-1'));
    const response = await client.fetch(`${api.origin}/orders`, { method: 'POST', body: 'order' });
    expect(await response.text()).toBe('ok');
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(api.calls.map(({ body }) => body)).toEqual(['order', 'order']);
    expect(endpoint.requests).toHaveLength(2);
  });

  it('is replaced once: the second refusal is the answer', { tags: ['CLI-18'] }, async () => {
    const { api, endpoint, client } = await scene(refuseToken);
    const response = await client.fetch(api.origin);
    expect(response.status).toBe(401);
    expect(await response.text()).toBe('no');
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(endpoint.requests).toHaveLength(2);
  });

  it('does not cause a token request per call when the API refuses every token', {
    tags: ['CLI-18'],
  }, async () => {
    const { api, endpoint, client } = await scene(refuseToken);
    for (let times = 0; times < 20; times += 1) expect((await client.fetch(api.origin)).status).toBe(401);
    expect(api.calls).toHaveLength(21);
    expect(endpoint.requests).toHaveLength(2);
  });

  it('is replaced again and again if each replacement works', { tags: ['CLI-18'] }, async () => {
    const refused: string[] = [];
    const { api, endpoint, client } = await scene((call, response) => refusing(...refused)(call, response));
    for (let times = 1; times <= 5; times += 1) {
      expect((await client.fetch(api.origin)).status).toBe(200);
      refused.push(`token-${times}`);
    }
    expect(endpoint.requests).toHaveLength(5);
  });

  it('is replaced ten times in 30 seconds if each replacement works elsewhere, and no more', {
    tags: ['CLI-18'],
  }, async () => {
    const { api, endpoint, client } = await scene((call, response) =>
      (call.path === '/stock' ? ok : refuseToken)(call, response),
    );
    for (let times = 1; times <= 30; times += 1) {
      expect((await client.fetch(`${api.origin}/orders`)).status).toBe(401);
      expect((await client.fetch(`${api.origin}/stock`)).status).toBe(200);
    }
    expect(endpoint.requests).toHaveLength(11);
  });

  it.each([302, 404, 429, 503])(
    'is not taken for accepted after a status %i elsewhere',
    {
      tags: ['CLI-18'],
    },
    async (code) => {
      const { api, endpoint, client } = await scene((call, response) => {
        if (call.path === '/orders') refuseToken(call, response);
        else response.writeHead(code).end();
      });
      for (let times = 1; times <= 5; times += 1) {
        await client.fetch(`${api.origin}/orders`);
        await client.fetch(`${api.origin}/stock`, { redirect: 'manual' });
      }
      expect(endpoint.requests).toHaveLength(2);
    },
  );

  it('is replaced again if the replacement worked, told by other HTTP clients', {
    tags: ['CLI-18'],
  }, async () => {
    const { endpoint, client } = await scene();
    const [url = ''] = client.origins;
    const refused = { 'www-authenticate': 'Bearer error="invalid_token"' };
    const answers = [];
    for (const [status, headers] of [
      [401, refused],
      [200, {}],
      [401, refused],
      [401, refused],
    ] as const) {
      const { Authorization: authorization } = await client.headers({ url });
      answers.push(client.takeAnswer({ url, status, headers, authorization }));
    }
    expect(answers).toEqual([true, false, true, false]);
    expect(endpoint.requests).toHaveLength(3);
  });

  it('is replaced by one request for many calls at once', { tags: ['CLI-14', 'CLI-18'] }, async () => {
    const { api, endpoint, client } = await scene(refusing('token-1'));
    await client.getToken();
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, index) => client.fetch(`${api.origin}/stock/${index}`)),
    );
    expect(new Set(responses.map((response) => response.status))).toEqual(new Set([200]));
    expect(api.calls).toHaveLength(100);
    expect(endpoint.requests).toHaveLength(2);
  });

  it('does not take a newer token down with it', { tags: ['CLI-18'] }, async () => {
    const late: (() => void)[] = [];
    const { api, endpoint, client } = await scene((call, response) => {
      if (call.path === '/late' && call.headers.authorization === 'Bearer token-1')
        late.push(() => refuseToken(call, response));
      else refusing('token-1')(call, response);
    });
    const slow = client.fetch(`${api.origin}/late`);
    while (late.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await client.fetch(api.origin);
    late[0]?.();
    expect((await slow).status).toBe(200);
    expect(endpoint.requests).toHaveLength(2);
  });

  it.each<[string, Answer]>([
    [
      '403',
      (_call, response) =>
        response.writeHead(403, { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }).end(),
    ],
    [
      '403 that says invalid_token',
      (_call, response) =>
        response.writeHead(403, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end(),
    ],
    [
      '401 that wants another login',
      (_call, response) =>
        response
          .writeHead(401, { 'WWW-Authenticate': 'Bearer error="insufficient_user_authentication"' })
          .end(),
    ],
    [
      '400',
      (_call, response) =>
        response.writeHead(400, { 'WWW-Authenticate': 'Bearer error="invalid_request"' }).end(),
    ],
    ['503', (_call, response) => response.writeHead(503).end()],
  ])('is kept after %s', { tags: ['CLI-18'] }, async (_what, answer) => {
    const { api, endpoint, client } = await scene(answer);
    await client.fetch(api.origin);
    await client.fetch(api.origin);
    expect(api.calls).toHaveLength(2);
    expect(endpoint.requests).toHaveLength(1);
  });

  it.each([
    undefined,
    'Bearer realm="api"',
    'Basic realm="gateway"',
    'Bearer realm="no error = none, error=\\"x\\""',
    'Bearer error=""',
    'Bearer error_description="expired"',
  ])(
    'is replaced for the next call after a 401 that does not say why: %s',
    { tags: ['CLI-18'] },
    async (challenge) => {
      const headers = challenge === undefined ? {} : { 'WWW-Authenticate': challenge };
      const { api, endpoint, client } = await scene((_call, response) =>
        response.writeHead(401, headers).end(),
      );
      expect((await client.fetch(api.origin)).status).toBe(401);
      expect([api.calls.length, endpoint.requests.length]).toEqual([1, 1]);
      for (let call = 0; call < 5; call += 1) await client.fetch(api.origin);
      // Once: if the new token doesn't help, it isn't the token.
      expect([api.calls.length, endpoint.requests.length]).toEqual([6, 2]);
    },
  );

  it.each([
    [2, 'without a challenge', {}],
    [2, 'with the error of another scheme', { 'WWW-Authenticate': 'DPoP error="invalid_token"' }],
    [10, 'that says invalid_token', { 'WWW-Authenticate': 'Bearer error="invalid_token"' }],
  ])(
    'costs %i token requests in 20 calls, if every third answer is a 401 %s',
    { tags: ['CLI-18'] },
    async (requests, _what, headers) => {
      let calls = 0;
      const { api, endpoint, client } = await scene((_call, response) => {
        calls += 1;
        response.writeHead(calls % 3 === 0 ? 401 : 200, headers).end();
      });
      for (let times = 0; times < 20; times += 1) await client.fetch(api.origin);
      expect(endpoint.requests).toHaveLength(requests);
    },
  );

  it.each<[string, () => RequestInit['body']]>([
    ['a web stream', () => streamOf('once')],
    ['a stream of Node', () => Readable.from(['once']) as unknown as ReadableStream],
  ])(
    'ends a call whose body is %s with 401, and is not used again',
    { tags: ['CLI-18'] },
    async (_what, body) => {
      const { api, endpoint, client } = await scene(refusing('token-1'));
      const init: RequestInit = { method: 'POST', body: body() ?? null, duplex: 'half' };
      expect((await client.fetch(api.origin, init)).status).toBe(401);
      expect(api.calls).toHaveLength(1);
      expect((await client.fetch(api.origin)).status).toBe(200);
      expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-2']);
      expect(endpoint.requests).toHaveLength(2);
    },
  );

  it.each<[string, () => RequestInit]>([
    ['a string', () => ({ body: 'again' })],
    ['a stream', () => ({ body: streamOf('again'), duplex: 'half' })],
  ])('is replaced for a Request with a body that is %s', { tags: ['CLI-18'] }, async (_what, init) => {
    const { api, client } = await scene(refusing('token-1'));
    const response = await client.fetch(new Request(api.origin, { method: 'POST', ...init() }));
    expect(response.status).toBe(200);
    expect(api.calls.map(({ body }) => body)).toEqual(['again', 'again']);
  });

  it('can be the one of another caller, who may drop it', { tags: ['CLI-18'] }, async () => {
    const { endpoint, client } = await scene();
    const { accessToken } = await client.getToken();
    expect(client.dropToken(accessToken)).toBe(true);
    const { accessToken: next } = await client.getToken();
    expect(next).toBe('token-2');
    expect(client.dropToken(accessToken)).toBe(true);
    expect(client.dropToken(next)).toBe(false);
    expect((await client.getToken()).accessToken).toBe('token-2');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('is dropped by its text alone: anything else would be taken for a token that was replaced', {
    tags: ['CLI-18', 'OPS-01'],
  }, async () => {
    const { endpoint, client } = await scene();
    const { accessToken } = await client.getToken();
    for (const wrong of [`Bearer ${accessToken}`, `DPoP ${accessToken}`, '', undefined])
      expect(() => client.dropToken(wrong as string)).toThrow(/^option "accessToken" /);
    expect((await client.getToken()).accessToken).toBe(accessToken);
    expect(endpoint.requests).toHaveLength(1);
  });

  it('cannot be replaced while the authorization server is down: the call says so', {
    tags: ['CLI-18'],
  }, async () => {
    const { api, endpoint, client } = await scene(refusing('token-1'));
    await client.getToken();
    endpoint.script(status(503));
    await expect(client.fetch(api.origin)).rejects.toMatchObject({ reason: 'server_error', status: 503 });
  });
});

describe('with a fetch that keeps unread copies, as loggers do', () => {
  const copies: Response[] = [];
  const copying: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    copies.push(response.clone());
    return response;
  };
  const wantNonce: Answer = (call, response) => {
    if (decodeJwt(String(call.headers.dpop)).nonce === 'n1') return ok(call, response);
    const challenge = { 'WWW-Authenticate': 'DPoP error="use_dpop_nonce"', 'DPoP-Nonce': 'n1' };
    response.writeHead(401, challenge).end('no');
  };
  const redirectOnce: Answer = (call, response) =>
    (call.path === '/new' ? ok : redirectTo(302, '/new'))(call, response);

  it.each<[string, Answer, boolean]>([
    ['a refused token', refusing('token-1'), false],
    ['a redirect', redirectOnce, false],
    ['a wanted nonce', wantNonce, true],
  ])('a call goes on after %s', { tags: ['CLI-20'] }, async (_what, answer, dpop) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ token_type: dpop ? 'DPoP' : 'Bearer' }));
    const api = await startApi(answer);
    const origins = [api.origin];
    const client = makeClient({ tokenEndpoint: endpoint.url, origins, fetch: copying, dpop });
    expect(await (await client.fetch(`${api.origin}/old`)).text()).toBe('ok');
    expect(api.calls).toHaveLength(2);
  });

  it('a failing token endpoint is tried again, and named', { tags: ['CLI-16'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(503));
    const client = makeClient({ tokenEndpoint: endpoint.url, fetch: copying, timeoutSeconds: 1 });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'server_error', status: 503 });
    expect(endpoint.requests).toHaveLength(3);
  });
});

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])(
    'follow %s with the token on the same origin',
    { tags: ['CLI-19'] },
    async (code) => {
      const { api, client } = await scene((call, response) =>
        (call.path === '/new' ? ok : redirectTo(code, '/new'))(call, response),
      );
      const response = await client.fetch(`${api.origin}/old`);
      expect(response).toMatchObject({ status: 200, redirected: true, url: `${api.origin}/new` });
      expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-1']);
    },
  );

  it.each([301, 302, 303, 307, 308])(
    'leave the token behind after %s to another origin',
    { tags: ['CLI-19'] },
    async (code) => {
      const elsewhere = await startApi();
      const { api, client } = await scene(redirectTo(code, `${elsewhere.origin}/x`));
      const headers = { Cookie: 'a=b', 'X-Trace': '7' };
      expect(await (await client.fetch(api.origin, { headers })).text()).toBe('ok');
      expect(tokensOf(api)).toEqual(['Bearer token-1']);
      expect(elsewhere.calls[0]?.headers).toMatchObject({ 'x-trace': '7' });
      expect(elsewhere.calls[0]?.headers).not.toHaveProperty('authorization');
      expect(elsewhere.calls[0]?.headers).not.toHaveProperty('cookie');
    },
  );

  it('leave the token of a Request behind on the way to another origin', { tags: ['CLI-19'] }, async () => {
    const elsewhere = await startApi();
    const { api, client } = await scene(redirectTo(307, elsewhere.origin));
    const init = { method: 'POST', headers: { Cookie: 'a=b' }, body: 'order' };
    await client.fetch(new Request(api.origin, init));
    expect(elsewhere.calls).toMatchObject([{ method: 'POST', body: 'order' }]);
    expect(elsewhere.calls[0]?.headers).not.toHaveProperty('authorization');
    expect(elsewhere.calls[0]?.headers).not.toHaveProperty('cookie');
  });

  it("don't take the token to another configured origin, or back", { tags: ['CLI-19'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const second: Api = await startApi((call, response) =>
      redirectTo(302, `${call.headers['x-back']}/end`)(call, response),
    );
    const first = await startApi((call, response) =>
      (call.path === '/end' ? ok : redirectTo(302, second.origin))(call, response),
    );
    const client = makeClient({ tokenEndpoint: endpoint.url, origins: [first.origin, second.origin] });
    await client.fetch(`${first.origin}/start`, { headers: { 'X-Back': first.origin } });
    expect([tokensOf(first), tokensOf(second)]).toEqual([['Bearer token-1', undefined], [undefined]]);
  });

  it('do not make another origin drop a token that it never got', {
    tags: ['CLI-18', 'CLI-19'],
  }, async () => {
    const elsewhere = await startApi(refuseToken);
    const { api, endpoint, client } = await scene(redirectTo(302, elsewhere.origin));
    expect((await client.fetch(api.origin)).status).toBe(401);
    expect(elsewhere.calls).toHaveLength(1);
    await client.fetch(api.origin);
    expect(endpoint.requests).toHaveLength(1);
  });

  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [302, 'PUT', 'PUT', 'order'],
    [307, 'POST', 'POST', 'order'],
    [308, 'PATCH', 'PATCH', 'order'],
  ])('turn, with %s, a %s into a %s, as fetch itself does', async (code, method, next, body) => {
    const answer: Answer = (call, response) =>
      (call.path === '/new' ? ok : redirectTo(code, '/new'))(call, response);
    const { api, client } = await scene(answer);
    const init = { method, body: 'order', headers: { 'Content-Type': 'text/x-order' } };
    await client.fetch(`${api.origin}/old`, init);
    await fetch(`${api.origin}/old`, init);
    const [, ours, , theirs] = api.calls;
    expect(ours).toMatchObject({ method: next, body });
    expect({ ...ours, headers: relevant(ours) }).toEqual({ ...theirs, headers: relevant(theirs) });
  });

  it('fail if a stream would have to be sent again, as fetch itself does', async () => {
    const { api, client } = await scene(redirectTo(307, '/new'));
    const init = (): RequestInit => ({ method: 'POST', body: streamOf('once'), duplex: 'half' });
    await expect(client.fetch(api.origin, init())).rejects.toBeInstanceOf(TypeError);
    await expect(fetch(api.origin, init())).rejects.toBeInstanceOf(TypeError);
  });

  it.each<['error' | 'manual', 'in the options' | 'in a Request']>([
    ['error', 'in the options'],
    ['error', 'in a Request'],
    ['manual', 'in the options'],
    ['manual', 'in a Request'],
  ])('are not followed with %s %s', async (redirect, where) => {
    const { api, client } = await scene(redirectTo(302, '/new'));
    const call =
      where === 'in a Request'
        ? client.fetch(new Request(api.origin, { redirect }))
        : client.fetch(api.origin, { redirect });
    if (redirect === 'error') await expect(call).rejects.toBeInstanceOf(TypeError);
    else {
      const response = await call;
      expect(response).toMatchObject({ status: 302, redirected: false });
      expect(response.headers.get('location')).toBe('/new');
    }
    expect(api.calls).toHaveLength(1);
  });

  it('are followed twenty times', async () => {
    const { api, client } = await scene((call, response) => {
      const left = Number(call.path.slice(1));
      (left === 0 ? ok : redirectTo(302, `/${left - 1}`))(call, response);
    });
    expect((await client.fetch(`${api.origin}/20`)).status).toBe(200);
    await expect(client.fetch(`${api.origin}/21`)).rejects.toThrow('too many redirects');
    await expect(fetch(`${api.origin}/21`)).rejects.toBeInstanceOf(TypeError);
  });

  it('may lead to the refusal of the token, which is then replaced there', { tags: ['CLI-18'] }, async () => {
    const { api, client } = await scene((call, response) =>
      (call.path === '/new' ? refusing('token-1') : redirectTo(302, '/new'))(call, response),
    );
    expect((await client.fetch(`${api.origin}/old`)).status).toBe(200);
    expect(api.calls.map(({ path }) => path)).toEqual(['/old', '/new', '/new']);
    expect(tokensOf(api)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  });

  it('do not make a call replace two tokens', { tags: ['CLI-18'] }, async () => {
    const { api, endpoint, client } = await scene((call, response) => {
      if (call.path === '/new') refusing('token-2')(call, response);
      else
        (call.headers.authorization === 'Bearer token-1' ? refuseToken : redirectTo(302, '/new'))(
          call,
          response,
        );
    });
    expect((await client.fetch(`${api.origin}/old`)).status).toBe(401);
    expect(api.calls.map(({ path }) => path)).toEqual(['/old', '/old', '/new']);
    expect(endpoint.requests).toHaveLength(2);
    expect((await client.getToken()).accessToken).toBe('token-2');
  });

  it('leave the body of the Request unreadable', async () => {
    const { api, client } = await scene();
    const request = new Request(api.origin, { method: 'POST', body: 'order' });
    await request.text();
    await expect(client.fetch(request)).rejects.toBeInstanceOf(TypeError);
  });
});

function streamOf(text: string): ReadableStream {
  return new Blob([text]).stream();
}

function relevant(call: { readonly headers: Readonly<Record<string, unknown>> } | undefined) {
  const { authorization: _token, ...rest } = call?.headers ?? {};
  return rest;
}
