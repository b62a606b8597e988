import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import cors from '@fastify/cors';
import formbody from '@fastify/formbody';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { describe, expect, it, vi } from 'vitest';
import {
  getAuth,
  requireAnyScope,
  requireClaims,
  requireScope,
  resourceServer,
} from '../../adapters/fastify/index.js';
import {
  createResourceServer,
  type Denied,
  InvalidTokenError,
  type ResourceServerOptions,
} from '../../src/index.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope: 'read:inventory' });
const writer = await issuer.authorization({ scope: 'write:orders' });
const PREFLIGHT = { origin: 'https://shop.example.com', 'access-control-request-method': 'GET' };

/** An application with `/stock`, protected, and `/open`, public; both count how often they ran. */
async function createApp(options: Partial<ResourceServerOptions> = {}) {
  const app = fastify();
  const handler = vi.fn((request: FastifyRequest) => ({ caller: request.auth?.clientId ?? null }));
  await app.register(resourceServer, { ...issuer.options, ...options });
  app.get('/stock', handler);
  app.get('/open', { config: { public: true } }, handler);
  return { app, handler };
}

async function status(
  app: FastifyInstance,
  url: string,
  headers: Record<string, string> = {},
): Promise<number> {
  const { statusCode } = await app.inject({ url, headers });
  return statusCode;
}

describe('scopes of the plugin', () => {
  it('protects routes declared before and after it, and those of inner scopes', async () => {
    const app = fastify();
    app.get('/before', () => 'ok');
    await app.register(resourceServer, issuer.options);
    app.get('/after', () => 'ok');
    app.register(async (inner) => {
      inner.get('/inner', () => 'ok');
    });
    for (const url of ['/before', '/after', '/inner']) {
      expect(await status(app, url)).toBe(401);
      expect(await status(app, url, reader)).toBe(200);
    }
  });

  it('protects only the scope that it is registered in', async () => {
    const app = fastify();
    app.get('/outside', (request) => ({ hasAuth: 'auth' in request }));
    app.register(async (scope) => {
      await scope.register(resourceServer, issuer.options);
      scope.get('/inside', () => 'ok');
    });
    expect(await status(app, '/outside')).toBe(200);
    expect(await status(app, '/inside')).toBe(401);
  });

  it('requires a token for unknown routes of its scope too', async () => {
    const { app } = await createApp();
    expect(await status(app, '/nowhere')).toBe(401);
    expect(await status(app, '/nowhere', reader)).toBe(404);
  });

  it('verifies a token once if one server is registered in nested scopes', async () => {
    const server = createResourceServer(issuer.options);
    const authenticate = vi.spyOn(server, 'authenticate');
    const app = fastify();
    await app.register(resourceServer, server);
    app.register(async (inner) => {
      await inner.register(resourceServer, server);
      inner.get('/stock', (request) => getAuth(request).scopes);
    });
    expect((await app.inject({ url: '/stock', headers: reader })).json()).toEqual(['read:inventory']);
    expect(authenticate).toHaveBeenCalledTimes(1);
  });

  it('requires that nested servers agree', async () => {
    const other = await createTestIssuer({ issuer: 'https://other.example.com' });
    const app = fastify();
    await app.register(resourceServer, {
      ...issuer.options,
      issuer: [issuer.options.issuer, other.options.issuer],
    });
    app.register(async (inner) => {
      await inner.register(resourceServer, other.options);
      inner.get(
        '/stock',
        { onRequest: requireScope('read:inventory') },
        (request) => getAuth(request).issuer,
      );
    });
    const accepted = await app.inject({
      url: '/stock',
      headers: await other.authorization({ scope: 'read:inventory' }),
    });
    expect(accepted.body).toBe('https://other.example.com');
    expect(await status(app, '/stock', reader)).toBe(401);
  });

  it('refuses to start if another plugin owns request.auth', async () => {
    const app = fastify();
    app.decorateRequest('auth');
    await expect(app.register(resourceServer, issuer.options)).rejects.toThrow(
      'requests already have a decorator "auth", of another plugin or of another copy',
    );
  });
});

