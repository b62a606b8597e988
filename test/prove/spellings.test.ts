import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, fastify } from 'fastify';
import { authenticate, requireScope } from 'oauth-resource-server/express';
import { resourceServer } from 'oauth-resource-server/fastify';
import { Public, ResourceServerModule } from 'oauth-resource-server/nestjs';
import { createTestIssuer, type ProveOptions, prove } from 'oauth-resource-server/testing';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Framework } from './apps/express.js';

const issuer = { ...(await createTestIssuer()), forgeries: async () => [] }; // they take their time
const express4: Framework = createRequire(import.meta.url)('express4'); // it has no types
const authenticated = authenticate(issuer.options);
const handle = vi.fn((_req: unknown, res: { send(text: string): unknown }) => void res.send('all of it'));
beforeEach(() => void handle.mockClear());

/** The spellings that a proof finds, by route: `GET /a: /A /a/`. */
async function findSpellings(app: object, options: Partial<ProveOptions> = {}): Promise<readonly string[]> {
  try {
    const { lock } = await prove(app, { issuer, lockFile: false, ...options });
    return lock.split('\n').slice(1, -1);
  } catch (error) {
    const lines = error instanceof Error ? error.message.split('\n') : [];
    return lines.map((line) =>
      line
        .replace('lets requests without a token in if they spell its path differently: ', '')
        .replace('. Protect the route itself, instead of comparing URLs', ''),
    );
  }
}

it('bears with a mock of HTTP that takes no whole URL for a path', async () => {
  const real = http.request;
  const mocked = (options: http.RequestOptions, ...rest: []) => {
    new URL(`http://127.0.0.1:${options.port}${options.path}`);
    return real(options, ...rest);
  };
  vi.spyOn(http, 'request').mockImplementation(mocked as typeof http.request);
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  const app = express();
  app.get('/r', authenticated, requireScope('a'), handle);
  expect(await findSpellings(app)).toEqual(['GET /r  scope a']);
});

const guardIf =
  (isGuarded: (req: Request) => boolean): RequestHandler =>
  (req, res, next) =>
    isGuarded(req) ? authenticated(req, res, next) : next();

