import { request } from 'node:http';
import { type Context, type Handler, Hono, type MiddlewareHandler } from 'hono';
import { every, some } from 'hono/combine';
import { cors } from 'hono/cors';
import { methodOverride } from 'hono/method-override';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { getAuth as authOfRequest } from '../../adapters/fetch/index.js';
import {
  type AuthEnv,
  authenticate,
  deny,
  getAuth,
  requireAnyScope,
  requireClaims,
  requireScope,
  resourceMetadata,
} from '../../adapters/hono/index.js';
import {
  type Auth,
  createResourceServer,
  InsufficientScopeError,
  InvalidTokenError,
  isResourceServerError,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import { createDpopKey, createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { serve } from '../http/harnesses/serve-fetch.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope: 'read:inventory' });
const writer = await issuer.authorization({ scope: 'write:orders' });
const ORIGIN = 'https://inventory.example.com';
const PREFLIGHT = { Origin: 'https://shop.example.com', 'Access-Control-Request-Method': 'GET' };

/** What an application answers; the URL is that of the API. */
async function ask(
  app: Pick<Hono, 'fetch'>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Response> {
  return app.fetch(new Request(`${ORIGIN}${path}`, { method, headers }));
}

/** An application with `/stock` behind a scope; the handler counts how often it ran. */
function createApp(options: Partial<ResourceServerOptions> = {}) {
  const handler = vi.fn((c: Context): Response => c.json({ caller: getAuth(c).clientId }));
  const app = new Hono();
  app.use(authenticate({ ...issuer.options, ...options }));
  app.all('/stock', requireScope('read:inventory'), (c) => handler(c));
  return { app, handler };
}

const ok: Handler = (c) => c.json({});
const between: MiddlewareHandler = async (_c, next) => next();
const challengeOf = (response: Response): string => response.headers.get('www-authenticate') ?? '';

describe('authenticate', () => {
  it.each([
    ['a preflight', 'OPTIONS', 'junk', PREFLIGHT],
    ['a genuine token', 'GET', undefined, {}],
    ['a method that Request does not take', 'TRACE', undefined, {}],
  ])(
    'refuses %s in a URL with a user name, which no Request can have',
    {
      tags: ['BRR-11', 'OPS-13'],
    },
    async (_what, method, junk, headers) => {
      const token = junk ?? (await issuer.token());
      const { app, handler } = createApp({ bearerMethods: ['header', 'query'] });
      const reported = vi.fn((_error: Error, c: Context): Response => c.body(null, 500));
      app.onError(reported);
      const running = await serve({ fetch: app.fetch, handled: () => 0 }, undefined);
      onTestFinished(() => running.close());
      const { port } = new URL(running.url);
      const path = `http://user@localhost/stock?access_token=${token}`;
      const status = await new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        sent.on('error', reject).end();
      });
      expect([status, handler.mock.calls.length, reported.mock.calls.length]).toEqual([400, 0, 0]);
    },
  );

  it('takes a ready resource server, and then lets no anonymous request in', {
    tags: ['BRR-31'],
  }, async () => {
    const server = createResourceServer({ ...issuer.options, optional: true });
    const app = new Hono().use(authenticate(server)).get('/', (c) => c.json({ by: c.get('auth').subject }));
    expect(await (await ask(app, '/', reader)).json()).toEqual({ by: 'test-client' });
    expect((await ask(app, '/')).status).toBe(401);
    const open = new Hono()
      .use(authenticate({ ...issuer.options, optional: true }))
      .get('/', (c) => c.json({ by: c.get('auth')?.subject ?? null }));
    expect(await (await ask(open, '/')).json()).toEqual({ by: null });
  });

  it('throws at once when an option is wrong', () => {
    expect(() => authenticate({ issuer: 'https://auth.example.com' } as ResourceServerOptions)).toThrow(
      TypeError,
    );
    expect(() => resourceMetadata(issuer.options)).toThrow('option "resource"');
  });

  it("protects only the paths that it's used for, and routes that no handler has", async () => {
    const app = new Hono();
    app.use('/api/*', authenticate(issuer.options));
    app.get('/open', ok);
    app.route('/api', new Hono().get('/stock', requireScope('read:inventory'), ok));
    expect((await ask(app, '/open')).status).toBe(200);
    expect((await ask(app, '/api/stock')).status).toBe(401);
    expect((await ask(app, '/api/stock', reader)).status).toBe(200);
    expect((await ask(app, '/api/nowhere')).status).toBe(401);
  });

  it("decides again if it's used twice, and the inner decision counts", async () => {
    const other = await createTestIssuer({ issuer: 'https://other.example.com' });
    const app = new Hono();
    app.use(authenticate({ ...issuer.options, optional: true }));
    app.use(authenticate({ ...other.options, audience: 'https://api.example.com' }));
    app.get('/', ok);
    expect((await ask(app, '/', reader)).status).toBe(401);
  });

  it('clears what was in the variable before', { tags: ['OPS-12'] }, async () => {
    const app = new Hono<AuthEnv<Auth | undefined>>();
    app.use(async (c, next) => {
      c.set('auth', fakeAuth({ scopes: ['read:inventory'] }));
      await next();
    });
    app.use(authenticate({ ...issuer.options, optional: true, errors: 'next' }));
    app.onError((_error, c) => c.json({ isAnonymous: c.get('auth') === undefined }, 401));
    app.get('/', (c) => c.json({ isAnonymous: c.get('auth') === undefined && c.var.auth === undefined }));
    app.get('/stock', requireScope('read:inventory'), ok);
    for (const headers of [{}, { Authorization: 'Bearer abc' }])
      expect(await (await ask(app, '/', headers)).json()).toEqual({ isAnonymous: true });
    expect((await ask(app, '/stock')).status).toBe(401);
  });

  it('removes the token from every URL that the application sees, and keeps the body', {
    tags: ['BRR-11'],
  }, async () => {
    const app = new Hono();
    app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }));
    app.post('/', async (c) => {
      const { url, raw } = c.req;
      const isSame = authOfRequest(raw) === getAuth(c);
      return c.json({ urls: [url, raw.url], query: c.req.query(), body: await c.req.text(), isSame });
    });
    const request = new Request(`${ORIGIN}/?a=1&access_token=${await issuer.token()}&b=2`, {
      method: 'POST',
      body: 'content',
    });
    const response = await app.fetch(request);
    const url = `${ORIGIN}/?a=1&b=2`;
    expect(await response.json()).toEqual({
      urls: [url, url],
      query: { a: '1', b: '2' },
      body: 'content',
      isSame: true,
    });
    expect(response.headers.get('cache-control')).toBe('private, no-store');
  });

  it('lets a request with the token in its URL in after its body was read', {
    tags: ['BRR-11'],
  }, async () => {
    const app = new Hono<AuthEnv>();
    app.use(async (c, next) => {
      await c.req.text();
      await next();
    });
    app.use(authenticate({ ...issuer.options, bearerMethods: ['header', 'query'] }));
    app.all('/', async (c) => c.json({ method: c.req.method, url: c.req.raw.url, body: await c.req.text() }));
    const { url, close } = await serve({ fetch: app.fetch, handled: () => 0 }, undefined);
    try {
      const send = async (init: RequestInit): Promise<unknown> =>
        (await fetch(`${url}/?access_token=${await issuer.token()}`, init)).json();
      const seen = { url: `${url}/`, body: '' };
      expect(await send({ method: 'POST', body: 'content' })).toEqual({
        ...seen,
        method: 'POST',
        body: 'content',
      });
      expect(await send({ method: 'DELETE' })).toEqual({ ...seen, method: 'DELETE' });
      expect(await send({})).toEqual({ ...seen, method: 'GET' });
    } finally {
      await close();
    }
  });

  it.each<[string, Handler]>([
    ['that allows to be stored', (c) => c.body('', 200, { 'Cache-Control': 'public, max-age=60' })],
    ['that cannot be changed', () => Response.redirect(`${ORIGIN}/new`, 302)],
    ['to an error', () => expect.fail()],
    ['to an unknown path', (c) => c.notFound()],
  ])(
    'adds what an accepted answer must carry to an answer %s',
    {
      tags: ['BRR-11', 'DPP-24'],
    },
    async (_, handler) => {
      const app = new Hono().onError((_error, c) => c.text('', 500));
      app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }), cors());
      app.get('/', handler);
      const response = await ask(app, `/?access_token=${await issuer.token()}`);
      expect(response.headers.get('cache-control')).toBe('private, no-store');
    },
  );

  it('leaves the answer to a switch of protocols as it is', async () => {
    const switched = Object.defineProperty(new Response(), 'status', { value: 101 }); // only servers can make one
    const app = new Hono();
    app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }));
    app.get('/', () => switched);
    expect(await ask(app, `/?access_token=${await issuer.token()}`)).toBe(switched);
  });

  it("leaves a bug to the error path, and doesn't run the handler", { tags: ['OPS-09'] }, async () => {
    const defective: ResourceServer = Object.create(createResourceServer(issuer.options), {
      authenticate: { value: () => Promise.reject(new Error('bug')) },
    });
    const handler = vi.fn(ok);
    const app = new Hono().use(authenticate(defective)).get('/', handler);
    app.onError((error, c) => c.text(error.message, 500));
    expect(await (await ask(app, '/', reader)).text()).toBe('bug');
    expect(handler).not.toHaveBeenCalled();
  });

  it('goes by header fields that a middleware replaced, before and behind it', {
    tags: ['BRR-06'],
  }, async () => {
    const app = new Hono();
    const replace: MiddlewareHandler = async (c, next) => {
      const headers = new Headers(c.req.raw.headers);
      headers.set('Authorization', `Bearer ${c.req.header('X-Token')}`);
      c.req.raw = new Request(c.req.raw, { headers });
      await next();
    };
    app.use(replace, authenticate(issuer.options), replace);
    app.get('/', requireScope('read:inventory'), (c) => c.json({ by: getAuth(c).subject }));
    const token = reader.Authorization.slice('Bearer '.length);
    expect((await ask(app, '/', { 'X-Token': token })).status).toBe(200);
    expect((await ask(app, '/', { 'X-Token': 'bad', ...reader })).status).toBe(401);
  });

  it('authenticates what app.mount hands on unchanged, and no other request that Hono makes of it', async () => {
    const app = new Hono().use(authenticate(issuer.options));
    const handler = (request: Request) => Response.json({ caller: authOfRequest(request).subject });
    app.mount('/same', handler, { replaceRequest: false });
    app.mount('/new', handler);
    app.onError((error, c) => c.text(error.message, 500));
    expect(await (await ask(app, '/same/x', reader)).json()).toEqual({ caller: 'test-client' });
    expect(await (await ask(app, '/new/x', reader)).text()).toContain('the request is not authenticated');
    expect((await ask(app, '/same/x')).status).toBe(401);
  });

  it('asks what is known of the connection with the context', { tags: ['MTL-01'] }, async () => {
    const connection = vi.fn((_request: Request, c: Context) => ({ remoteAddress: c.req.header('X-Test') }));
    const app = new Hono().use(authenticate(issuer.options, { connection })).get('/', ok);
    await ask(app, '/', { ...reader, 'X-Test': '192.0.2.1' });
    expect(connection).toHaveReturnedWith({ remoteAddress: '192.0.2.1' });
  });
});