describe('options', () => {
  it('leaves the options of app.register to Fastify', async () => {
    const app = fastify();
    await app.register(resourceServer, {
      ...issuer.options,
      prefix: '/api',
      logLevel: 'warn',
      logSerializers: {},
    });
    app.get('/stock', () => 'ok');
    expect(await status(app, '/stock', reader)).toBe(200);
  });

  it('fails at start with an unknown option, or none', { tags: ['OPS-09'] }, async () => {
    const misspelled = { ...issuer.options, audiance: 'https://api.example.com' };
    await expect(fastify().register(resourceServer, misspelled)).rejects.toThrow(/audiance/);
    await expect(fastify().register(resourceServer, {} as ResourceServerOptions)).rejects.toThrow(TypeError);
  });

  it('closes the server that it created, but not one that it was given', async () => {
    const server = createResourceServer(issuer.options);
    const close = vi.spyOn(Object.getPrototypeOf(server), 'close');
    const given = fastify();
    await given.register(resourceServer, server);
    await given.close();
    expect(close).not.toHaveBeenCalled();

    const { app } = await createApp();
    await app.close();
    expect(close).toHaveBeenCalledTimes(1);
    close.mockRestore();
  });
});

describe('public routes', () => {
  it('run without credentials, with bad ones, and for HEAD', async () => {
    const { app, handler } = await createApp();
    expect(await status(app, '/open')).toBe(200);
    expect(await status(app, '/open', { authorization: 'Bearer nonsense' })).toBe(200);
    expect((await app.inject({ method: 'HEAD', url: '/open' })).statusCode).toBe(200);
    expect(handler).toHaveBeenCalledTimes(3);
  });

  it('are public only with true', async () => {
    const { app } = await createApp();
    app.get('/almost', { config: { public: 'yes' as unknown as boolean } }, () => 'ok');
    expect(await status(app, '/almost')).toBe(401);
  });

  it('ignore an auth that another plugin put on the request', { tags: ['OPS-12'] }, async () => {
    const app = fastify();
    const handler = vi.fn((request: FastifyRequest) => ({ auth: request.auth ?? null }));
    app.addHook('onRequest', async (request) => {
      request.auth = fakeAuth();
    });
    await app.register(resourceServer, issuer.options);
    app.get('/open', { config: { public: true } }, handler);
    expect((await app.inject('/open')).json()).toEqual({ auth: null });
  });
});

describe('requirements', () => {
  it.each(['onRequest', 'preValidation', 'preHandler'] as const)('are checked as %s', async (hook) => {
    const { app } = await createApp();
    const handler = vi.fn(() => 'ok');
    app.get('/scope', { [hook]: requireScope('read:inventory') }, handler);
    app.get('/any', { [hook]: requireAnyScope('read:inventory', 'admin') }, handler);
    app.get('/claims', { [hook]: requireClaims((claims) => claims.scope === 'read:inventory') }, handler);
    for (const url of ['/scope', '/any', '/claims']) {
      expect(await status(app, url, writer)).toBe(403);
      expect(handler).not.toHaveBeenCalled();
      expect(await status(app, url, reader)).toBe(200);
      handler.mockClear();
    }
  });

  it('apply to a whole scope', async () => {
    const { app } = await createApp();
    app.register(async (scope) => {
      scope.addHook('onRequest', requireScope('write:orders'));
      scope.get('/orders', () => 'ok');
    });
    expect(await status(app, '/orders', reader)).toBe(403);
    expect(await status(app, '/orders', writer)).toBe(200);
  });

  it('are refused when the route is declared without a proper scope', { tags: ['SCP-12'] }, () => {
    expect(() => requireScope()).toThrow(TypeError);
    expect(() => requireScope('read:inventory write:orders')).toThrow(TypeError);
    expect(() => requireAnyScope()).toThrow(TypeError);
    expect(() => requireClaims(undefined as never)).toThrow(TypeError);
  });

  it.each([
    ['without the plugin', false, {}],
    ['on a public route', true, { config: { public: true } }],
  ])(
    'fail %s with a 500 that tells the developer what to do',
    { tags: ['OPS-09'] },
    async (_where, isRegistered, routeOptions) => {
      const app = fastify();
      const handler = vi.fn(() => 'ok');
      // A genuine auth from elsewhere must not stand in for an authentication (OPS-12).
      app.addHook('onRequest', async (request) => {
        request.auth = fakeAuth({ scopes: ['read:inventory'] });
      });
      if (isRegistered) await app.register(resourceServer, issuer.options);
      app.get('/stock', { ...routeOptions, onRequest: requireScope('read:inventory') }, handler);
      const response = await app.inject({ url: '/stock', headers: reader });
      expect(response.statusCode).toBe(500);
      expect(response.json().message).toMatch(/^requireScope: nothing authenticated this request\. Register/);
      expect(handler).not.toHaveBeenCalled();
    },
  );
});

