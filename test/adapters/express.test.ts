import '../../adapters/express/types.js';
import { IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import request from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import {
  authenticate,
  deny,
  getAuth,
  type Middleware,
  requireAnyScope,
  requireClaims,
  requireScope,
  resourceMetadata,
} from '../../adapters/express/index.js';
import {
  createResourceServer,
  InsufficientScopeError,
  InvalidTokenError,
  isResourceServerError,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import { createDpopKey, createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope: 'read:inventory' });
const writer = await issuer.authorization({ scope: 'write:orders' });
const PREFLIGHT = { Origin: 'https://shop.example.com', 'Access-Control-Request-Method': 'GET' };

/** An application with `/stock` behind a scope; the handler counts how often it ran. */
function createApp(options: Partial<ResourceServerOptions> = {}) {
  const handler = vi.fn<RequestHandler>((request, response) => {
    response.json({ caller: getAuth(request).clientId });
  });
  const app = express();
  app.use(authenticate({ ...issuer.options, ...options }));
  app.all('/stock', requireScope('read:inventory'), handler);
  return { app, handler };
}

/** Answers with what the error path was given. */
const showError: ErrorRequestHandler = (error, _request, response, _next) => {
  response.status(isResourceServerError(error) ? error.status : 500).json({ message: String(error) });
};

describe('authenticate', () => {
  it('takes a ready resource server, which several applications may share', async () => {
    const server = createResourceServer(issuer.options);
    for (const app of [express(), express()]) {
      app.use(authenticate(server), (req, res) => void res.json({ subject: getAuth(req).subject }));
      await request(app).get('/').set(reader).expect(200, { subject: 'test-client' });
    }
  });

  it('throws at once when an option is wrong', () => {
    expect(() => authenticate({ issuer: 'https://auth.example.com' } as ResourceServerOptions)).toThrow(
      TypeError,
    );
  });

  it("protects only the router that it's mounted in", async () => {
    const app = express();
    const inner = express.Router();
    inner.use(authenticate(issuer.options));
    inner.get('/stock', requireScope('read:inventory'), (_req, res) => void res.json({}));
    app.use('/api', inner);
    app.get('/open', (_req, res) => void res.json({}));
    await request(app).get('/open').expect(200);
    await request(app).get('/api/stock').expect(401);
    await request(app).get('/api/stock').set(reader).expect(200);
  });

  it("decides again if it's mounted twice, and the inner decision counts", async () => {
    const other = await createTestIssuer({ issuer: 'https://other.example.com' });
    const app = express();
    app.use(authenticate({ ...issuer.options, optional: true }));
    app.use(authenticate({ ...other.options, audience: 'https://api.example.com' }));
    app.get('/', (_req, res) => void res.json({}));
    await request(app).get('/').set(reader).expect(401);
  });

  it('clears what was in req.auth before', { tags: ['OPS-12'] }, async () => {
    const app = express();
    app.use((req, _res, next) => {
      Object.assign(req, { auth: { scopes: ['read:inventory'] } });
      next();
    });
    app.use(authenticate({ ...issuer.options, optional: true }));
    app.get('/', (req, res) => void res.json({ isAnonymous: req.auth === undefined }));
    await request(app).get('/').expect(200, { isAnonymous: true });
  });

  it('removes the token from every URL that the application sees', { tags: ['BRR-11'] }, async () => {
    const app = express();
    app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }));
    app.get(
      '/',
      (req, res) => void res.json({ url: req.url, originalUrl: req.originalUrl, query: req.query }),
    );
    const token = await issuer.token();
    const { body } = await request(app).get(`/?a=1&access_token=${token}&b=2`).expect(200);
    expect(body).toEqual({ url: '/?a=1&b=2', originalUrl: '/?a=1&b=2', query: { a: '1', b: '2' } });
  });

  it("passes a bug to the error path, and doesn't run the handler", { tags: ['OPS-09'] }, async () => {
    const defective: ResourceServer = Object.create(createResourceServer(issuer.options), {
      authenticate: { value: () => Promise.reject(undefined) }, // the worst a promise can do: next(undefined) would continue
    });
    const { app, handler } = createApp();
    const broken = express();
    broken.use(authenticate(defective), app);
    await request(broken).get('/stock').set(reader).expect(500);
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('header fields that a middleware replaced', () => {
  it.each<[string, (req: express.Request, authorization: string) => void]>([
    [
      'as a whole',
      (req, authorization) => Object.assign(req, { headers: { ...req.headers, authorization } }),
    ],
    ['one by one', (req, authorization) => Object.assign(req.headers, { authorization })],
  ])(
    "count as they are now, and don't hide a repeated line: %s",
    { tags: ['BRR-06'] },
    async (_, replace) => {
      const app = express();
      app.use((req, _res, next) => {
        replace(req, `Bearer ${req.get('X-Token')}`);
        next();
      });
      app.use(authenticate(issuer.options), (_req, res) => void res.json({}));
      const good = reader.Authorization.slice('Bearer '.length);
      await request(app).get('/').set('X-Token', good).expect(200);
      await request(app).get('/').set('X-Token', good).set('Authorization', 'Bearer bad').expect(200);
      await request(app).get('/').set('X-Token', 'bad').set(reader).expect(401);
      const repeated = request(app).get('/').set('X-Token', good);
      await repeated.set('Authorization', ['Bearer a', 'Bearer b'] as never).expect(400);
    },
  );
});

describe('a response that was sent already', () => {
  it("isn't touched by a late refusal", async () => {
    const late = await createTestIssuer();
    const app = express();
    const failed = vi.fn();
    app.use((_req, res, next) => {
      res.status(504).end();
      next();
    });
    app.use(
      authenticate({
        ...late.options,
        issuer: { issuer: late.identifier, jwks: () => Promise.reject(new Error('down')) },
      }),
    );
    app.use(((error, _req, _res, _next) => failed(error)) as ErrorRequestHandler);
    await request(app)
      .get('/')
      .set(await late.authorization())
      .expect(504);
    await request(app).get('/').expect(504);
    expect(failed).not.toHaveBeenCalled();
  });
});

describe('an answer that has begun', () => {
  const begin: RequestHandler = (_req, res, next) => {
    res.write('half an answer');
    next();
  };
  const fail: RequestHandler = (_req, _res, next) => next(new InsufficientScopeError('claims_not_met'));
  const aud = { audience: 'https://other.example.com' };

  it.each<[string, (app: express.Express) => unknown]>([
    ['authenticate', (app) => app.use(begin, authenticate({ ...issuer.options, ...aud }))],
    ['errors: next', (app) => app.use(begin, authenticate({ ...issuer.options, ...aud, errors: 'next' }))],
    ['a requirement', (app) => app.use(authenticate(issuer.options), begin, requireScope('admin'))],
    ['deny', (app) => app.use(authenticate(issuer.options), begin, fail).use(deny)],
  ])('is left to Express, which closes the connection: %s', async (_, add) => {
    const app = express();
    add(app);
    await expect(request(app).get('/').set(writer)).rejects.toThrow('aborted');
  });
});

describe('where no response can be written', () => {
  const unwritable = (): [string, unknown][] => [
    ['an empty object, as Socket.IO has it', {}],
    ['undefined', undefined],
    ['null', null],
    ['a string', 'response'],
    ['a frozen object', Object.freeze({ headersSent: false })],
    ['no end', { setHeader: () => undefined }],
    ['no setHeader', { end: () => undefined, writeHead: () => undefined }],
    ['methods that are none', { setHeader: true, end: 'end', headersSent: 0 }],
    ['an array', []],
    [
      'what throws for everything',
      new Proxy({}, { get: () => expect.fail(), set: () => false, has: () => expect.fail() }),
    ],
  ];
  const passed = (middleware: Middleware, message: IncomingMessage, response: unknown): Promise<unknown> =>
    new Promise((resolve) => {
      middleware(message, response as ServerResponse, resolve); // as a caller without types
    });
  const messageWith = (headers: object = {}, url = '/'): IncomingMessage =>
    Object.assign(new IncomingMessage(new Socket()), { headers, url, method: 'GET' });

  describe.each(unwritable())('%s', (_, response) => {
    it.each(['respond', 'next'] as const)(
      "hands refusals to next, and throws nothing: errors: '%s'",
      { tags: ['OPS-09'] },
      async (errors) => {
        const resource = 'https://api.example.com/mcp';
        const middleware = authenticate({ ...issuer.options, errors, resource });
        for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: 'Bearer' }]) {
          const error = await passed(middleware, messageWith(headers), response);
          expect(isResourceServerError(error)).toBe(true);
        }
        const good = messageWith({ authorization: writer.Authorization });
        expect(await passed(middleware, good, response)).toBeUndefined();
        expect(await passed(requireScope('write:orders'), good, response)).toBeUndefined();
        expect(await passed(requireScope('admin'), good, response)).toBeInstanceOf(InsufficientScopeError);
        const own: Middleware = (...given) => deny(new InsufficientScopeError('claims_not_met'), ...given);
        expect(await passed(own, good, response)).toMatchObject({ reason: 'claims_not_met' });
      },
    );

    it('hands mistakes and bugs to next, too, and metadata to what comes behind', async () => {
      expect(await passed(requireScope('admin'), messageWith(), response)).toBeInstanceOf(Error);
      const own: Middleware = (...given) => deny(new InsufficientScopeError('claims_not_met'), ...given);
      expect(await passed(own, messageWith(), response)).toMatchObject({
        message: expect.stringContaining('deny: nothing authenticated'),
      });
      const defective: ResourceServer = Object.create(createResourceServer(issuer.options), {
        authenticate: {
          value: () => {
            throw new Error('bug');
          },
        },
      });
      expect(await passed(authenticate(defective), messageWith(), response)).toMatchObject({
        message: 'bug',
      });
      const middleware = resourceMetadata({ ...issuer.options, resource: 'https://api.example.com' });
      const target = '/.well-known/oauth-protected-resource';
      expect(await passed(middleware, messageWith({}, target), response)).toBeUndefined();
    });

    it('lets a good token through, also one in the URL', async () => {
      const query = authenticate({ ...issuer.options, bearerMethods: ['query'] });
      const message = messageWith({}, `/socket.io/?access_token=${await issuer.token()}`);
      expect(await passed(query, message, response)).toBeUndefined();
      expect(getAuth(message).clientId).toBe('test-client');
    });
  });
});