describe('a proof of possession', () => {
  it('is used once per request, wherever the same resource server stands', { tags: ['DPP-19'] }, async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const server = createResourceServer(issuer.options);
    const app = new Hono();
    app.use(authenticate(server), between, authenticate(server));
    app.get('/', authenticate(server), (c) => c.json({ caller: c.get('auth').clientId }));
    const headers = await key.headers({ url: `${ORIGIN}/`, token });
    expect(await (await ask(app, '/', headers)).json()).toEqual({ caller: 'test-client' });
    expect((await ask(app, '/', headers)).status).toBe(401);
  });
});

describe('preflight requests', () => {
  it('meet no requirement if no CORS layer answers them', { tags: ['BRR-28'] }, async () => {
    const { app, handler } = createApp();
    const response = await ask(app, '/stock', PREFLIGHT, 'OPTIONS');
    expect([response.status, challengeOf(response)]).toEqual([
      401,
      plainChallenges('read:inventory').join(', '),
    ]);
    expect(handler).not.toHaveBeenCalled();
  });

  it('keep no token in their URL', { tags: ['BRR-11', 'BRR-28'] }, async () => {
    const app = new Hono();
    app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }));
    app.options('/', (c) => c.json({ url: c.req.url, raw: c.req.raw.url }));
    const response = await ask(app, '/?access_token=eyJ.a.b&b=2', PREFLIGHT, 'OPTIONS');
    expect(await response.json()).toEqual({ url: `${ORIGIN}/?b=2`, raw: `${ORIGIN}/?b=2` });
  });

  it("don't count as preflights if they carry credentials", { tags: ['BRR-28'] }, async () => {
    const { app } = createApp();
    const response = await ask(app, '/stock', { ...PREFLIGHT, Authorization: 'Bearer abc' }, 'OPTIONS');
    expect(challengeOf(response)).toContain('invalid_token');
  });

  it("can't become another request by a method override", { tags: ['BRR-28'] }, async () => {
    const deleted = vi.fn(ok);
    const app = new Hono();
    app.use(authenticate(issuer.options), methodOverride({ app, header: 'X-HTTP-Method-Override' }));
    app.delete('/stock', deleted);
    const headers = { ...PREFLIGHT, 'X-HTTP-Method-Override': 'DELETE' };
    expect((await ask(app, '/stock', headers, 'OPTIONS')).status).toBe(401);
    expect(deleted).not.toHaveBeenCalled();
    expect((await ask(app, '/stock', { ...headers, ...reader }, 'OPTIONS')).status).toBe(200);
  });

  it('reach just what the documentation says: middleware behind, and handlers that take OPTIONS', {
    tags: ['BRR-28'],
  }, async () => {
    const reached: string[] = [];
    const note =
      (name: string): MiddlewareHandler =>
      async (_c, next) => {
        reached.push(name);
        await next();
      };
    const app = new Hono();
    app.use(authenticate(issuer.options), note('use'));
    app.get('/stock', note('get'));
    app.post('/stock', note('post'));
    app.options('/stock', note('options'));
    app.all('/stock', note('all'), requireScope('read:inventory'), note('behind a requirement'));
    expect((await ask(app, '/stock', PREFLIGHT, 'OPTIONS')).status).toBe(401);
    expect(reached).toEqual(['use', 'options', 'all']);
    for (const [method, headers] of [
      ['OPTIONS', {}],
      ['OPTIONS', { Origin: PREFLIGHT.Origin }],
      ['HEAD', PREFLIGHT],
      ['POST', PREFLIGHT],
    ] as const)
      expect((await ask(app, '/stock', headers, method)).status).toBe(401);
    expect(reached).toEqual(['use', 'options', 'all']);
  });
});