describe('optional: true', () => {
  it('leaves request.auth undefined, refuses bad credentials, and asks for them if scopes are required', {
    tags: ['BRR-31'],
  }, async () => {
    const { app } = await createApp({ optional: true });
    app.get('/scoped', { onRequest: requireScope('read:inventory') }, () => 'ok');
    expect((await app.inject('/stock')).json()).toEqual({ caller: null });
    expect(await status(app, '/stock', { authorization: 'Bearer nonsense' })).toBe(401);
    const response = await app.inject('/scoped');
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toEqual(plainChallenges('read:inventory'));
  });

  it('makes getAuth fail for anonymous callers', async () => {
    const { app } = await createApp({ optional: true });
    app.get('/mine', (request) => getAuth(request).subject);
    expect(await status(app, '/mine', reader)).toBe(200);
    expect(await status(app, '/mine')).toBe(500);
  });
});

describe('CORS preflight', () => {
  it('is left to a CORS plugin registered later', { tags: ['BRR-28'] }, async () => {
    const { app } = await createApp();
    await app.register(cors);
    const response = await app.inject({ method: 'OPTIONS', url: '/stock', headers: PREFLIGHT });
    expect(response.statusCode).toBe(204);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(await status(app, '/stock', { origin: PREFLIGHT.origin })).toBe(401);
  });

  it.each([{}, { onRequest: requireScope('read:inventory') }])(
    'never reaches a handler if no CORS plugin answers it',
    { tags: ['BRR-28'] },
    async (routeOptions) => {
      const { app } = await createApp();
      const handler = vi.fn(() => 'ok');
      app.route({ method: ['GET', 'OPTIONS'], url: '/orders', ...routeOptions, handler });
      const response = await app.inject({ method: 'OPTIONS', url: '/orders', headers: PREFLIGHT });
      expect(response.statusCode).toBe(401);
      expect(handler).not.toHaveBeenCalled();
    },
  );

  it('reaches neither hooks nor body parser of a route', { tags: ['BRR-28'] }, async () => {
    const { app } = await createApp();
    const reached: string[] = [];
    const note = (name: string) => async () => void reached.push(name);
    app.addContentTypeParser('text/special', { parseAs: 'string' }, async () => void reached.push('parser'));
    app.all('/orders', {
      onRequest: note('onRequest'),
      preParsing: async (_request, _reply, body) => {
        reached.push('preParsing');
        return body;
      },
      preValidation: note('preValidation'),
      preHandler: note('preHandler'),
      handler: note('handler'),
    });
    const headers = { ...PREFLIGHT, 'content-type': 'text/special' };
    const response = await app.inject({ method: 'OPTIONS', url: '/orders', headers, payload: 'body' });
    expect(response.statusCode).toBe(401);
    expect(reached).toEqual([]);
    const granted = { ...headers, ...reader };
    await app.inject({ method: 'OPTIONS', url: '/orders', headers: granted, payload: 'body' });
    expect(reached).toEqual(['onRequest', 'preParsing', 'parser', 'preValidation', 'preHandler', 'handler']);
  });

  it('reaches onRequest hooks of whole scopes behind the plugin, and nothing after them', {
    tags: ['BRR-28'],
  }, async () => {
    const { app } = await createApp();
    const reached: string[] = [];
    for (const hook of ['onRequest', 'preHandler'] as const)
      app.addHook(hook, async () => void reached.push(hook));
    app.all('/orders', () => 'ok');
    expect((await app.inject({ method: 'OPTIONS', url: '/orders', headers: PREFLIGHT })).statusCode).toBe(
      401,
    );
    expect(reached).toEqual(['onRequest']);
  });

  it.each(['options', 'OPTIONS', ['get', 'options'], ['GET', 'OPTIONS']])(
    'reaches no route, however its methods are written: %j',
    { tags: ['BRR-28'] },
    async (method) => {
      const { app } = await createApp();
      const handler = vi.fn(() => 'ok');
      app.route({ method: method as 'OPTIONS', url: '/orders', handler }); // as JavaScript may write it
      const response = await app.inject({ method: 'OPTIONS', url: '/orders', headers: PREFLIGHT });
      expect(response.statusCode).toBe(401);
      expect(handler).not.toHaveBeenCalled();
    },
  );

  it("isn't a request that a hook has made one after the route was chosen", {
    tags: ['BRR-28'],
  }, async () => {
    const app = fastify();
    const handler = vi.fn(() => 'ok');
    app.addHook('onRequest', async ({ raw, headers }) => {
      const { 'x-http-method-override': override } = headers;
      if (typeof override === 'string') raw.method = override;
    });
    await app.register(resourceServer, issuer.options);
    app.post('/orders', handler);
    const headers = { ...PREFLIGHT, 'x-http-method-override': 'OPTIONS' };
    expect((await app.inject({ method: 'POST', url: '/orders', headers })).statusCode).toBe(401);
    expect(handler).not.toHaveBeenCalled();
  });

  it('stays refused where a hook or a rewritten URL makes it another request', {
    tags: ['BRR-28'],
  }, async () => {
    const handler = vi.fn(() => 'ok');
    const override = (message: { method?: string | undefined; headers: NodeJS.Dict<unknown> }): void => {
      const { 'x-http-method-override': to } = message.headers;
      if (typeof to === 'string') message.method = to;
    };
    const rewriting = fastify({
      rewriteUrl: (message) => {
        override(message);
        return message.url ?? '/';
      },
    });
    const hooked = fastify();
    for (const app of [rewriting, hooked]) {
      await app.register(resourceServer, issuer.options);
      if (app === hooked) app.addHook('onRequest', async ({ raw }) => override(raw));
      app.all('/orders', handler);
      const headers = { ...PREFLIGHT, 'x-http-method-override': 'DELETE' };
      const response = await app.inject({ method: 'OPTIONS', url: '/orders?_method=DELETE', headers });
      expect(response.statusCode).toBe(401);
    }
    expect(handler).not.toHaveBeenCalled();
  });

  it("isn't let in by a plugin that puts its own hooks before ours", { tags: ['BRR-28'] }, async () => {
    const { app } = await createApp();
    const handler = vi.fn(() => 'ok');
    app.addHook('onRoute', (route) => {
      route.onRequest = [async () => undefined, route.onRequest ?? []].flat();
    });
    app.all('/orders', handler);
    const response = await app.inject({ method: 'OPTIONS', url: '/orders', headers: PREFLIGHT });
    expect(response.statusCode).toBe(401);
    expect(handler).not.toHaveBeenCalled();
  });

  it('is refused by routes made before the plugin, and where there is no route', {
    tags: ['BRR-28'],
  }, async () => {
    const app = fastify();
    const handler = vi.fn(() => 'ok');
    app.setNotFoundHandler(handler);
    app.all('/orders', handler);
    await app.register(resourceServer, issuer.options);
    for (const url of ['/orders', '/nowhere']) {
      const response = await app.inject({ method: 'OPTIONS', url, headers: PREFLIGHT });
      expect(response.statusCode).toBe(401);
    }
    expect(handler).not.toHaveBeenCalled();
  });

  it.each<Partial<ResourceServerOptions>>([
    { bearerMethods: ['body'] },
    { bearerMethods: ['header', 'body'] },
  ])(
    'is refused where the token may be in the body, since CORS plugins come before: %j',
    {
      tags: ['BRR-28'],
    },
    async (options) => {
      const { app } = await createApp(options);
      const handler = vi.fn(() => 'ok');
      app.all('/orders', handler);
      const response = await app.inject({ method: 'OPTIONS', url: '/orders', headers: PREFLIGHT });
      expect(response.statusCode).toBe(401);
      expect(handler).not.toHaveBeenCalled();
    },
  );

  it('is refused by each plugin around a route, also where an outer one takes anonymous requests', {
    tags: ['BRR-28', 'BRR-31'],
  }, async () => {
    const { app } = await createApp({ optional: true });
    const handler = vi.fn(() => 'ok');
    await app.register(async (scope) => {
      scope.all('/before', handler);
      await scope.register(resourceServer, issuer.options);
      scope.all('/after', handler);
    });
    for (const url of ['/before', '/after']) {
      const response = await app.inject({ method: 'OPTIONS', url, headers: PREFLIGHT });
      expect(response.statusCode).toBe(401);
    }
    expect(handler).not.toHaveBeenCalled();
  });
});

