import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { createResourceServer, requirementOfScopes } from '../../src/index.js';
import type { ServedRequest } from '../../src/testing/authorization-server/http.js';
import type { DevIssuer } from '../../tools/dev-issuer/index.js';
import { send } from '../support/http-client.js';
import { billing, getJson, inventory, listen, postJson, start } from './support.js';

async function ask(issuer: DevIssuer, path: string, body: unknown) {
  const response = await postJson(issuer, path, body);
  expect([response.status, response.body]).toEqual([200, expect.any(String)]);
  return JSON.parse(response.body);
}

describe('/dev/token', () => {
  it('makes a token and shows what is in it', async () => {
    const issuer = await start();
    const made = await ask(issuer, '/dev/token', {
      clientId: 'order-service',
      scope: 'read:inventory',
      audience: billing,
    });
    expect(made).toEqual({
      token: expect.any(String),
      headers: { Authorization: `Bearer ${made.token}` },
      header: { alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) },
      claims: expect.objectContaining({ iss: issuer.issuer, aud: billing, scope: 'read:inventory' }),
    });
    const server = createResourceServer({ issuer: issuer.issuer, audience: billing });
    await server.verify(made.token);
    server.close();
  });

  it('makes a token without scope if none is ticked', async () => {
    const made = await ask(await start(), '/dev/token', { clientId: 'order-service', scope: '' });
    expect(made.claims).not.toHaveProperty('scope');
  });

  it('makes a forgery by its name, and says how it must be refused', async () => {
    const issuer = await start();
    const server = createResourceServer({ issuer: issuer.issuer, audience: inventory });
    const { forgeries } = await getJson(`${issuer.issuer}/dev/settings`);
    expect(forgeries.length).toBeGreaterThan(100);
    const oneOfEachReason: Map<string, { name: string; status: number; reason: string }> = new Map(
      forgeries.map((forgery: { reason: string }) => [forgery.reason, forgery]),
    );
    expect(oneOfEachReason.size).toBeGreaterThan(15);
    for (const { name, status, reason } of oneOfEachReason.values()) {
      const body = { clientId: 'order-service', scope: 'read:inventory', forgery: name };
      const { headers, expected } = await ask(issuer, '/dev/token', body);
      expect([name, expected]).toEqual([name, { status, reason }]);
      let decision = await server.authenticate(new Request('http://localhost/', { headers }));
      if (decision.kind === 'allowed')
        decision = server.authorize(decision.auth, requirementOfScopes(['read:inventory']));
      expect([name, decision.kind === 'denied' && decision.answer.status]).toEqual([name, status]);
    }
    server.close();
  }, 30_000);

  it("shows what it can of a forged token that isn't a JWT", async () => {
    const issuer = await start();
    const forge = (forgery: string) => ask(issuer, '/dev/token', { clientId: 'order-service', forgery });
    expect(await forge('claims not JSON')).not.toHaveProperty('claims');
    expect((await forge('claims not JSON')).header.typ).toBe('at+jwt');
    expect(await forge('no credentials')).toEqual({
      headers: {},
      expected: { status: 401, reason: 'missing_credentials' },
    });
  });

  it.each([
    ['no client', {}, 'clientId is missing'],
    ['an unknown client', { clientId: 'nobody' }, 'there is no such client'],
    ['an inherited name', { clientId: 'toString' }, 'there is no such client'],
    ['a client that is no string', { clientId: 7 }, 'clientId is not a string'],
    [
      'an unknown scope',
      { clientId: 'order-service', scope: 'admin' },
      'the client may have these scopes: read:inventory write:orders',
    ],
    [
      'an unknown audience',
      { clientId: 'order-service', audience: 'x' },
      'the client may not have tokens for this resource',
    ],
    [
      'an unknown forgery',
      { clientId: 'order-service', forgery: 'x' },
      'there is no such forgery of a token with these scopes',
    ],
    [
      'an unknown member',
      { clientId: 'order-service', exp: 0 },
      'the body takes the members clientId, scope, audience, forgery',
    ],
    ['a list', [], 'the body is not a JSON object'],
    ['no JSON', 'clientId=x', 'the body is not JSON'],
    ['nothing', '', 'the body is not JSON'],
  ])('refuses %s', async (_, body, description) => {
    const response = await postJson(await start(), '/dev/token', body);
    expect(response.status).toBe(400);
    expect(JSON.parse(response.body).error_description).toBe(description);
  });
});