describe('requirements', () => {
  it.each([
    ['requireScope', requireScope('a')],
    ['requireAnyScope', requireAnyScope('a')],
    ['requireClaims', requireClaims(() => true)],
  ])(
    'fail closed if nothing authenticated the request: %s',
    { tags: ['SCP-12'] },
    async (name, middleware) => {
      const handler = vi.fn(ok);
      const app = new Hono().onError((error, c) => c.text(error.message, 500));
      app.use(async (c, next) => {
        c.set('auth' as never, fakeAuth({ scopes: ['a'] }) as never); // which is no authentication
        await next();
      });
      app.get('/', middleware, handler);
      const response = await ask(app, '/', reader);
      expect([response.status, await response.text()]).toEqual([
        500,
        `${name}: nothing authenticated this request; put authenticate() before it`,
      ]);
      expect(handler).not.toHaveBeenCalled();
    },
  );

  it('throw at once if they would deny nothing', { tags: ['SCP-06', 'SCP-12'] }, () => {
    expect(() => requireScope()).toThrow(TypeError);
    expect(() => requireScope('read write')).toThrow('one per argument');
    expect(() => requireClaims('admin' as never)).toThrow(TypeError);
  });
});

describe('several requirements of a route', () => {
  const protectedApp = (options: Partial<ResourceServerOptions> = {}) =>
    new Hono().use(authenticate({ ...issuer.options, ...options }));
  const scopeNamed = async (app: Pick<Hono, 'fetch'>, path: string, method = 'GET') => {
    const response = await ask(app, path, writer, method);
    return response.status === 403 ? /scope="([^"]*)"/.exec(challengeOf(response))?.[1] : response.status;
  };

  it('are named in one challenge: side by side, with something between, for several methods', {
    tags: ['BRR-25'],
  }, async () => {
    const app = protectedApp();
    app.get('/arguments', requireScope('a'), requireScope('b'), ok);
    app.get('/between', requireScope('a'), between, requireScope('b'), ok);
    app.on(['GET', 'POST'], '/on', requireScope('a'), between, requireScope('b'), ok);
    app.all('/all', requireScope('a'), requireScope('b'), ok);
    for (const path of ['/arguments', '/between', '/on', '/all'])
      expect(await scopeNamed(app, path), path).toBe('a b');
    expect(await scopeNamed(app, '/between', 'HEAD')).toBe('a b');
    expect(await scopeNamed(app, '/on', 'POST')).toBe('a b');
  });

  it('are named together with those around the route, and with those that were met', {
    tags: ['BRR-25'],
  }, async () => {
    const app = protectedApp();
    app.use('/inner/*', requireScope('a'));
    app.get('/inner/b', requireScope('b'), ok);
    app.use('/outer/*', requireScope('write:orders'), between);
    app.get('/outer/b', requireScope('b'), ok);
    expect(await scopeNamed(app, '/inner/b')).toBe('a b');
    expect(await scopeNamed(app, '/outer/b')).toBe('write:orders b');
  });

  it('are named in an application with an error handler of its own, that is part of another one', {
    tags: ['BRR-25'],
  }, async () => {
    const inner = new Hono().onError((error) => {
      throw error;
    });
    inner.get('/', requireScope('a'), between, requireScope('b'), ok);
    const middle = new Hono().onError((error) => {
      throw error;
    });
    middle.route('/inner', inner);
    expect(await scopeNamed(protectedApp().route('/middle', middle), '/middle/inner')).toBe('a b');
  });

  it('are not those of a route that another one shadows, or that comes behind a handler', async () => {
    const app = protectedApp();
    app.get('/users/me', requireScope('write:orders'), async (c, _next) => c.json({})); // takes `next` as middleware does
    app.get('/users/:id', requireScope('admin'), ok);
    app.get('/twice', requireScope('write:orders'), ok);
    app.get('/twice', requireScope('admin'), ok);
    app.use('/cached/*', requireScope('write:orders'), async (c, _next) => c.json({}));
    app.use('/cached/*', requireScope('admin'));
    for (const path of ['/users/me', '/twice', '/cached/a']) expect(await scopeNamed(app, path)).toBe(200);
    expect(await scopeNamed(app, '/users/you')).toBe('admin');
  });

  it('are checked against the gate in front of them', async () => {
    const other = await createTestIssuer({ issuer: 'https://other.example.com' });
    const both = createResourceServer({
      ...issuer.options,
      issuer: [issuer.options.issuer, other.options.issuer],
    });
    const app = new Hono().use(
      authenticate(both),
      requireScope('write:orders'),
      authenticate(issuer.options),
    );
    app.get('/', requireScope('a'), ok);
    app.get(
      '/inside',
      authenticate(both),
      requireScope('a'),
      authenticate(issuer.options),
      requireScope('b'),
      ok,
    );
    expect(await scopeNamed(app, '/')).toBe('a');
    expect(await scopeNamed(app, '/inside')).toBe('write:orders a'); // not b
  });

  it('ask a predicate once', async () => {
    const predicate = vi.fn(() => true);
    const app = protectedApp();
    app.get('/', requireScope('write:orders'), requireClaims(predicate), requireScope('write:orders'), ok);
    expect(await scopeNamed(app, '/')).toBe(200);
    expect(predicate).toHaveBeenCalledTimes(1);
  });

  it('are named in the 401 as well, whatever stands between', { tags: ['MCP-05'] }, async () => {
    const app = protectedApp({ resource: ORIGIN }).use(cors());
    app.get('/', requireScope('a'), between, requireScope('b'), ok);
    app.get('/:any', requireScope('c'), ok);
    expect(challengeOf(await ask(app, '/'))).toContain('scope="a b"');
  });

  it('can be combined with every', { tags: ['SCP-06'] }, async () => {
    const app = new Hono();
    const access = every(authenticate(issuer.options), requireScope('write:orders'), requireScope('b'));
    app.get('/', access, requireScope('c'), ok);
    expect(await scopeNamed(app, '/')).toBe('write:orders b');
  });
});

