import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Request as UndiciRequest } from 'undici';
import { build } from 'vite';
import { describe, expect, it, vi } from 'vitest';
import { getAuth, requireScope, resourceServer } from '../../adapters/fetch/index.js';
import { createResourceServer } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const URL_OF_STOCK = 'https://inventory.example.com/stock';
const reader = await issuer.authorization({ scope: 'read:inventory' });
const asReader = (): Request => new Request(URL_OF_STOCK, { headers: reader });

describe('a gate', () => {
  const gate = resourceServer(issuer.options);

  it('returns who calls, or the response that refuses', async () => {
    const request = asReader();
    const auth = await gate(request, requireScope('read:inventory'));
    expect(auth).toBe(getAuth(request));
    const refused = await gate(asReader(), requireScope('a'), requireScope('b'));
    if (!(refused instanceof Response)) throw new Error('let in');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('scope="a b"');
    expect(await refused.json()).toMatchObject({ error: 'insufficient_scope' });
  });

  it('uses a proof once for a request, also where it is asked twice at the same time', {
    tags: ['DPP-19'],
  }, async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const headers = await key.headers({ url: URL_OF_STOCK, token });
    const request = new Request(URL_OF_STOCK, { headers });
    const [first, second] = await Promise.all([gate(request), gate(request)]);
    expect(first).toBe(second);
    expect(first).not.toBeInstanceOf(Response);
    expect(await gate(new Request(URL_OF_STOCK, { headers }))).toBeInstanceOf(Response);
  });

  it('returns undefined for the anonymous only if its own options say so', { tags: ['BRR-31'] }, async () => {
    const anonymous = () => new Request(URL_OF_STOCK);
    expect(await resourceServer({ ...issuer.options, optional: true })(anonymous())).toBeUndefined();
    const shared = resourceServer(createResourceServer({ ...issuer.options, optional: true }));
    expect(await shared(anonymous())).toMatchObject({ status: 401 });
    expect(await shared(asReader())).toMatchObject({ clientId: 'test-client' });
  });

  it('refuses a preflight, which was for the layer in front of it', { tags: ['BRR-28'] }, async () => {
    const headers = { Origin: 'https://app.example.com', 'Access-Control-Request-Method': 'GET' };
    expect(await gate(new Request(URL_OF_STOCK, { method: 'OPTIONS', headers }))).toMatchObject({
      status: 401,
    });
  });

  it('rejects for a fault of our own', { tags: ['OPS-09'] }, async () => {
    const server = createResourceServer(issuer.options);
    vi.spyOn(server, 'authenticate').mockRejectedValue(new Error('bug'));
    await expect(resourceServer(server)(asReader())).rejects.toThrow('bug');
  });
});