describe('/dev/keys', () => {
  it('puts a new key in place of the old ones, or before them', async () => {
    const issuer = await start();
    const idsOf = async () => (await getJson(issuer.jwksUri)).keys.map(({ kid }: { kid: string }) => kid);
    const [first] = await idsOf();
    const kept = await ask(issuer, '/dev/keys', { keepPrevious: true });
    expect(kept.keyIds).toEqual([expect.any(String), first]);
    expect(await idsOf()).toEqual(kept.keyIds);
    const { keyIds } = await ask(issuer, '/dev/keys', {});
    expect(keyIds).toHaveLength(1);
    expect(kept.keyIds).not.toContain(keyIds[0]);
  });

  it.each([{ keepPrevious: 'no' }, { keepPrevious: null }, { keep: true }])('refuses %j', async (body) => {
    expect((await postJson(await start(), '/dev/keys', body)).status).toBe(400);
  });
});

describe('/dev/try', () => {
  it('sends the request and tells the answer', async () => {
    const seen: { method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders }[] = [];
    const api = await listen(({ method, url, headers }, response) => {
      seen.push({ method, url, headers });
      response.setHeader('WWW-Authenticate', ['Bearer realm="api"', 'Basic realm="x"']);
      response.writeHead(401, { 'Content-Type': 'text/plain' }).end('no');
    });
    const headers = { Authorization: 'Bearer x' };
    expect(
      await ask(await start(), '/dev/try', { url: `${api}/stock?x=1`, method: 'POST', headers }),
    ).toEqual({
      kind: 'answered',
      status: 401,
      statusText: 'Unauthorized',
      challenges: ['Bearer realm="api"', 'Basic realm="x"'],
      contentType: 'text/plain',
      body: 'no',
      isCut: false,
    });
    expect(seen).toMatchObject([
      { method: 'POST', url: '/stock?x=1', headers: { authorization: 'Bearer x', 'content-length': '0' } },
    ]);
  });

  it('sends the bytes of every forgery as they are', async () => {
    const seen: unknown[] = [];
    const api = await listen((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    const issuer = await start();
    for (const Authorization of ['Bearer\tx', 'Bearer \xe9', 'Bearer  '])
      await ask(issuer, '/dev/try', { url: api, headers: { Authorization } });
    expect(seen).toEqual(['Bearer\tx', 'Bearer \xe9', 'Bearer']);
  });

  it('follows no redirect (SSRF)', async () => {
    let others = 0;
    const other = await listen((_request, response) => {
      others += 1;
      response.end();
    });
    const api = await listen((_request, response) => response.writeHead(302, { Location: other }).end());
    const answer = await ask(await start(), '/dev/try', { url: api });
    expect(answer).toMatchObject({ status: 302, location: other });
    expect(others).toBe(0);
  });

  it('reads no more than 64 KiB, and hangs up', async () => {
    let hangUp = (): void => undefined;
    const hungUp = new Promise<void>((resolve) => {
      hangUp = resolve;
    });
    const api = await listen((_request, response) => {
      const pump = (): void => {
        while (response.write('x'.repeat(16_384)));
      };
      response.on('drain', pump).on('close', hangUp);
      pump();
    });
    const { body, isCut } = await ask(await start(), '/dev/try', { url: api });
    expect([body.length, isCut]).toEqual([65_536, true]);
    await hungUp;
  });

  it.each([
    ['nobody listens', 'http://127.0.0.1:1/', 'ECONNREFUSED'],
    ['nobody listens on any address of the name', 'http://localhost:1/', 'ECONNREFUSED'],
  ])('says that %s', async (_, url, reason) => {
    expect(await ask(await start(), '/dev/try', { url })).toEqual({ kind: 'unreachable', reason });
  });

  it('says that the answer breaks off', async () => {
    const api = await listen((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('x', () => response.destroy());
    });
    expect(await ask(await start(), '/dev/try', { url: api })).toEqual({
      kind: 'unreachable',
      reason: 'ECONNRESET',
    });
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://example.com/',
    'http://localhost.example.com/',
    'http://127.0.0.1.nip.io/',
    'http://127.0.0.1@example.com/',
    'http://user:password@127.0.0.1/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[::ffff:10.0.0.1]/',
    'http://10.0.0.1/',
    'http://2886729729/',
    'http://localhost./',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'data:text/plain,x',
    '/jwks',
    'localhost:3000',
    '',
  ])('does not go to %s (SSRF)', async (url) => {
    const issuer = await start();
    for (const path of ['/dev/try', '/dev/try-forgeries']) {
      const grant = path === '/dev/try' ? {} : { clientId: 'order-service' };
      const response = await postJson(issuer, path, { ...grant, url });
      expect(response.status).toBe(400);
      expect(JSON.parse(response.body).error_description).toMatch(
        /^url is not an http or https URL of localhost/,
      );
    }
  });

  it.each([
    ['a method of its own', { method: 'TRACE' }],
    ['a method in lower case', { method: 'get' }],
    ['another header field', { headers: { Host: 'x' } }],
    ['a header field with a line break', { headers: { Authorization: 'x\r\nHost: y' } }],
    ['a header field beyond Latin-1', { headers: { Authorization: '\u20ac' } }],
    ['a header field that is no string', { headers: { Authorization: ['x', 'y'] } }],
    ['a list of header fields', { headers: [] }],
    ['an unknown member', { body: 'x' }],
  ])('refuses %s', async (_, members) => {
    const response = await postJson(await start(), '/dev/try', { url: 'http://127.0.0.1:1/', ...members });
    expect(response.status).toBe(400);
  });
});

describe('/dev/try-forgeries', () => {
  it('sends a genuine token and every forgery of it, and tells the answers', async () => {
    const issuer = await start();
    const resourceServer = createResourceServer({ issuer: issuer.issuer, audience: inventory });
    const seen: (string | undefined)[] = [];
    const api = await listen(async (request, response) => {
      seen.push(request.method);
      let decision = await resourceServer.authenticate(request);
      if (decision.kind === 'allowed')
        decision = resourceServer.authorize(decision.auth, requirementOfScopes(['read:inventory']));
      response.writeHead(decision.kind === 'denied' ? decision.answer.status : 202).end('some text');
    });
    const body = { clientId: 'order-service', scope: 'read:inventory', url: api, method: 'PUT' };
    const { genuine, forgeries } = await ask(issuer, '/dev/try-forgeries', body);
    resourceServer.close();
    expect(genuine).toEqual({ kind: 'answered', status: 202 });
    const settings = await getJson(`${issuer.issuer}/dev/settings`);
    expect(forgeries.map(({ name }: { name: string }) => name)).toEqual(
      settings.forgeries.map(({ name }: { name: string }) => name),
    );
    for (const { name, expected, answer } of forgeries)
      expect([name, answer]).toEqual([name, { kind: 'answered', status: expected.status }]);
    expect(forgeries[0]).toEqual({
      name: 'no credentials',
      description: 'No access token was sent',
      expected: { status: 401, reason: 'missing_credentials' },
      answer: { kind: 'answered', status: 401 },
    });
    expect(seen).toHaveLength(1 + forgeries.length);
    expect(new Set(seen)).toEqual(new Set(['PUT']));
  }, 30_000);

  /** An API that answers the genuine token, and then never again. */
  async function startHangingApi() {
    let sent = 0;
    let hang = (): void => undefined;
    let letGo = (): void => undefined;
    const hanging = new Promise<void>((resolve) => {
      hang = resolve;
    });
    const released = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const open = new Set<object>();
    const url = await listen((request, response) => {
      sent += 1;
      if (sent === 1) return void response.end();
      open.add(response);
      request.on('close', () => {
        open.delete(response);
        if (open.size === 0) letGo();
      });
      if (open.size === 8) hang();
    });
    return { url, hanging, letGo: released, sent: () => sent };
  }

  it.each(['the development issuer is closed', 'the page is closed'])(
    'lets go of the API once %s',
    async (how) => {
      const api = await startHangingApi();
      const requests: ServedRequest[] = [];
      const issuer = await start({}, { onRequest: (request) => requests.push(request) });
      const page = new AbortController();
      const answer = fetch(`${issuer.issuer}/dev/try-forgeries`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ clientId: 'order-service', url: api.url }),
        signal: page.signal,
      });
      const failed = expect(answer).rejects.toThrow();
      await api.hanging;
      if (how === 'the page is closed') page.abort();
      else await issuer.close();
      await api.letGo;
      await failed;
      await vi.waitFor(() => expect(requests).toMatchObject([{ path: '/dev/try-forgeries' }]));
      expect(api.sent()).toBe(9);
    },
  );

  it('sends nothing else if the genuine token gets no answer', async () => {
    const body = { clientId: 'order-service', url: 'http://127.0.0.1:1/' };
    expect(await ask(await start(), '/dev/try-forgeries', body)).toEqual({
      genuine: { kind: 'unreachable', reason: 'ECONNREFUSED' },
      forgeries: [],
    });
  });

  it.each([
    ['no client', {}, 'clientId is missing'],
    ['no URL', { clientId: 'order-service' }, 'url is missing'],
    [
      'another method',
      { clientId: 'order-service', url: 'http://127.0.0.1:1/', method: 'TRACE' },
      'method is',
    ],
    ['an unknown scope', { clientId: 'order-service', scope: 'x' }, 'the client may have these scopes'],
  ])('refuses %s', async (_, body, description) => {
    const response = await postJson(await start(), '/dev/try-forgeries', body);
    expect(response.status).toBe(400);
    expect(JSON.parse(response.body).error_description).toContain(description);
  });
});