describe("errors: 'next'", () => {
  const show = (app: Hono, seen: unknown[] = []): Hono =>
    app.onError((error, c) => {
      seen.push(error);
      return isResourceServerError(error) ? deny(error, c) : c.text('bug', 500);
    });

  it('hands the typed error to onError, and deny answers it', { tags: ['OPS-17'] }, async () => {
    const seen: unknown[] = [];
    const { app, handler } = createApp({ errors: 'next' });
    show(app, seen);
    const plain = createApp().app;
    for (const headers of [{}, { Authorization: 'Bearer abc' }, { Authorization: 'Bearer' }, writer]) {
      const [response, expected] = [await ask(app, '/stock', headers), await ask(plain, '/stock', headers)];
      expect(response.status).toBe(expected.status);
      expect([...response.headers]).toEqual([...expected.headers]);
      expect(await response.text()).toBe(await expected.text());
    }
    expect(seen[1]).toBeInstanceOf(InvalidTokenError);
    expect(seen[1]).toMatchObject({ reason: 'malformed_token' });
    expect(seen[3]).toBeInstanceOf(InsufficientScopeError);
    expect(handler).not.toHaveBeenCalled();
  });

  it('is the same answer if the application has no onError', { tags: ['OPS-17'] }, async () => {
    const { app } = createApp({ errors: 'next' });
    const response = await ask(app, '/stock', writer);
    expect([response.status, response.headers.get('cache-control')]).toEqual([403, 'no-store']);
    expect(challengeOf(response)).toContain('scope="read:inventory"');
    expect(await response.json()).toMatchObject({ error: 'insufficient_scope' });
  });

  it('lets one of several ways in be enough', { tags: ['SCP-06'] }, async () => {
    const { app } = createApp({ errors: 'next' });
    const owns = requireClaims((claims) => claims.sub === 'test-client');
    app.get('/owned', some(requireScope('admin'), owns), ok);
    app.get('/none', some(requireScope('admin'), requireScope('root')), ok);
    const owned = await ask(app, '/owned', reader);
    expect([owned.status, challengeOf(owned)]).toEqual([200, '']);
    expect((await ask(app, '/none', reader)).status).toBe(403);
  });

  it('refuses inside of something that ignores what middleware returns', async () => {
    // As `some` of Hono 4.6.
    const ignoring = (middleware: MiddlewareHandler): MiddlewareHandler => {
      return async (c, next) => void (await middleware(c, next));
    };
    const refusals = async (wrap: (middleware: MiddlewareHandler) => MiddlewareHandler) => {
      const app = new Hono();
      app.use(async (c, next) => {
        c.res.headers.append('Set-Cookie', 'a=1');
        c.res.headers.append('Set-Cookie', 'b=2');
        await next();
      });
      app.use(cors({ origin: ORIGIN, credentials: true }), wrap(authenticate(issuer.options)));
      app.get('/stock', ok).get('/orders', wrap(requireScope('write:orders')), ok);
      const responses = [await ask(app, '/stock'), await ask(app, '/orders', reader)];
      return responses.map(({ status, headers }) => ({ status, headers: [...headers] }));
    };
    const ignored = await refusals(ignoring);
    expect(ignored).toEqual(await refusals((middleware) => middleware));
    expect(ignored).toMatchObject([{ status: 401 }, { status: 403 }]);
    const cookies = ignored[0]?.headers.filter(([name]) => name === 'set-cookie');
    expect(cookies?.map(([, value]) => value)).toEqual(['a=1', 'b=2']);
  });
});