describe("errors: 'next'", () => {
  it('hands the typed error to setErrorHandler, with status and challenge already set', {
    tags: ['OPS-17'],
  }, async () => {
    const { app, handler } = await createApp({ errors: 'next' });
    const seen: unknown[] = [];
    app.setErrorHandler((error, _request, reply) => {
      seen.push(error);
      return reply.send('custom');
    });
    const response = await app.inject({ url: '/stock', headers: { authorization: 'Bearer nonsense' } });
    expect(seen).toEqual([expect.any(InvalidTokenError)]);
    expect(seen[0]).toMatchObject({ statusCode: 401, reason: 'malformed_token' });
    expect(response).toMatchObject({ statusCode: 401, body: 'custom' });
    expect(response.headers).toMatchObject({
      'www-authenticate': [expect.stringContaining('error="invalid_token"'), plainChallenges()[1]],
      'cache-control': 'no-store',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '6',
    });
    expect(handler).not.toHaveBeenCalled();
  });

  it("answers through Fastify's default error handler otherwise, for requirements too", async () => {
    const { app } = await createApp({ errors: 'next' });
    app.get('/orders', { preHandler: requireScope('write:orders') }, () => 'ok');
    const response = await app.inject({ url: '/orders', headers: reader });
    expect(response.statusCode).toBe(403);
    expect(response.headers['www-authenticate']).toContain('scope="write:orders"');
    expect(response.json()).toMatchObject({ error: 'Forbidden', statusCode: 403 });
  });
});