describe('what only the page may use', () => {
  const paths = ['/dev/token', '/dev/keys', '/dev/try', '/dev/try-forgeries'];

  it.each([
    ['the page of another site', [['Origin', 'https://attacker.example']]],
    ['a sandboxed page', [['Origin', 'null']]],
    ['a page of another port', [['Origin', 'http://127.0.0.1:1']]],
    ['a page of another site, by Fetch Metadata', [['Sec-Fetch-Site', 'cross-site']]],
    ['another port, by Fetch Metadata', [['Sec-Fetch-Site', 'same-site']]],
  ] as const)('is not for %s (CSRF)', async (_, headers) => {
    const issuer = await start();
    for (const path of paths) {
      const { status, headers: answered } = await postJson(
        issuer,
        path,
        { clientId: 'order-service' },
        headers,
      );
      expect([path, status]).toEqual([path, 403]);
      expect(answered).not.toHaveProperty('access-control-allow-origin');
    }
    expect((await send(issuer.issuer, { path: '/dev/settings', headers })).status).toBe(403);
  });

  it('is for the page itself, and for programs on this machine', async () => {
    const issuer = await start();
    const ours = [
      ['Origin', issuer.issuer],
      ['Sec-Fetch-Site', 'same-origin'],
    ] as const;
    for (const headers of [ours, []])
      expect((await postJson(issuer, '/dev/token', { clientId: 'order-service' }, headers)).status).toBe(200);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'])(
    'is not for a form that sends %s (CSRF)',
    async (mediaType) => {
      const issuer = await start();
      for (const path of paths) {
        const body = '{"clientId":"order-service"}';
        const { status } = await send(issuer.issuer, {
          method: 'POST',
          path,
          headers: [['Content-Type', mediaType]],
          body,
        });
        expect(status).toBe(415);
      }
    },
  );

  it('lets no other site ask before (CORS)', async () => {
    const { issuer } = await start();
    const response = await send(issuer, {
      method: 'OPTIONS',
      path: '/dev/token',
      headers: [
        ['Origin', 'https://attacker.example'],
        ['Access-Control-Request-Method', 'POST'],
      ],
    });
    expect(response.status).toBe(405);
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('the files of the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/page.js', 'text/javascript; charset=utf-8'],
    ['/elements.js', 'text/javascript; charset=utf-8'],
    ['/dates.js', 'text/javascript; charset=utf-8'],
    ['/verdicts.js', 'text/javascript; charset=utf-8'],
    ['/theme.css', 'text/css; charset=utf-8'],
    ['/page.css', 'text/css; charset=utf-8'],
  ])('serve %s with a strict policy', async (path, mediaType) => {
    const { issuer } = await start();
    const { status, headers, body } = await send(issuer, { path });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': mediaType,
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
    });
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(body.length).toBeGreaterThan(500);
  });

  it('load nothing from elsewhere, and have no script within', async () => {
    const { issuer } = await start();
    const { body } = await send(issuer, { path: '/' });
    expect(body).not.toMatch(/https?:\/\/(?!127\.0\.0\.1:3000)/);
    expect(body).not.toMatch(/\son\w+=|<style|style=/);
    expect([...body.matchAll(/<script[^>]*>([^<]*)<\/script>/g)].map(([, script]) => script)).toEqual(['']);
  });
});