describe('getAuth', () => {
  it("throws if the request isn't authenticated, even with an object that looks like an Auth", async () => {
    const app = new Hono().onError((error, c) => c.text(error.message, 500));
    app.get('/', (c) => {
      c.set('auth' as never, { ...fakeAuth({ scopes: ['a'] }) } as never); // a caller without types
      return c.json(getAuth(c).scopes);
    });
    expect(await (await ask(app, '/')).text()).toContain('not authenticated');
  });

  it('is who was authenticated, whatever something else put into the variable', {
    tags: ['OPS-12'],
  }, async () => {
    const app = new Hono<AuthEnv>().use(authenticate(issuer.options)).use(async (c, next) => {
      c.set('auth', fakeAuth({ clientId: 'another' }));
      await next();
    });
    app.get('/', (c) => c.json(getAuth(c).clientId));
    expect(await (await ask(app, '/', reader)).json()).toBe('test-client');
  });

  it('takes a fake Auth, for testing a handler without a resource server', async () => {
    const app = new Hono<AuthEnv>();
    app.use(async (c, next) => {
      c.set('auth', fakeAuth({ clientId: 'order-service' }));
      await next();
    });
    app.get('/', (c) => c.json([getAuth(c).clientId, c.var.auth.clientId]));
    expect(await (await ask(app, '/')).json()).toEqual(['order-service', 'order-service']);
  });
});

