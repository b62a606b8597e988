import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import { All, Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { initTRPC } from '@trpc/server';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import express from 'express';
import { fastify } from 'fastify';
import { createSchema, createYoga } from 'graphql-yoga';
import {
  authenticate,
  requireAnyScope,
  requireAuthentication,
  requireScope,
} from 'oauth-resource-server/express';
import { requireScope as requireScopeHook, resourceServer } from 'oauth-resource-server/fastify';
import { Public, ResourceServerModule } from 'oauth-resource-server/nestjs';
import { createTestIssuer, type ProveOptions, prove } from 'oauth-resource-server/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApp as createExpress, type Framework } from './apps/express.js';
import { createApp as createFastify } from './apps/fastify.js';
import { createModule } from './apps/nestjs.js';
import { withFewForgeries } from './few-forgeries.js';

// A busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const allForgeries = await createTestIssuer();
const issuer = withFewForgeries(allForgeries);
const tenant = { claims: { tenant: 'acme' } };
const sampleOptions: ProveOptions = {
  issuer,
  public: ['GET /health', 'GET /about/:topic'],
  samples: { 'GET /admin/tenants': tenant, 'POST /admin/tenants': tenant },
  lockFile: false,
};

const LOCK = `# Who may call what. Written by prove() of oauth-resource-server/testing. Review what changes.
GET /about/:topic  public
ALL /admin/audit  scope admin
ALL /admin/log  scope admin
GET /admin/tenants  scope admin + claims
POST /admin/tenants  scope admin write:tenants + claims
GET /health  public
GET /me  token
GET /shops/:shop/orders  any-scope admin read:orders
POST /shops/:shop/orders  scope write:orders
DELETE /shops/:shop/orders/:id  scope write:orders + max-age 300
GET /stock/:sku  scope read:inventory
PUT /stock/:sku  scope read:inventory write:inventory
`;
/** The sample of Fastify has a route for two methods where the others have one for all. */
const FASTIFY_LOCK = LOCK.replace('ALL /admin/log  scope admin\n', '').replace(
  'ALL /admin/audit  scope admin',
  'GET /admin/audit  scope admin\nPOST /admin/audit  scope admin',
);

// It has no types.
const express4: Framework = createRequire(import.meta.url)('express4');
const handle = vi.fn(() => ({}));
beforeEach(() => void handle.mockClear());

const samples: Readonly<Record<string, readonly [lock: string, create: () => object | Promise<object>]>> = {
  'Express 5': [LOCK, () => createExpress(express, issuer.options, handle)],
  'Express 4': [LOCK, () => createExpress(express4, issuer.options, handle)],
  Fastify: [FASTIFY_LOCK, () => createFastify(issuer.options, handle)],
  'NestJS on Express': [
    LOCK,
    () => NestFactory.create(createModule(issuer.options, handle), { logger: false }),
  ],
  'NestJS on Fastify': [
    LOCK,
    () => NestFactory.create(createModule(issuer.options, handle), new FastifyAdapter(), { logger: false }),
  ],
};

/** All, or those of NestJS. */
const chosen = Object.entries(samples).filter(
  ([name]) => process.env.HARNESSES !== 'nestjs' || name.startsWith('NestJS'),
);

describe.each(chosen)('prove, with an application of %s', (_name, [lock, create]) => {
  it('lists each route and who may call it, and runs no handler', async () => {
    const app = await create();
    const report = await prove(app, { ...sampleOptions, issuer: allForgeries });
    expect((await prove(app, sampleOptions)).lock, 'the application is as it was').toBe(lock);
    expect(report.lock).toBe(lock);
    expect(report.routes).toHaveLength(lock.trim().split('\n').length - 1);
    expect(report.requests).toBeGreaterThan(1000);
    expect(handle).not.toHaveBeenCalled();
  });

  it('names the routes that nobody protects, and those that are listed in vain', async () => {
    const proof = prove(await create(), {
      ...sampleOptions,
      public: ['GET /health', 'GET /me', 'GET /gone'],
    });
    await expect(proof).rejects.toThrow(
      [
        'GET /me: is listed as public, but refuses requests without a token (401)',
        'GET /gone: the application has no such route',
      ].join('\n'),
    );
    await expect(proof).rejects.toThrow(
      'GET /about/:topic: lets requests without a token in (reached its handler). Protect it, or list it as public',
    );
    await expect(proof).rejects.toMatchObject({ name: 'AssertionError' });
  });
});

describe('the lock file', () => {
  let folder: string;
  let lockFile: string;
  const app = (scope = 'read:inventory') => {
    const made = express();
    made.use(authenticate(issuer.options));
    made.get('/stock', requireScope(scope), handle);
    return made;
  };
  beforeEach(async () => {
    vi.stubEnv('CI', undefined);
    vi.stubEnv('AUTHZ_LOCK', undefined);
    folder = await mkdtemp(join(tmpdir(), 'prove-'));
    lockFile = join(folder, 'authz.lock');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it('is written if it is missing, and compared from then on', async () => {
    const { lock } = await prove(app(), { issuer, lockFile });
    expect(await readFile(lockFile, 'utf8')).toBe(lock);
    await writeFile(lockFile, lock.replaceAll('\n', '\r\n')); // as Git checks it out on Windows
    await prove(app(), { issuer, lockFile });
  });

  it('is shown as a difference if it says something else, and stays as it is', async () => {
    const { lock } = await prove(app(), { issuer, lockFile });
    await expect(prove(app('write:inventory'), { issuer, lockFile })).rejects.toThrow(
      `${lockFile} differs:\n- GET /stock  scope read:inventory\n+ GET /stock  scope write:inventory\n`,
    );
    expect(await readFile(lockFile, 'utf8')).toBe(lock);
  });

  it('is written anew by the option and by the environment', async () => {
    await prove(app(), { issuer, lockFile });
    await prove(app('write:inventory'), { issuer, lockFile, update: true });
    expect(await readFile(lockFile, 'utf8')).toContain('write:inventory');
    vi.stubEnv('AUTHZ_LOCK', 'update');
    await prove(app('other'), { issuer, lockFile });
    expect(await readFile(lockFile, 'utf8')).toContain('scope other');
  });

  it('has to be there in CI', async () => {
    vi.stubEnv('CI', 'true');
    await expect(prove(app(), { issuer, lockFile })).rejects.toThrow(`${lockFile} is missing`);
    expect(existsSync(lockFile)).toBe(false);
  });

  it('is not written while something gets through', async () => {
    const open = express();
    open.get('/stock', handle);
    await expect(prove(open, { issuer, lockFile })).rejects.toThrow('GET /stock: lets requests without');
    expect(existsSync(lockFile)).toBe(false);
  });
});

describe('an application of Express', () => {
  const proven = async (build: (app: express.Express) => void, options: Partial<ProveOptions> = {}) => {
    const app = express();
    build(app);
    const { lock } = await prove(app, { issuer, lockFile: false, ...options });
    return lock.split('\n').slice(1, -1);
  };

  it('may have paths of every kind', async () => {
    const router = express.Router();
    router.get(['/a', '/b'], handle);
    router.get('/files/*rest', handle);
    router.get('/pages{/:page}', handle);
    router.get(/^\/v(\d+)$/, handle);
    const lines = await proven(
      (app) => {
        app.use(authenticate(issuer.options));
        app.use(['/one/:tenant', '/two'], router);
      },
      {
        samples: {
          'GET /two/^\\/v(\\d+)$/': { url: '/two/v1' },
          'GET /one/:tenant/^\\/v(\\d+)$/': { url: '/one/1/v2' },
        },
      },
    );
    expect(lines).toContain('GET /one/:tenant/a  token');
    expect(lines).toContain('GET /two/files/*rest  token');
    expect(lines).toContain('GET /two/pages{/:page}  token');
    expect(lines).toContain('GET /two/^\\/v(\\d+)$/  token');
    expect(handle).not.toHaveBeenCalled();
  });

  it('has to say where a regular expression leads to', async () => {
    const build = (app: express.Express): void => void app.get(/^\/a/, authenticate(issuer.options), handle);
    await expect(proven(build)).rejects.toThrow('GET /^\\/a/: is a pattern: say where it leads to');
  });

  it('has to name the applications inside', async () => {
    const admin = express();
    admin.get('/users', requireScope('admin'), handle);
    const build = (app: express.Express): void =>
      void app.use(authenticate(issuer.options)).use('/admin', admin);
    await expect(proven(build)).rejects.toThrow(
      "/admin: an application is mounted here. Name it: mounted: { '/admin'",
    );
    expect(await proven(build, { mounted: { '/admin': admin } })).toEqual(['GET /admin/users  scope admin']);
  });

  it('is told of middleware that answers everyone', async () => {
    const answer: express.RequestHandler = (_req, res) => void res.send('all of it');
    const build = (app: express.Express): void =>
      void app.use('/metrics', answer).use(authenticate(issuer.options));
    await expect(proven(build)).rejects.toThrow('USE /metrics: lets requests without a token in (200)');
    expect(await proven(build, { public: ['USE /metrics'] })).toEqual(['USE /metrics  public']);
    await expect(proven((app) => void app.use(answer))).rejects.toThrow('USE /: lets requests');
  });

  const typeDefs = 'type Query { a: Int }';
  const apollo = new ApolloServer({ typeDefs });
  beforeAll(() => apollo.start());
  afterAll(() => apollo.stop());
  const yoga = createYoga({ graphqlEndpoint: '/api', schema: createSchema({ typeDefs }) });
  const procedures = initTRPC.create();
  const router = procedures.router({ a: procedures.procedure.query(() => 1) });
  const onlyPost: express.RequestHandler = (req, res) =>
    void (req.method === 'POST' ? res.send('done') : res.status(405).end());

  it.each<[name: string, status: number, endpoint: () => express.RequestHandler]>([
    ['Apollo', 400, () => expressMiddleware(apollo)],
    ['Yoga', 200, () => (req, res) => void yoga(req, res)],
    ['tRPC', 204, () => createExpressMiddleware({ router })],
    ['a handler of POST', 200, () => onlyPost],
    ['a proxy whose upstream is out of reach', 502, () => (_req, res) => void res.status(502).end()],
  ])('is told of an open endpoint of %s, which may be listed', async (_name, status, endpoint) => {
    const open = (app: express.Express): void => void app.use('/api', express.json(), endpoint());
    await expect(proven(open)).rejects.toThrow(
      `USE /api: lets requests without a token in (${status}). Protect it, or list it as public`,
    );
    expect(await proven(open, { public: ['USE /api'] })).toEqual(['USE /api  public']);
    expect(await proven(open, { public: ['POST /api'] })).toEqual(['USE /api  public']);

    const closed = (app: express.Express): void => open(app.use(authenticate(issuer.options)));
    expect(await proven(closed)).toEqual([]);
    await expect(proven(closed, { public: ['USE /api'] })).rejects.toThrow(
      'USE /api: is listed as public, but refuses every request without a token',
    );
  });

  it('may have samples for middleware, under both of its names', async () => {
    const graphql = [express.json(), expressMiddleware(apollo)];
    const samples = { 'USE /graphql': { body: { query: '{ a }' } } };
    const open = (app: express.Express): void => void app.use('/graphql', ...graphql);
    await expect(proven(open, { samples })).rejects.toThrow(
      'USE /graphql: lets requests without a token in (200)',
    );
    const closed = (app: express.Express): void =>
      void app.use('/graphql', authenticate(issuer.options), ...graphql);
    expect(await proven(closed, { samples })).toEqual([]);
    const optional = (app: express.Express): void =>
      void app.use('/graphql', authenticate({ ...issuer.options, optional: true }), ...graphql);
    for (const name of ['USE /graphql', 'POST /graphql'])
      expect(
        await proven(optional, { public: [name], samples: { [name]: samples['USE /graphql'] } }),
      ).toEqual(['USE /graphql  optional']);
  });

  it('does not take a route for the middleware on its path', async () => {
    const pass: express.RequestHandler = (_req, _res, next) => next();
    const build = (app: express.Express): void => {
      app.use('/login', pass);
      app.post('/login', handle);
      app.get('/*rest', handle);
    };
    const lines = ['GET /*rest  public', 'POST /login  public'];
    expect(await proven(build, { public: ['POST /login', 'GET /*rest'] })).toEqual(lines);
    const beside = (app: express.Express): void => build(app.use('/login', onlyPost));
    await expect(proven(beside, { public: ['GET /*rest'] })).rejects.toThrow(
      'USE /login: lets requests without a token in (200)',
    );
    expect(await proven(beside, { public: ['GET /*rest', 'POST /login'] })).toEqual([
      ...lines,
      'USE /login  public',
    ]);
  });

  it('may check signatures before a route', async () => {
    const verify: express.RequestHandler = (req, res, next) =>
      void (req.get('Signature') === 'genuine' ? next() : res.status(400).end());
    const build = (app: express.Express): void => {
      app.use('/webhook', verify);
      app.use(authenticate({ ...issuer.options, optional: true }));
      app.post('/webhook', handle);
    };
    const samples = { 'POST /webhook': { headers: { Signature: 'genuine' } } };
    expect(await proven(build, { public: ['POST /webhook'], samples })).toEqual(['POST /webhook  optional']);
  });

  it('may have folders of files, which are not routes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'prove-'));
    await writeFile(join(folder, 'index.html'), 'hello');
    const files = express.static(folder);
    const build = (app: express.Express): void => {
      app.use('/static', files);
      app.use('/docs', files, (_req, res) => void res.send('a page for every path'));
      app.use(files, authenticate(issuer.options));
    };
    await expect(proven(build)).rejects.toThrow(
      /^USE \/docs: lets requests without a token in \(200\)[^\n]*$/,
    );
    expect(await proven(build, { public: ['USE /docs'] })).toEqual(['USE /docs  public']);
    await rm(folder, { recursive: true });
  });

  it('may ask for step-up in several layers', async () => {
    const build = (app: express.Express): void => {
      const router = express.Router();
      router.use(authenticate(issuer.options));
      router.use(requireAuthentication({ acrValues: ['silver', 'gold', 'platinum'], maxAgeSeconds: 300 }));
      router.get('/gold', requireAuthentication({ acrValues: ['gold'] }), handle);
      const both = requireAuthentication({ acrValues: ['platinum', 'gold'], maxAgeSeconds: 60 });
      router.get('/both', both, requireAnyScope('a', 'b'), requireAnyScope('b', 'c'), handle);
      app.use(router);
    };
    expect(await proven(build)).toEqual([
      'GET /both  acr platinum gold + acr silver gold platinum + any-scope a b + any-scope b c' +
        ' + max-age 300 + max-age 60',
      'GET /gold  acr gold + acr silver gold platinum + max-age 300',
    ]);
    const impossible = (app: express.Express): void =>
      void app
        .use(authenticate(issuer.options), requireAuthentication({ acrValues: ['silver'] }))
        .get('/never', requireAuthentication({ acrValues: ['gold'] }), handle);
    await expect(proven(impossible)).rejects.toThrow(
      'GET /never: refuses a genuine token with exactly what it requires: 401 acr_not_met',
    );
  });

  it('may have checks of its own, before those of the scopes too', async () => {
    const hasBody: express.RequestHandler = (req, res, next) => {
      if (req.body?.sku === '42') next();
      else res.status(400).end();
    };
    const build = (app: express.Express): void => {
      app.use(authenticate(issuer.options), express.json());
      app.post('/orders', hasBody, requireScope('write:orders'), handle);
    };
    await expect(proven(build)).rejects.toThrow(
      'POST /orders: answers a genuine token with exactly what it requires with 400, before its handler. ' +
        "Say what it takes, samples: { 'POST /orders': { url, headers, body } }",
    );
    const samples = { 'POST /orders': { body: { sku: '42' } } };
    expect(await proven(build, { samples })).toEqual(['POST /orders  scope write:orders']);
  });

  it('may have scopes that imply others', async () => {
    const impliedScopes = { root: ['admin'], admin: ['read'] };
    const app = express();
    app.use(authenticate({ ...issuer.options, impliedScopes }));
    app.get('/all', requireScope('admin', 'read'), handle);
    app.get('/any', requireAnyScope('read', 'admin'), handle);
    app.get('/both', requireScope('write'), requireAnyScope('admin', 'read'), handle);
    const { lock } = await prove(app, { issuer: allForgeries, lockFile: false });
    expect(lock.split('\n').slice(1, -1)).toEqual([
      'GET /all  scope admin read',
      'GET /any  any-scope admin read',
      'GET /both  scope write + any-scope admin read',
    ]);
    expect(handle).not.toHaveBeenCalled();
  });

  it.each<[scope: string, impliedScopes: Record<string, string[]>]>([
    ['stock:read', { stock: ['stock:read', 'stock:write'] }],
    ['orders:read', { 'orders:*': ['orders:read'] }],
    ['orders.read', { root: ['read'], read: ['orders.read'] }],
    ['read', { READ: ['read'] }],
    ['read', { reads: ['other'], readx: ['read'] }],
  ])('may have scopes that look like one that they imply: %s, %j', async (scope, impliedScopes) => {
    const app = express();
    app.use(authenticate({ ...issuer.options, impliedScopes }));
    app.get('/stock', requireScope(scope), handle);
    const { lock } = await prove(app, { issuer: allForgeries, lockFile: false });
    expect(lock).toContain(`GET /stock  scope ${scope}\n`);
  });

  it('is still told of a forged scope that opens a route without implying anything', async () => {
    const careless: express.RequestHandler = (req, _res, next) => {
      const [, claims = ''] = req.headers.authorization?.split('.') ?? [];
      const { scope } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}');
      next(scope === 'stock' ? 'route' : undefined);
    };
    const app = express();
    app.use(authenticate({ ...issuer.options, impliedScopes: { stocks: ['stock:read'] } }));
    app.get('/stock', careless, requireScope('stock:read'), handle);
    app.get('/stock', handle);
    await expect(prove(app, { issuer: allForgeries, lockFile: false })).rejects.toThrow(
      'GET /stock: lets a forgery in: scope up to the separator',
    );
  });

  it('may let anonymous requests in, where they are listed', async () => {
    const build = (app: express.Express): void => {
      app.use(authenticate({ ...issuer.options, optional: true }));
      app.get('/news', handle);
      app.get('/stock', requireScope('read:inventory'), handle);
    };
    await expect(proven(build)).rejects.toThrow('GET /news: lets requests without a token in');
    expect(await proven(build, { public: ['GET /news'] })).toEqual([
      'GET /news  optional',
      'GET /stock  scope read:inventory',
    ]);
  });

  it('may have routes that something else protects', async () => {
    const hasKey: express.RequestHandler = (_req, res) => void res.status(401).end();
    expect(await proven((app) => void app.get('/internal', hasKey, handle))).toEqual([
      'GET /internal  other',
    ]);
  });

  it('is told if a genuine token is refused by something else', async () => {
    const never: express.RequestHandler = (_req, res) => void res.status(403).end();
    const build = (app: express.Express): void =>
      void app.use(authenticate(issuer.options)).get('/stock', requireScope('a'), never, handle);
    await expect(proven(build)).rejects.toThrow(
      'GET /stock: answers a genuine token with exactly what it requires with 403',
    );
  });
});

describe('an application of Fastify', () => {
  it('may have constraints, wildcards, patterns and schemas', async () => {
    const app = fastify();
    await app.register(resourceServer, issuer.options);
    app.get('/stock/:sku(^\\d+$)', { constraints: { version: '2.0.0' }, handler: handle });
    app.get('/stock/:sku', { onRequest: requireScopeHook('a'), handler: handle });
    app.get('/files/*', handle);
    app.get('/a::b', handle);
    const schema = { body: { type: 'object', required: ['sku'] } };
    app.post('/orders', { schema, preHandler: requireScopeHook('write:orders'), handler: handle });
    const samples = { 'POST /orders': { body: { sku: '42' } } };
    const { lock } = await prove(app, { issuer, lockFile: false, samples });
    expect(lock.split('\n').slice(1, -1)).toEqual([
      'GET /a::b  token',
      'GET /files/*  token',
      'POST /orders  scope write:orders',
      'GET /stock/:sku  scope a',
      'GET /stock/:sku(^\\d+$)  token',
    ]);
    expect(handle).not.toHaveBeenCalled();
  });

  it('may have no HEAD routes', async () => {
    const app = fastify({ exposeHeadRoutes: false });
    await app.register(resourceServer, issuer.options);
    app.get('/stock', { onRequest: requireScopeHook('a') }, handle);
    app.register(async (scope) => void scope.get('/stock', handle), { prefix: '/inner' });
    const { lock } = await prove(app, { issuer, lockFile: false });
    expect(lock.split('\n').slice(1, -1)).toEqual(['GET /inner/stock  token', 'GET /stock  scope a']);
  });

  it('is told of a HEAD route that asks for less', async () => {
    const app = fastify({ exposeHeadRoutes: false });
    await app.register(resourceServer, issuer.options);
    app.get('/stock', { onRequest: requireScopeHook('a') }, handle);
    app.head('/stock', handle);
    await expect(prove(app, { issuer, lockFile: false })).rejects.toThrow(
      'GET /stock: lets HEAD requests in with less than it requires (reached its handler)',
    );
  });

  it('is told of routes beside the plugin', async () => {
    const app = fastify();
    app.get('/outside', handle);
    app.register(async (scope) => {
      await scope.register(resourceServer, issuer.options);
      scope.get('/inside', handle);
    });
    await expect(prove(app, { issuer, lockFile: false })).rejects.toThrow('GET /outside: lets requests');
  });
});

describe('an application of NestJS', () => {
  it.each([
    ['Express', () => new ExpressAdapter()],
    ['Fastify', () => new FastifyAdapter()],
  ])('may have a global prefix, below which everything else is 404, on %s', async (_name, platform) => {
    const root = createModule(issuer.options, handle);
    const app = await NestFactory.create(root, platform(), { logger: false });
    app.setGlobalPrefix('api', { exclude: ['health'] });
    const { lock } = await prove(app, {
      ...sampleOptions,
      public: ['GET /health', 'GET /api/about/:topic'],
      samples: { 'GET /api/admin/tenants': tenant, 'POST /api/admin/tenants': tenant },
    });
    expect(lock).toContain('GET /api/stock/:sku  scope read:inventory\n');
    expect(lock).toMatch(/^GET \/health {2}public$/m);
    expect(lock).not.toMatch(/health {2}token|\*/);
  });

  it('is told of a handler of its own that answers everything', async () => {
    @Controller()
    class AnythingController {
      @All('*path')
      @Public()
      anything() {
        return handle();
      }
    }
    for (const prefix of ['', 'api']) {
      const root = { ...ResourceServerModule.forRoot(issuer.options), controllers: [AnythingController] };
      const app = await NestFactory.create(root, { logger: false });
      app.setGlobalPrefix(prefix);
      await expect(prove(app, { issuer, lockFile: false })).rejects.toThrow(
        `ALL ${prefix && '/api'}/*path: lets requests without a token in (reached its handler)`,
      );
    }
  });
});

describe('what prove is given', () => {
  it('is refused if it is nothing that it knows', async () => {
    await expect(prove({}, { issuer })).rejects.toThrow(
      'prove takes an application of Express, Fastify or NestJS',
    );
    const misspelled = { issuer, publik: [] } as ProveOptions;
    await expect(prove(express(), misspelled)).rejects.toThrow('unknown option "publik" in prove');
    await expect(prove(express(), {} as ProveOptions)).rejects.toThrow('option "prove.issuer.authorization"');
  });
});