describe('the answer', () => {
  it('has one header line per challenge, and neither body nor content type without an error', {
    tags: ['BRR-26'],
  }, async () => {
    const server = createResourceServer(issuer.options);
    const denied: Denied = {
      kind: 'denied',
      error: new InvalidTokenError('missing_credentials'),
      answer: {
        status: 401,
        headers: { 'WWW-Authenticate': ['Bearer realm="api"', 'DPoP algs="ES256"'] },
        body: undefined,
      },
      toResponse: () => Response.error(),
    };
    vi.spyOn(server, 'authenticate').mockReturnValue(denied);
    const app = fastify();
    await app.register(resourceServer, server);
    app.get('/stock', () => 'ok');
    const response = await app.inject('/stock');
    expect(response.headers['www-authenticate']).toEqual(['Bearer realm="api"', 'DPoP algs="ES256"']);
    expect(response.headers['content-type']).toBeUndefined();
    expect(response.body).toBe('');
  });

  it('passes onSend and onResponse hooks once, like any reply', async () => {
    const app = fastify();
    const onSend = vi.fn();
    const onResponse = vi.fn();
    app.addHook('onSend', async (_request, reply) => onSend(reply.statusCode));
    app.addHook('onResponse', async (_request, reply) => onResponse(reply.statusCode));
    await app.register(resourceServer, issuer.options);
    app.get('/stock', { onRequest: requireScope('read:inventory') }, () => 'ok');
    await app.inject('/stock');
    await app.inject({ url: '/stock', headers: writer });
    expect(onSend.mock.calls).toEqual([[401], [403]]);
    expect(onResponse.mock.calls).toEqual([[401], [403]]);
  });

  it('is logged with its reason and nothing of the request: 503 as a warning, the rest as information', async () => {
    const lines: Record<string, unknown>[] = [];
    const stream = { write: (line: string) => lines.push(JSON.parse(line)) };
    const app = fastify({ logger: { level: 'debug', stream } });
    await app.register(resourceServer, issuer.options);
    app.get('/stock', () => 'ok');
    await app.inject({ url: '/stock', headers: { authorization: 'Bearer s3cr3t.s3cr3t.s' } });
    issuer.goDown();
    try {
      const down = fastify({ logger: { level: 'debug', stream } });
      await down.register(resourceServer, issuer.options);
      down.get('/stock', () => 'ok');
      expect(await status(down, '/stock', reader)).toBe(503);
    } finally {
      issuer.comeBack();
    }
    const refusals = lines.filter(({ msg }) => msg === 'request refused');
    expect(refusals).toMatchObject([
      { level: 30, method: 'GET', route: '/stock', status: 401, reason: 'malformed_token' },
      { level: 40, method: 'GET', route: '/stock', status: 503, reason: 'jwks_unavailable' },
    ]);
    for (const { level, time, pid, hostname, reqId, msg, ...rest } of refusals) {
      expect(Object.keys(rest)).toEqual(['method', 'route', 'status', 'reason']);
    }
    expect(JSON.stringify(lines)).not.toContain('s3cr3t');
  });
});