describe('protect', () => {
  it('hands on a request without the token in its URL, with its body', { tags: ['BRR-11'] }, async () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['query'] });
    const serve = gate.protect(async (request, auth, name: string) =>
      Response.json({
        url: request.url,
        body: await request.text(),
        name,
        isSame: getAuth(request) === auth,
      }),
    );
    const url = `${URL_OF_STOCK}?a=1&access_token=${await issuer.token()}`;
    const response = await serve(new Request(url, { method: 'POST', body: 'content' }), 'context');
    expect(await response.json()).toEqual({
      url: `${URL_OF_STOCK}?a=1`,
      body: 'content',
      name: 'context',
      isSame: true,
    });
    expect(response.headers.get('cache-control')).toBe('private, no-store');
  });

  describe('a request whose body was taken before', () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['header', 'query'] });
    const aborting = new AbortController();
    const serve = gate.protect(async (request) => {
      const { url, method, headers, signal, body } = request;
      return Response.json({ url, method, field: headers.get('x-field'), aborted: signal.aborted, body });
    });
    const post = async (make: typeof Request = Request): Promise<Request> =>
      new make(`${URL_OF_STOCK}?a=1&access_token=${await issuer.token()}`, {
        method: 'PUT',
        body: 'content',
        headers: { 'X-Field': 'yes' },
        signal: aborting.signal,
      });

    it.each<[string, (request: Request) => unknown, typeof Request]>([
      ['read', (request) => request.text(), Request],
      ['locked by a reader', (request) => request.body?.getReader(), Request],
      ['copied, and read', (request) => Promise.all([request.clone().text(), request.text()]), Request],
      // `as`: another implementation of the same standard
      ['read, of npm', (request) => request.text(), UndiciRequest as unknown as typeof Request],
    ])('is handed on without it: %s', { tags: ['BRR-11'] }, async (_how, take, make) => {
      const request = await post(make);
      await take(request);
      const response = await serve(request);
      expect(await response.json()).toEqual({
        url: `${URL_OF_STOCK}?a=1`,
        method: 'PUT',
        field: 'yes',
        aborted: false,
        body: null,
      });
    });

    it('still ends when the client goes away', { tags: ['BRR-11'] }, async () => {
      const request = await post();
      await request.text();
      const response = await gate.protect((seen) => {
        aborting.abort();
        return Response.json({ aborted: seen.signal.aborted });
      })(request);
      expect(await response.json()).toEqual({ aborted: true });
    });

    it('is refused like any other without a valid token', { tags: ['BRR-11'] }, async () => {
      const request = new Request(`${URL_OF_STOCK}?access_token=x`, { method: 'POST', body: 'content' });
      await request.text();
      expect((await serve(request)).status).toBe(401);
    });

    it('has no form to read, if its reader is at work', { tags: ['BRR-08'] }, async () => {
      const reading = resourceServer({ ...issuer.options, bearerMethods: ['body'] });
      const body = new URLSearchParams({ access_token: await issuer.token() });
      const request = new Request(URL_OF_STOCK, { method: 'POST', body });
      request.body?.getReader();
      expect(await reading(request)).toMatchObject({ status: 401 });
    });
  });

  it('hands on a method that no `Request` can be made with', { tags: ['BRR-11'] }, async () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['query'] });
    const serve = gate.protect(({ method, url }) => Response.json({ method, url }));
    const request = new Request(`${URL_OF_STOCK}?access_token=${await issuer.token()}`);
    Object.defineProperty(request, 'method', { value: 'TRACE' }); // as servers make one
    expect(await (await serve(request)).json()).toEqual({ method: 'TRACE', url: URL_OF_STOCK });
  });

  it('leaves a form to the handler, and looks at no long one', { tags: ['BRR-08'] }, async () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['body'] });
    const serve = gate.protect(async (request) => new Response(await request.text()));
    const post = (body: string) =>
      serve(new Request(URL_OF_STOCK, { method: 'POST', body: new URLSearchParams(body) }));
    const form = `access_token=${await issuer.token()}&a=1`;
    expect(await (await post(form)).text()).toBe(form);
    expect((await post(`${form}&b=${'x'.repeat(65_536)}`)).status).toBe(401);
  });

  it('reads a form of nothing but names', { tags: ['BRR-08', 'OPS-13'] }, async () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['body'] });
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const post = async (body: string) => {
      const answer = await gate(new Request(URL_OF_STOCK, { method: 'POST', headers, body }));
      return answer instanceof Response ? answer.status : 200;
    };
    const token = await issuer.token();
    const names = Array.from({ length: 7000 }, (_, index) => index.toString(36)).join('&');
    expect(await post('a&'.repeat(32_700))).toBe(401);
    expect(await post('access_token&'.repeat(5000))).toBe(400);
    expect(await post(`${names}&access_token=${token}&${names}&__proto__=1&__proto__`)).toBe(200);
    expect(await post(`access_token=${token}&${names}&access_token=${token}`)).toBe(400);
  });

  it('serves the metadata, without the scopes of its routes', { tags: ['PRM-02', 'PRM-13'] }, async () => {
    const gate = resourceServer({ ...issuer.options, resource: 'https://inventory.example.com' });
    const serve = gate.protect(() => new Response(), requireScope('a'), requireScope('b'));
    const document = await serve(
      new Request('https://inventory.example.com/.well-known/oauth-protected-resource'),
    );
    expect(await document.json()).not.toHaveProperty('scopes_supported');
  });

  it('adds what an accepted answer must carry also to a response that cannot be changed', {
    tags: ['DPP-24'],
  }, async () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['query'] });
    const request = new Request(`${URL_OF_STOCK}?access_token=${await issuer.token()}`);
    const response = await gate.protect(() => Response.redirect('https://inventory.example.com/new', 302))(
      request,
    );
    expect(response.status).toBe(302);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    // Only servers can make one; it can't be copied.
    const switched = Object.defineProperty(new Response(), 'status', { value: 101 });
    expect(await gate.protect(() => switched)(request)).toBe(switched);
  });
});

it('shows refusals with NODE_DEBUG, and nothing of the token', { tags: ['OPS-01'] }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'refusal-log-'));
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: {
        ssr: fileURLToPath(new URL('../../adapters/fetch/index.ts', import.meta.url)),
        outDir: folder,
        rollupOptions: { output: { entryFileNames: 'fetch.mjs' } },
      },
    });
    const program = `
      import { resourceServer } from ${JSON.stringify(pathToFileURL(join(folder, 'fetch.mjs')).href)};
      const gate = resourceServer({ issuer: 'https://auth.example.com', audience: 'a' });
      await gate(new Request('https://api.example.com/', { headers: { Authorization: 'Bearer s3cr3t.s.s' } }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_DEBUG: 'oauth-resource-server' },
    });
    let printed = '';
    child.stderr.on('data', (chunk) => {
      printed += chunk;
    });
    await once(child, 'close');
    expect(printed).toContain('request refused {"method":"GET","status":401,"reason":"malformed_token"}');
    expect(printed).not.toContain('s3cr3t');
  } finally {
    await rm(folder, { recursive: true });
  }
});