describe('preflight requests', () => {
  it('meet no requirement if no CORS layer answers them', { tags: ['BRR-28'] }, async () => {
    const { app, handler } = createApp();
    const response = await request(app).options('/stock').set(PREFLIGHT).expect(401);
    expect(response.headers['www-authenticate']).toBe(plainChallenges('read:inventory').join(', '));
    expect(handler).not.toHaveBeenCalled();
  });

  it("don't count as preflights after a method override", {
    tags: ['BRR-28'],
  }, async () => {
    const handler = vi.fn();
    const app = express();
    app.use((req, _res, next) => {
      Object.assign(req, { originalMethod: req.method, method: 'DELETE' }); // as the package method-override does
      next();
    });
    app.use(authenticate(issuer.options));
    app.delete('/stock', handler);
    await request(app).options('/stock').set(PREFLIGHT).expect(401);
    expect(handler).not.toHaveBeenCalled();
  });

  it('stay preflights, whatever a method override behind makes of them', {
    tags: ['BRR-28'],
  }, async () => {
    const handler = vi.fn<RequestHandler>((_req, res) => void res.json({}));
    const app = express();
    app.use(authenticate(issuer.options));
    app.use((req, _res, next) => {
      req.method = 'DELETE';
      next();
    });
    app.delete('/stock', handler);
    await request(app).options('/stock').set(PREFLIGHT).expect(200); // Express's own answer
    expect(handler).not.toHaveBeenCalled();
  });

  it.each<[string, RequestHandler]>([
    [
      'a field, as the package method-override reads it',
      (req, _res, next) => {
        Object.assign(req, { originalMethod: req.method, method: req.get('X-HTTP-Method-Override') });
        next();
      },
    ],
    [
      'the query, with Reflect.set',
      (req, _res, next) => {
        Reflect.set(req, 'method', String(req.query._method));
        next();
      },
    ],
    [
      'a copy of the request',
      (req, res, next) => {
        const copy = Object.assign(Object.create(req), { method: 'DELETE' });
        Reflect.apply(router, undefined, [copy, res, next]);
      },
    ],
  ])("can't become another request by %s", { tags: ['BRR-28'] }, async (_, override) => {
    const app = express();
    app.use(authenticate(issuer.options), override, router);
    await request(app)
      .options('/stock?_method=DELETE')
      .set({ ...PREFLIGHT, 'X-HTTP-Method-Override': 'DELETE' });
    expect(deleted).not.toHaveBeenCalled();
    // With a token the same request is what the override makes of it.
    await request(app)
      .options('/stock?_method=DELETE')
      .set({ ...PREFLIGHT, ...writer, 'X-HTTP-Method-Override': 'DELETE' })
      .expect(200);
    expect(deleted).toHaveBeenCalledTimes(1);
    deleted.mockClear();
  });
  const deleted = vi.fn<RequestHandler>((_req, res) => void res.json({}));
  const router = express.Router().delete('/stock', deleted);

  it('reach just what the documentation says: middleware behind, and handlers that take OPTIONS', {
    tags: ['BRR-28'],
  }, async () => {
    const reached: string[] = [];
    const note =
      (name: string): RequestHandler =>
      (_req, _res, next) => {
        reached.push(name);
        next();
      };
    const app = express();
    app.use(authenticate(issuer.options), note('use'));
    app.get('/stock', note('get'));
    app.post('/stock', note('post'));
    app.delete('/stock', note('delete'));
    app.options('/stock', note('options'));
    app.all('/stock', note('all'), requireScope('read:inventory'), note('behind a requirement'));
    await request(app).options('/stock').set(PREFLIGHT).expect(401);
    expect(reached).toEqual(['use', 'options', 'all']);
    // What isn't a preflight reaches nothing.
    for (const [method, headers] of [
      ['options', {}],
      ['options', { Origin: PREFLIGHT.Origin }],
      ['head', PREFLIGHT],
      ['get', PREFLIGHT],
      ['post', { ...PREFLIGHT, 'X-HTTP-Method-Override': 'OPTIONS' }],
    ] as const)
      await request(app)[method]('/stock').set(headers).expect(401);
    expect(reached).toEqual(['use', 'options', 'all']);
  });

  it('keep no token in their URL', { tags: ['BRR-11', 'BRR-28'] }, async () => {
    const app = express();
    app.use(authenticate({ ...issuer.options, bearerMethods: ['query'] }));
    app.options('/', ({ url, originalUrl, query }, res) => void res.json({ url, originalUrl, query }));
    const { body } = await request(app).options('/?access_token=eyJ.a.b&b=2').set(PREFLIGHT).expect(200);
    expect(body).toEqual({ url: '/?b=2', originalUrl: '/?b=2', query: { b: '2' } });
  });

  it("don't count as preflights if they carry credentials", { tags: ['BRR-28'] }, async () => {
    const { app } = createApp();
    await request(app)
      .options('/stock')
      .set(PREFLIGHT)
      .set('Authorization', 'Bearer abc')
      .expect(401, /invalid_token/);
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
      const handler = vi.fn<RequestHandler>((_req, res) => void res.json({}));
      const app = express();
      app.get('/', middleware, handler);
      app.use(showError);
      const { body } = await request(app).get('/').set(reader).expect(500);
      expect(body.message).toBe(
        `Error: ${name}: nothing authenticated this request; put authenticate() before it`,
      );
      expect(handler).not.toHaveBeenCalled();
    },
  );

  it('are not met by an auth that the application put there itself', { tags: ['OPS-12'] }, async () => {
    const app = express();
    app.use((req, _res, next) => {
      Object.assign(req, { auth: fakeAuth({ scopes: ['a'] }) });
      next();
    });
    app.get('/', requireScope('a'), (_req, res) => void res.json({}));
    app.use(showError);
    await request(app).get('/').expect(500);
  });

  it('throw at once if they would deny nothing', { tags: ['SCP-06', 'SCP-12'] }, () => {
    expect(() => requireScope()).toThrow(TypeError);
    expect(() => requireAnyScope()).toThrow(TypeError);
    expect(() => requireScope('read write')).toThrow('one per argument');
    expect(() => requireClaims('admin' as never)).toThrow(TypeError);
  });

  it('can be met by one route and not by another', async () => {
    const { app } = createApp();
    await request(app).get('/stock').set(reader).expect(200, { caller: 'test-client' });
    await request(app).get('/stock').set(writer).expect(403);
  });
});