describe('a fault of our own', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
  ])('never lets a request through: authenticate %s', { tags: ['OPS-09'] }, async (_how, authenticate) => {
    const server = createResourceServer(issuer.options);
    vi.spyOn(server, 'authenticate').mockImplementation(authenticate);
    const app = fastify();
    const handler = vi.fn(() => 'ok');
    await app.register(resourceServer, server);
    app.get('/stock', handler);
    expect(await status(app, '/stock', reader)).toBe(500);
    expect(handler).not.toHaveBeenCalled();
  });
});

it('runs the handler in the same tick if the decision is ready', async () => {
  const server = createResourceServer(issuer.options);
  const auth = fakeAuth({ clientId: 'order-service' });
  vi.spyOn(server, 'authenticate').mockReturnValue({ kind: 'allowed', auth, headers: undefined });
  const steps: unknown[] = [];
  const app = fastify();
  app.addHook('onRequest', (_request, _reply, done) => {
    done();
    steps.push('later hooks returned');
  });
  await app.register(resourceServer, server);
  app.get('/stock', (request) => {
    steps.push(getAuth(request).clientId);
    return 'ok';
  });
  await app.inject('/stock');
  expect(steps).toEqual(['order-service', 'later hooks returned']);
});

describe('header fields that a hook replaced', () => {
  const REPLACING: [string, (request: FastifyRequest, authorization: string | undefined) => void][] = [
    [
      'as a whole',
      (request, authorization) => {
        request.headers = { ...request.headers, authorization };
      },
    ],
    [
      'one by one',
      (request, authorization) => {
        request.headers.authorization = authorization;
      },
    ],
  ];

  /** Takes the token out of the field `X-Token`, whatever `Authorization` says. */
  async function createReplacingApp(replace: (typeof REPLACING)[0][1]) {
    const app = fastify();
    app.addHook('onRequest', async (request) => {
      const { 'x-token': token } = request.headers;
      if (token !== undefined) replace(request, token === 'none' ? undefined : `Bearer ${token}`);
    });
    await app.register(resourceServer, issuer.options);
    app.get('/stock', { onRequest: requireScope('read:inventory') }, ({ auth }) => ({
      caller: auth?.clientId,
    }));
    return app;
  }

  it.each(REPLACING)('count as they are now: %s', { tags: ['BRR-06'] }, async (_, replace) => {
    const app = await createReplacingApp(replace);
    const good = await issuer.token({ scope: 'read:inventory' });
    expect(await status(app, '/stock', { 'x-token': good })).toBe(200);
    expect(await status(app, '/stock', { 'x-token': good, authorization: 'Bearer bad' })).toBe(200);
    expect(await status(app, '/stock', { 'x-token': 'bad', ...reader })).toBe(401);
    expect(await status(app, '/stock', { 'x-token': 'none', ...reader })).toBe(401);
  });

  it.each(REPLACING)("don't hide a repeated line: %s", { tags: ['BRR-06'] }, async (_, replace) => {
    const app = await createReplacingApp(replace);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const token = await issuer.token({ scope: 'read:inventory' });
    const headers = ['X-Token', 'Authorization', 'Authorization'].map(
      (name) => [name, name === 'X-Token' ? token : `Bearer ${token}`] as const,
    );
    const { status: repeated } = await send(url, { path: '/stock', headers });
    const { status: single } = await send(url, { path: '/stock', headers: headers.slice(0, 2) });
    await app.close();
    expect([repeated, single]).toEqual([400, 200]);
  });
});