describe('resourceMetadata', () => {
  const PLACE = '/.well-known/oauth-protected-resource';
  const publishing = (resource: string) => createResourceServer({ ...issuer.options, resource });

  it('serves what matches the request, and nothing but metadata', { tags: ['PRM-02'] }, async () => {
    const [stock, orders] = [publishing(`${ORIGIN}/stock`), publishing(`${ORIGIN}/orders`)];
    const app = new Hono();
    app.use(resourceMetadata(stock), resourceMetadata(orders));
    app.use('/stock/*', authenticate(stock));
    app.use('/orders/*', authenticate(orders));
    app.get('/stock/42', ok);
    const resourceAt = async (path: string) => {
      const response = await ask(app, path);
      return response.ok ? JSON.parse(await response.text()).resource : response.status;
    };
    expect(await resourceAt(`${PLACE}/stock`)).toBe(`${ORIGIN}/stock`);
    expect(await resourceAt(`${PLACE}/orders`)).toBe(`${ORIGIN}/orders`);
    expect(await resourceAt(PLACE)).toBe(404); // could be meant for both
    expect(await resourceAt('/stock/42')).toBe(401);
  });

  it('is part of authenticate', { tags: ['PRM-02'] }, async () => {
    const app = new Hono().use(authenticate(publishing(ORIGIN))).get('/', ok);
    expect(await (await ask(app, PLACE)).json()).toMatchObject({ resource: ORIGIN });
    expect((await ask(app, `${PLACE}/`)).status).toBe(200);
    expect((await ask(app, PLACE, {}, 'POST')).status).toBe(405);
    expect((await ask(app, PLACE, PREFLIGHT, 'OPTIONS')).status).toBe(204);
  });
});