describe('several requirements of a route', () => {
  const scopeNamed = async (app: express.Express, path: string, method: 'get' | 'head' | 'post' = 'get') =>
    /scope="([^"]*)"/.exec(
      (await request(app)[method](path).set(writer).expect(403)).headers['www-authenticate'] ?? '',
    )?.[1];
  const ok: RequestHandler = (_req, res) => void res.json({});
  const protectedApp = () => express().use(authenticate(issuer.options));

  it('are named in one challenge: as arguments, in a list, with something between', {
    tags: ['BRR-25'],
  }, async () => {
    const app = protectedApp();
    app.get('/arguments', requireScope('a'), requireScope('b'), ok);
    app.get('/list', [requireScope('a'), requireScope('b')], ok);
    app.get('/between', requireScope('a'), express.json(), requireScope('b'), ok);
    for (const path of ['/arguments', '/list', '/between']) expect(await scopeNamed(app, path)).toBe('a b');
  });

  it('are those for the method of the request', { tags: ['BRR-25'] }, async () => {
    const app = protectedApp();
    app.route('/').all(requireScope('all')).get(requireScope('get'), ok).post(requireScope('post'), ok);
    expect(await scopeNamed(app, '/', 'get')).toBe('all get');
    expect(await scopeNamed(app, '/', 'head')).toBe('all get');
    expect(await scopeNamed(app, '/', 'post')).toBe('all post');
  });

  it('are named together with those of the router around it', { tags: ['BRR-25'] }, async () => {
    const app = protectedApp();
    const router = express.Router().use(requireScope('write:orders'));
    router.get('/', requireScope('a'), ok);
    app.use('/inner', router);
    expect(await scopeNamed(app, '/inner')).toBe('write:orders a');
  });

  it('are not those of another route that the request came through', async () => {
    const app = protectedApp();
    app.get('/', (_req, _res, next) => next('route'), requireScope('admin'), ok);
    app.use(requireScope('write:orders'), ok);
    await request(app).get('/').set(writer).expect(200);
  });

  it('ask a predicate once', async () => {
    const predicate = vi.fn(() => true);
    const app = protectedApp();
    app.get('/', requireScope('write:orders'), requireClaims(predicate), requireScope('write:orders'), ok);
    await request(app).get('/').set(writer).expect(200);
    expect(predicate).toHaveBeenCalledTimes(1);
  });

  it('are named in the 401 where authenticate stands in the route', { tags: ['MCP-05'] }, async () => {
    const app = express();
    const resource = 'https://inventory.example.com';
    app.get('/', authenticate({ ...issuer.options, resource }), requireScope('a'), requireScope('b'), ok);
    const { headers } = await request(app).get('/').expect(401);
    expect(headers['www-authenticate']).toContain('scope="a b"');
  });
});