describe.each<[string, Framework]>([
  ['Express 5', express],
  ['Express 4', express4],
])('an application of %s that compares URLs to protect its routes', (_name, create) => {
  const guarded = (isGuarded: (req: Request) => boolean, add: (app: Express) => unknown): Express => {
    const app = create();
    app.use(guardIf(isGuarded));
    add(app);
    return app;
  };
  const orders = (app: Express): unknown => app.get('/api/orders', handle);

  it.each<[string, (req: Request) => boolean, string]>([
    ['the start of a path', ({ path }) => path.startsWith('/api'), '/API/ORDERS'],
    ['a whole path', ({ path }) => path === '/api/orders', '/API/ORDERS /api/orders/'],
    ['paths in lower case', ({ path }) => path.toLowerCase() === '/api/orders', '/api/orders/'],
    ['the end of a path', ({ path }) => /\/orders$/i.test(path), '/api/orders/'],
    ['the start of a URL', ({ url }) => url.startsWith('/api'), '/API/ORDERS http://localhost/api/orders'],
    [
      'a whole URL, in lower case',
      ({ url }) => /^\/api\/orders\/?$/i.test(url),
      'http://localhost/api/orders /api/orders? /api/orders#',
    ],
    [
      'a URL without its query',
      ({ url }) => /^(?:http:..localhost)?\/api\/orders\/?(?:\?.*)?$/i.test(url),
      '/api/orders#',
    ],
  ])('is told which spellings get in: %s', async (_what, isGuarded, spellings) => {
    const app = guarded(isGuarded, orders);
    expect(await findSpellings(app)).toEqual([`GET /api/orders: ${spellings}`]);
    expect(handle).not.toHaveBeenCalled();
  });

  it('is told in words', async () => {
    const app = guarded(
      ({ path }) => path.startsWith('/Api'),
      (one) => one.get('/Api/o', handle),
    );
    await expect(prove(app, { issuer, lockFile: false })).rejects.toThrow(
      'GET /Api/o: lets requests without a token in if they spell its path differently: /aPI/O. ' +
        'Protect the route itself, instead of comparing URLs',
    );
  });

  it('passes if the router compares them, or nothing else matches', async () => {
    const app = create();
    app.use('/api', authenticated);
    orders(app);
    app.get('/api/stock/:sku', requireScope('a'), handle);
    expect(await findSpellings(app)).toEqual(['GET /api/orders  token', 'GET /api/stock/:sku  scope a']);

    const strict = create();
    strict.set('case sensitive routing', true);
    strict.set('strict routing', true);
    strict.use(guardIf(({ path }) => path === '/api/orders'));
    orders(strict);
    expect(await findSpellings(strict)).toEqual(['GET /api/orders  token']);
  });

  it('encodes the values of parameters, and leaves them as they are', async () => {
    const add = (app: Express) => app.get('/stock/:sku', handle);
    const values = { params: { sku: 'Ab' } };
    const byPattern = guarded(({ path }) => /^\/stock\/\w+\/?$/i.test(path), add);
    expect(await findSpellings(byPattern, values)).toEqual(['GET /stock/:sku: /stock/%41%62']);
    const byValue = guarded(({ path }) => decodeURI(path).split('/').includes('Ab'), add);
    expect(await findSpellings(byValue, values)).toEqual(['GET /stock/:sku  token']);
  });

  it('keeps the query of a sample', async () => {
    const samples = { 'GET /search': { url: '/search?q=a/b' } };
    const app = guarded(
      ({ path }) => path === '/search',
      (one) => one.get('/search', handle),
    );
    expect(await findSpellings(app, { samples })).toEqual(['GET /search: /SEARCH?q=a/b /search/?q=a/b']);
  });

  it('doubles slashes', async () => {
    const router = create.Router();
    router.get(/^\/+files$/, handle);
    const app = guarded(
      ({ path }) => /^\/api\/files/i.test(path),
      (one) => one.use('/api', router),
    );
    const samples = { 'GET /api/^\\/+files$/': { url: '/api/files' } };
    const [found] = await findSpellings(app, { samples });
    expect(found).toContain(': /api//files');
  });

  it('is only told of this route, not of another one that a spelling leads to', async () => {
    const app = create();
    app.enable('case sensitive routing');
    app.get('/ORDERS', handle);
    app.use(guardIf(({ path }) => path === '/orders' || path === '/orders/'));
    app.get('/orders', handle);
    app.get('/:page', handle);
    const open = ['GET /ORDERS', 'GET /:page'];
    expect(await findSpellings(app, { public: open })).toEqual([
      'GET /:page  public',
      'GET /ORDERS  public',
      'GET /orders  token',
    ]);
  });

  it('is told about routes that something else protects', async () => {
    const app = create();
    app.use((req, res, next) => void (req.path === '/internal' ? res.status(403).end() : next()));
    app.get('/internal', handle);
    expect(await findSpellings(app)).toEqual(['GET /internal: /INTERNAL /internal/']);
  });

  it('is told about the applications inside, by their own settings', async () => {
    const inner = create();
    inner.enable('case sensitive routing');
    inner.get('/users', handle);
    const app = guarded(
      ({ path }) => /^\/admin\/+users$/i.test(path),
      (one) => one.use('/admin', inner),
    );
    const mounted = { '/admin': inner };
    expect(await findSpellings(app, { mounted })).toEqual(['GET /admin/users: /admin/users/']);
  });

  it('is told about middleware that answers below its path', async () => {
    const pass: RequestHandler = (_req, _res, next) => next();
    const add = (app: Express) => app.use('/metrics', pass, handle);
    const app = guarded(({ path }) => path.startsWith('/metrics'), add);
    expect(await findSpellings(app)).toEqual(['USE /metrics: /METRICS']);

    const behind = guarded(
      ({ path }) => path.startsWith('/api'),
      (one) => one.use('/api', pass),
    );
    behind.use(handle);
    expect(await findSpellings(behind, { public: ['USE /'] })).toEqual(['USE /  public']);
  });
});