describe('other places for the token', () => {
  it('waits for the parsed body if the token may be in it', {
    tags: ['BRR-08', 'OPS-16'],
  }, async () => {
    const { app } = await createApp({ bearerMethods: ['header', 'body'] });
    await app.register(formbody);
    app.post('/orders', { preHandler: requireScope('write:orders') }, (request) => getAuth(request).scopes);
    app.post('/too-early', { onRequest: requireScope('write:orders') }, () => 'ok');
    const form = async (url: string, token: string) =>
      app.inject({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: `access_token=${token}`,
      });
    const accepted = await form('/orders', await issuer.token({ scope: 'write:orders' }));
    expect(accepted.json()).toEqual(['write:orders']);
    expect((await form('/orders', await issuer.token({ scope: 'read:inventory' }))).statusCode).toBe(403);
    expect((await form('/orders', 'nonsense')).statusCode).toBe(401);
    const early = await form('/too-early', await issuer.token({ scope: 'write:orders' }));
    expect(early.json().message).toContain('use requireScope as preHandler');
  });

  it('removes a token from the URL that the application sees', { tags: ['BRR-11'] }, async () => {
    const { app } = await createApp({ bearerMethods: ['query'] });
    app.get('/echo', ({ url, originalUrl, query, raw }) => ({ url, originalUrl, query, raw: raw.url }));
    const response = await app.inject(
      `/echo?a=1&access_token=${await issuer.token({ scope: 'read:inventory' })}&b=2`,
    );
    expect(response.json()).toEqual({
      url: '/echo?a=1&b=2',
      originalUrl: '/echo?a=1&b=2',
      query: { a: '1', b: '2' },
      raw: '/echo?a=1&b=2',
    });
    expect(response.headers['cache-control']).toBe('private, no-store');
  });

  it("isn't the body, a header or a parameter with our name", { tags: ['OPS-12'] }, async () => {
    const { app, handler } = await createApp();
    app.post('/orders', handler);
    const response = await app.inject({
      method: 'POST',
      url: '/orders?auth=admin',
      headers: { auth: 'admin', 'x-auth': 'admin' },
      payload: { auth: { scopes: ['admin'], clientId: 'admin' }, access_token: await issuer.token() },
    });
    expect(response.statusCode).toBe(401);
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('getAuth', () => {
  it('takes a genuine auth, so that handlers can be called directly', () => {
    const auth = fakeAuth<{ tenant: string }>({ claims: { tenant: 'acme' } });
    expect(getAuth<{ tenant: string }>({ auth }).claims.tenant).toBe('acme');
  });

  it('refuses an object that looks like an Auth, and a missing one', { tags: ['OPS-12'] }, () => {
    expect(() => getAuth({ auth: { ...fakeAuth() } })).toThrow(/no verified access token/);
    expect(() => getAuth({})).toThrow(/no verified access token/);
  });
});

describe('HTTP/2', () => {
  it('protects routes and carries the challenge', async () => {
    const app = fastify({ http2: true });
    await app.register(resourceServer, issuer.options);
    app.get<{ Reply: { 200: readonly string[] } }>(
      '/stock',
      { onRequest: requireScope('read:inventory') },
      (request) => getAuth(request).scopes,
    );
    await app.listen({ host: '127.0.0.1', port: 0 });
    const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
    const get = (headers: Record<string, string>) =>
      new Promise<{ status: unknown; challenge: unknown; body: string }>((resolve, reject) => {
        const stream = session.request({ ':path': '/stock', ...headers });
        let fields: Record<string, unknown> = {};
        let body = '';
        stream.setEncoding('utf8');
        stream.on('response', (received) => {
          fields = received;
        });
        stream.on('data', (chunk: string) => {
          body += chunk;
        });
        stream.on('error', reject);
        stream.on('end', () =>
          resolve({ status: fields[':status'], challenge: fields['www-authenticate'], body }),
        );
        stream.end();
      });
    expect(await get({})).toEqual({ status: 401, challenge: plainChallenges().join(', '), body: '' });
    const lowerCase = { authorization: reader.Authorization };
    expect(await get(lowerCase)).toEqual({ status: 200, challenge: undefined, body: '["read:inventory"]' });
    session.close();
    await app.close();
  });
});