describe("errors: 'next'", () => {
  it('hands the typed error to the error path, with the challenge already set', {
    tags: ['OPS-17'],
  }, async () => {
    const seen: unknown[] = [];
    const { app, handler } = createApp({ errors: 'next' });
    app.use(((error, _req, res, _next) => {
      seen.push(error);
      res.status(error.status).json({ my: 'format' });
    }) as ErrorRequestHandler);
    const response = await request(app)
      .get('/stock')
      .set('Authorization', 'Bearer abc')
      .expect(401, { my: 'format' });
    expect(response.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(response.headers['cache-control']).toBe('no-store');
    expect(seen[0]).toBeInstanceOf(InvalidTokenError);
    expect(seen[0]).toMatchObject({ reason: 'malformed_token' });
    expect(handler).not.toHaveBeenCalled();
  });

  it('keeps status and challenge with the error handler of Express itself', {
    tags: ['OPS-17'],
  }, async () => {
    const { app } = createApp({ errors: 'next' });
    app.set('env', 'test'); // keeps the error out of the test's output
    const response = await request(app).get('/stock').set(writer).expect(403);
    expect(response.headers['www-authenticate']).toContain('error="insufficient_scope"');
  });
});

describe('getAuth', () => {
  it("throws if the request isn't authenticated, even with an object that looks like an Auth", () => {
    expect(() => getAuth({})).toThrow('not authenticated');
    expect(() => getAuth({ auth: { ...fakeAuth({ scopes: ['a'] }) } })).toThrow('not authenticated');
  });

  it('takes a fake Auth, for calling a handler directly', () => {
    expect(getAuth({ auth: fakeAuth({ clientId: 'order-service' }) }).clientId).toBe('order-service');
  });

  it.each([
    [
      'its Auth instead of the request',
      fakeAuth(),
      'getAuth takes the request, got its Auth: use that as it is',
    ],
    ['nothing', undefined, 'getAuth takes the request, got undefined'],
    ['null', null, 'getAuth takes the request, got null'],
    ['text', 'request', 'getAuth takes the request, got string'],
  ])('says so if it is given %s', (_, given, message) => {
    expect(() => getAuth(given as object)).toThrow(new TypeError(message));
  });
});

describe('a proof of possession', () => {
  it('is used once per request, wherever the same resource server stands', { tags: ['DPP-19'] }, async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const server = createResourceServer({ ...issuer.options, baseUrl: 'https://api.example.com' });
    const app = express();
    const inner = express.Router();
    app.use(authenticate(server));
    inner.use(authenticate(server), (req, _res, next) => {
      Reflect.deleteProperty(req, 'auth');
      next();
    });
    app.use(
      '/inner',
      inner,
      authenticate(server),
      (req, res) => void res.json({ caller: getAuth(req).clientId }),
    );
    const headers = await key.headers({ url: 'https://api.example.com/inner', token });
    await request(app).get('/inner').set(headers).expect(200, { caller: 'test-client' });
    await request(app).get('/inner').set(headers).expect(401);
  });

  it('ignores tokens that were removed from the URL', { tags: ['BRR-11'] }, async () => {
    const server = createResourceServer({ ...issuer.options, bearerMethods: ['query'] });
    const app = express();
    app.use(authenticate(server), authenticate(server), (req, res) => void res.json({ url: req.url }));
    const token = await issuer.token();
    await request(app).get(`/a?access_token=${token}`).expect(200, { url: '/a' });
  });

  it('is for the method that was sent, whatever an override makes of it', { tags: ['DPP-10'] }, async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const app = express();
    app.use((req, _res, next) => {
      Object.assign(req, { originalMethod: req.method, method: 'DELETE' }); // as the package method-override does
      next();
    });
    app.use(
      authenticate({ ...issuer.options, baseUrl: 'https://api.example.com' }),
      (_req, res) => void res.end(),
    );
    const headers = (method: string) => key.headers({ url: 'https://api.example.com/', token, method });
    await request(app)
      .post('/')
      .set(await headers('DELETE'))
      .expect(401);
    await request(app)
      .post('/')
      .set(await headers('POST'))
      .expect(200);
  });
});