describe('an application of Fastify that compares URLs to protect its routes', () => {
  const guarded = async (
    isGuarded: (request: FastifyRequest) => boolean,
    options: FastifyServerOptions = {},
  ) => {
    const app = fastify(options);
    await app.register(resourceServer, { ...issuer.options, optional: true });
    app.addHook('onRequest', async (request, reply) => {
      if (isGuarded(request) && request.auth === undefined) return reply.code(401).send();
    });
    return app;
  };
  const ALL = { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true };

  it.each<[string, (request: FastifyRequest) => boolean, FastifyServerOptions, string]>([
    [
      'by default',
      ({ url }) => url.startsWith('/api'),
      {},
      '/%61%70%69/%6f%72%64%65%72%73 http://localhost/api/orders',
    ],
    [
      'a whole URL',
      ({ url }) => decodeURI(url) === '/api/orders',
      {},
      'http://localhost/api/orders /api/orders? /api/orders#',
    ],
    [
      'with every option',
      ({ url }) => /^(http:..localhost)?\/api\/orders[?#]?$/.test(decodeURI(url)),
      { routerOptions: ALL, useSemicolonDelimiter: true },
      '/API/ORDERS /api/orders/ //api/orders /api//orders /api/orders;x',
    ],
  ])('is told which spellings get in: %s', async (_what, isGuarded, options, spellings) => {
    const app = await guarded(isGuarded, options);
    app.get('/api/orders', handle);
    expect(await findSpellings(app)).toEqual([`GET /api/orders: ${spellings}`]);
    expect(handle).not.toHaveBeenCalled();
  });

  it('knows its routes, however the router prints them', async () => {
    const app = await guarded(({ url }) => /^\/(?:api|b|d|e)/.test(decodeURI(url)), { routerOptions: ALL });
    app.get('/Api//Orders/', handle);
    app.get('/b/:x(^\\d+$)-:y', handle);
    app.get('/d/*', handle);
    app.get('/E/:Page?', handle);
    app.get('/e/:id/list', handle);
    expect(await findSpellings(app)).toEqual([
      'GET /api/orders: /API/ORDERS //api/orders http://localhost/api/orders',
      'GET /b/:x(^\\d+$)-:y: /B/1-1 //b/1-1 http://localhost/b/1-1',
      'GET /d/*: /D/1 //d/1 http://localhost/d/1',
      'GET /e: /E //e http://localhost/e',
      'GET /e/:Page|:id: /E/1|1 //e/1|1 http://localhost/e/1|1',
      'GET /e/:Page|:id/list: /E/1|1/LIST //e/1|1/list http://localhost/e/1|1/list',
    ]);
  });

  it('passes if its routes are protected, whatever public routes a spelling leads to', async () => {
    const app = fastify();
    app.get('/*', handle);
    app.get('/ORDERS', handle);
    app.get('/open/:page?', handle);
    app.register(async (scope) => {
      await scope.register(resourceServer, issuer.options);
      scope.get('/orders', handle);
      scope.get('/open/:page/edit', handle);
    });
    const open = ['GET /ORDERS', 'GET /open', 'GET /open/:page'];
    expect(await findSpellings(app, { public: open })).toEqual([
      'GET /*: lets requests without a token in (reached its handler). Protect it, or list it as public',
    ]);
  });
});

describe('an application of NestJS that compares URLs to protect its routes', () => {
  @Controller('api')
  class Orders {
    @Get('orders')
    @Public()
    list(): string {
      return 'all of it';
    }
  }
  const controllers = [Orders];
  @Module({ imports: [ResourceServerModule.forRoot(issuer.options)], controllers })
  class WithModule {}
  @Module({ controllers })
  class WithoutModule {}

  it.each([
    ['with the module', WithModule],
    ['without it', WithoutModule],
  ])('is told which spellings get in, on Express: %s', async (_what, module) => {
    const app = await NestFactory.create(module, { logger: false });
    app.use(guardIf(({ path }) => path.startsWith('/api')));
    expect(await findSpellings(app)).toEqual(['GET /api/orders: /API/ORDERS']);
    await app.close();
  });

  it.each([
    ['with the module', WithModule],
    ['without it', WithoutModule],
  ])('is told which spellings get in, on Fastify: %s', async (_what, module) => {
    const app = await NestFactory.create(module, new FastifyAdapter(), { logger: false });
    const platform: ReturnType<typeof fastify> = app.getHttpAdapter().getInstance();
    platform.addHook('onRequest', async ({ url }: FastifyRequest, reply: FastifyReply) => {
      if (url.startsWith('/api')) return reply.code(401).send();
    });
    expect(await findSpellings(app)).toEqual([
      'GET /api/orders: /%61%70%69/%6f%72%64%65%72%73 http://localhost/api/orders',
    ]);
    await app.close();
  });
});
