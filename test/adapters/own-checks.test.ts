import '../../adapters/express/types.js';
import 'reflect-metadata';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Res,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, NestFactory, Reflector } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import * as expressAdapter from '../../adapters/express/index.js';
import * as fastifyAdapter from '../../adapters/fastify/index.js';
import * as fetchAdapter from '../../adapters/fetch/index.js';
import * as honoAdapter from '../../adapters/hono/index.js';
import {
  getAuth,
  type PlatformRequest,
  type PlatformResponse,
  Public,
  RequireScope,
  ResourceServerExceptionFilter,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import {
  channels,
  type DecisionMessage,
  InsufficientScopeError,
  InvalidTokenError,
  isResourceServerError,
  type ResourceServerOptions,
  UnavailableError,
} from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope: 'read:inventory' });
const notYours = () => new InsufficientScopeError('claims_not_met');
const KEY = 'of the warehouse';
const hasKey = (headers: NodeJS.Dict<unknown>): boolean => headers['x-api-key'] === KEY;

/** What a running application answers. */
type Ask = (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;

const asking =
  (url: string): Ask =>
  (path, headers = {}) =>
    fetch(`${url}${path}`, { headers });

async function serveExpress(app: express.Express): Promise<Ask> {
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a TCP server has an address');
  return asking(`http://127.0.0.1:${address.port}`);
}

const challengeOf = (response: Response): string | null => response.headers.get('www-authenticate');

/** The refusals of a check that nothing but the application knows. */
async function expectOurAnswer(response: Response): Promise<void> {
  expect(response.status).toBe(403);
  expect(challengeOf(response)).toBe(
    'Bearer realm="api", error="insufficient_scope", ' +
      'error_description="The access token does not grant access to this resource", scope="read:inventory"',
  );
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toEqual({
    error: 'insufficient_scope',
    error_description: 'The access token does not grant access to this resource',
  });
}

/** A token or an API key opens; a bad token doesn't, whatever key comes with it; neither is 401. */
async function expectTokenOrKey(ask: Ask, path: string): Promise<void> {
  const key = { 'X-Api-Key': KEY };
  expect((await ask(path, reader)).status).toBe(200);
  expect((await ask(path, key)).status).toBe(200);
  const nothing = await ask(path);
  expect([nothing.status, challengeOf(nothing)]).toEqual([401, plainChallenges().join(', ')]);
  expect((await ask(path, { 'X-Api-Key': 'another' })).status).toBe(401);
  expect((await ask(path, { 'X-Api-Key': '' })).status).toBe(401);
  for (const line of ['Bearer nonsense', 'Bearer', 'DPoP nonsense']) {
    const { status } = await ask(path, { ...key, Authorization: line });
    expect([400, 401], line).toContain(status);
  }
}

describe('Express', () => {
  const { authenticate, deny, requireScope } = expressAdapter;
  const createApp = (options: Partial<ResourceServerOptions> = {}, handle?: RequestHandler) => {
    const app = express();
    app.use(authenticate({ ...issuer.options, ...options }));
    const refuse: RequestHandler = (req, res, next) => deny(notYours(), req, res, next);
    app.get('/own', requireScope('read:inventory'), handle ?? refuse);
    return app;
  };

  it('deny answers as every refusal is answered, and reports it', { tags: ['OPS-17'] }, async () => {
    const decisions = listenTo<DecisionMessage>(channels.decision);
    const ask = await serveExpress(createApp());
    await expectOurAnswer(await ask('/own', reader));
    expect(decisions.at(-1)).toMatchObject({
      outcome: 'denied',
      status: 403,
      reason: 'claims_not_met',
      clientId: 'test-client',
    });
  });

  it('deny is an error handler for what is thrown or passed to next, and leaves other errors alone', async () => {
    const app = createApp({}, () => {
      throw notYours();
    });
    app.get('/next', (_req, _res, next) => next(new UnavailableError('revocation_unavailable', 7)));
    app.get('/bug', () => {
      throw new Error('bug');
    });
    const others = vi.fn<ErrorRequestHandler>((_error, _req, res, _next) => void res.status(500).end());
    app.use(deny, others);
    const ask = await serveExpress(app);
    await expectOurAnswer(await ask('/own', reader));
    const unavailable = await ask('/next', reader);
    expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([503, '7']);
    expect(others).not.toHaveBeenCalled();
    expect((await ask('/bug', reader)).status).toBe(500);
    expect(others).toHaveBeenCalledTimes(1);
  });

  it("reports a refusal once with errors: 'next', where deny is the error handler", async () => {
    const decisions = listenTo<DecisionMessage>(channels.decision);
    const app = createApp({ errors: 'next' });
    app.get('/requires', requireScope('admin'));
    const last: ErrorRequestHandler = (_error, _req, res, _next) => void res.end();
    const ask = await serveExpress(app.use(deny, last));
    for (const [path, headers, status] of [
      ['/own', {}, 401],
      ['/requires', reader, 403],
      ['/own', reader, 403],
    ] as const)
      expect((await ask(path, headers)).status).toBe(status);
    const denied = decisions.filter(({ outcome }) => outcome === 'denied');
    expect(denied.map(({ reason }) => reason)).toEqual([
      'missing_credentials',
      'insufficient_scope',
      'claims_not_met',
    ]);
  });

  it("deny hands the error on with errors: 'next', the challenge already set", async () => {
    const app = createApp({ errors: 'next' });
    const own: ErrorRequestHandler = (error, _req, res, _next) =>
      void res.json({ reason: isResourceServerError(error) && error.reason });
    app.use(own);
    const response = await (await serveExpress(app))('/own', reader);
    expect(response.status).toBe(403);
    expect(challengeOf(response)).toContain('scope="read:inventory"');
    expect(await response.json()).toEqual({ reason: 'claims_not_met' });
  });

  it('deny challenges for the scheme that the token came with', { tags: ['DPP-17'] }, async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt: key.thumbprint } });
    const ask = await serveExpress(createApp({ baseUrl: 'https://api.example.com' }));
    const headers = await key.headers({ url: 'https://api.example.com/own', token });
    expect(challengeOf(await ask('/own', headers))).toMatch(/^DPoP [^,]*, error="insufficient_scope"/);
  });

  it('deny fails closed if nothing authenticated the request', { tags: ['OPS-09'] }, async () => {
    const app = express().get('/', (req, res, next) => deny(notYours(), req, res, next));
    const shown = vi.fn<ErrorRequestHandler>((error, _req, res, _next) => {
      res.status(500).end(String(error));
    });
    const response = await (await serveExpress(app.use(shown)))('/');
    expect(response.status).toBe(500);
    expect(await response.text()).toBe(
      'Error: deny: nothing authenticated this request; put authenticate() before it',
    );
  });

  it('takes a token or an API key', { tags: ['BRR-31', 'OPS-09'] }, async () => {
    const app = express();
    app.use(authenticate({ ...issuer.options, optional: true }), (req, res, next) => {
      if (req.auth !== undefined || hasKey(req.headers)) next();
      else deny(new InvalidTokenError('missing_credentials'), req, res, next);
    });
    app.get('/either', (_req, res) => void res.json({}));
    app.get('/token', requireScope('read:inventory'), (_req, res) => void res.json({}));
    const ask = await serveExpress(app);
    await expectTokenOrKey(ask, '/either');
    expect((await ask('/token', { 'X-Api-Key': KEY })).status).toBe(401);
    expect((await ask('/token', reader)).status).toBe(200);
  });
});

describe('Fastify', () => {
  const { deny, requireScope, resourceServer } = fastifyAdapter;
  async function createApp(options: Partial<ResourceServerOptions> = {}) {
    const lines: { readonly msg: string }[] = [];
    const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
    const app = fastify({ logger: { level: 'debug', stream } });
    onTestFinished(() => app.close());
    await app.register(resourceServer, { ...issuer.options, ...options });
    return { app, lines };
  }
  const route = { onRequest: requireScope('read:inventory') };

  it('deny answers as every refusal is answered, and logs it', { tags: ['OPS-17'] }, async () => {
    const { app, lines } = await createApp();
    app.get('/own', route, async (request, reply) => deny(notYours(), request, reply));
    app.get(
      '/hook',
      { ...route, preHandler: async (request, reply) => deny(notYours(), request, reply) },
      () => 'open',
    );
    app.get(
      '/done',
      { ...route, preHandler: (request, reply, _done) => void deny(notYours(), request, reply) },
      () => 1,
    );
    const ask = asking(await app.listen({ host: '127.0.0.1', port: 0 }));
    for (const path of ['/own', '/hook', '/done']) await expectOurAnswer(await ask(path, reader));
    const refusals = lines.filter(({ msg }) => msg === 'request refused');
    expect(refusals).toHaveLength(3);
    expect(refusals[0]).toMatchObject({ status: 403, reason: 'claims_not_met', clientId: 'test-client' });
  });

  it('deny is an error handler for what is thrown, and leaves other errors to Fastify', async () => {
    const { app } = await createApp();
    app.setErrorHandler(deny);
    app.get('/own', route, async () => {
      throw notYours();
    });
    app.get('/bug', async () => {
      throw new Error('bug');
    });
    const ask = asking(await app.listen({ host: '127.0.0.1', port: 0 }));
    await expectOurAnswer(await ask('/own', reader));
    const bug = await ask('/bug', reader);
    expect([bug.status, await bug.json()]).toEqual([500, expect.objectContaining({ message: 'bug' })]);
    expect(challengeOf(bug)).toBeNull();
  });

  it("deny hands the error to the error handler with errors: 'next', the challenge already set", async () => {
    const { app } = await createApp({ errors: 'next' });
    app.setErrorHandler((error, _request, reply) =>
      reply.send({ reason: isResourceServerError(error) && error.reason }),
    );
    app.get('/own', route, async (request, reply) => deny(notYours(), request, reply));
    const ask = asking(await app.listen({ host: '127.0.0.1', port: 0 }));
    const response = await ask('/own', reader);
    expect(response.status).toBe(403);
    expect(challengeOf(response)).toContain('scope="read:inventory"');
    expect(await response.json()).toEqual({ reason: 'claims_not_met' });
  });

  it('deny fails closed on a public route', { tags: ['OPS-09'] }, async () => {
    const { app } = await createApp();
    app.get('/open', { config: { public: true } }, async (request, reply) =>
      deny(notYours(), request, reply),
    );
    const response = await app.inject('/open');
    expect(response.statusCode).toBe(500);
    expect(response.json().message).toContain('deny: nothing authenticated this request');
  });

  it('takes a token or an API key', { tags: ['BRR-31', 'OPS-09'] }, async () => {
    const { app } = await createApp({ optional: true });
    app.addHook('onRequest', async (request: FastifyRequest, reply) => {
      const isOpen = request.routeOptions.config.public === true;
      if (!isOpen && request.auth === undefined && !hasKey(request.headers))
        return deny(new InvalidTokenError('missing_credentials'), request, reply);
    });
    app.get('/either', () => ({}));
    app.get('/token', route, () => ({}));
    app.get('/open', { config: { public: true } }, () => ({}));
    const ask = asking(await app.listen({ host: '127.0.0.1', port: 0 }));
    await expectTokenOrKey(ask, '/either');
    expect((await ask('/token', { 'X-Api-Key': KEY })).status).toBe(401);
    expect((await ask('/open')).status).toBe(200);
    expect((await ask('/nowhere')).status).toBe(401);
  });
});

describe('fetch', () => {
  const { deny, requireScope, resourceServer } = fetchAdapter;
  const URL_OF_OWN = 'https://inventory.example.com/own';

  it('deny answers as every refusal is answered', { tags: ['OPS-17'] }, async () => {
    const gate = resourceServer({ ...issuer.options, bearerMethods: ['header', 'query'] });
    const serve = gate.protect((request) => deny(notYours(), request), requireScope('read:inventory'));
    await expectOurAnswer(await serve(new Request(URL_OF_OWN, { headers: reader })));
    // The handler gets another request then, without the token.
    const token = await issuer.token({ scope: 'read:inventory' });
    const response = await serve(new Request(`${URL_OF_OWN}?access_token=${token}`));
    expect(challengeOf(response)).toContain('error="insufficient_scope"');

    const request = new Request(URL_OF_OWN, { headers: reader });
    await gate(request, requireScope('read:inventory'));
    await expectOurAnswer(deny(notYours(), request));
  });

  it('deny fails closed if no gate has seen the request, and takes errors of ours only', {
    tags: ['OPS-09'],
  }, async () => {
    const request = new Request(URL_OF_OWN, { headers: reader });
    expect(() => deny(notYours(), request)).toThrow('deny: nothing authenticated this request');
    await resourceServer(issuer.options)(request);
    expect(() => deny(new Error('bug') as never, request)).toThrow(TypeError); // a caller without types
  });

  it('takes a token or an API key', { tags: ['BRR-31', 'OPS-09'] }, async () => {
    const gate = resourceServer({ ...issuer.options, optional: true });
    const serve = gate.protect((request, auth) =>
      auth !== undefined || hasKey(Object.fromEntries(request.headers))
        ? Response.json({})
        : deny(new InvalidTokenError('missing_credentials'), request),
    );
    await expectTokenOrKey((_path, headers = {}) => serve(new Request(URL_OF_OWN, { headers })), '/own');
  });
});

describe('Hono', () => {
  const { authenticate, deny, requireScope } = honoAdapter;
  const URL_OF_OWN = 'https://inventory.example.com';
  const askingApp =
    (app: Pick<Hono, 'fetch'>): Ask =>
    async (path, headers = {}) =>
      app.fetch(new Request(`${URL_OF_OWN}${path}`, { headers }));

  it.each(['respond', 'next'] as const)(
    "deny answers as every refusal is answered, in a handler and in onError: errors: '%s'",
    { tags: ['OPS-17'] },
    async (errors) => {
      const decisions = listenTo<DecisionMessage>(channels.decision);
      const app = new Hono().use(authenticate({ ...issuer.options, errors }));
      app.get('/own', requireScope('read:inventory'), (c) => deny(notYours(), c));
      app.get('/thrown', requireScope('read:inventory'), () => {
        throw notYours();
      });
      app.onError((error, c) => (isResourceServerError(error) ? deny(error, c) : c.text('', 500)));
      for (const path of ['/own', '/thrown']) await expectOurAnswer(await askingApp(app)(path, reader));
      expect((await askingApp(app)('/own')).status).toBe(401);
      expect(decisions.map(({ reason }) => reason)).toEqual([
        undefined,
        'claims_not_met',
        undefined,
        'claims_not_met',
        'missing_credentials',
      ]);
    },
  );

  it('deny fails closed if nothing authenticated the request, and takes errors of ours only', {
    tags: ['OPS-09'],
  }, async () => {
    const app = new Hono().onError((error, c) => c.text(error.message, 500));
    app.get('/open', (c) => deny(notYours(), c));
    app.use(authenticate(issuer.options));
    app.get('/bug', (c) => deny(new Error('bug') as never, c)); // a caller without types
    const open = await askingApp(app)('/open', reader);
    expect(await open.text()).toContain('deny: nothing authenticated this request');
    expect(await (await askingApp(app)('/bug', reader)).text()).toContain('deny takes an error');
  });

  it('takes a token or an API key', { tags: ['BRR-31', 'OPS-09'] }, async () => {
    const app = new Hono().use(authenticate({ ...issuer.options, optional: true })).use(async (c, next) => {
      if (c.get('auth') !== undefined || hasKey(c.req.header())) return next();
      return deny(new InvalidTokenError('missing_credentials'), c);
    });
    app.get('/either', (c) => c.json({}));
    app.get('/token', requireScope('read:inventory'), (c) => c.json({}));
    await expectTokenOrKey(askingApp(app), '/either');
    expect((await askingApp(app)('/token', { 'X-Api-Key': KEY })).status).toBe(401);
  });
});

describe.each([
  { name: 'on Express', platform: () => new ExpressAdapter() },
  { name: 'on Fastify', platform: () => new FastifyAdapter() },
])('NestJS $name', ({ platform }) => {
  async function start(
    module: Parameters<typeof NestFactory.create>[0],
    ...filters: ExceptionFilter[]
  ): Promise<Ask> {
    const app = await NestFactory.create(module, platform(), { logger: false });
    onTestFinished(() => app.close());
    app.useGlobalFilters(...filters);
    await app.listen(0, '127.0.0.1');
    return asking(await app.getUrl());
  }

  @Injectable()
  class OwnGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      getAuth(context.switchToHttp().getRequest<PlatformRequest>());
      throw notYours();
    }
  }

  @Controller()
  class OwnController {
    @Get('own')
    @RequireScope('read:inventory')
    own() {
      throw notYours();
    }

    @Get('guarded')
    @RequireScope('read:inventory')
    @UseGuards(OwnGuard)
    guarded() {
      return 'open';
    }

    @Get('open')
    @Public()
    open() {
      throw new InvalidTokenError('missing_credentials');
    }

    @Get('late')
    async late(@Res() response: PlatformResponse) {
      await response.send('sent');
      throw notYours();
    }

    @Get('begun')
    begun(@Res() response: ServerResponse | FastifyReply) {
      const raw = 'raw' in response ? response.hijack().raw : response;
      raw.write('begun');
      throw new InvalidTokenError('expired');
    }
  }

  const controllers = [OwnController];
  const moduleOf = (options: Partial<ResourceServerOptions> = {}) => ({
    ...ResourceServerModule.forRoot({ ...issuer.options, ...options }),
    controllers,
  });

  it('answers an error of ours that a handler or a guard throws as every refusal', {
    tags: ['OPS-17'],
  }, async () => {
    const decisions = listenTo<DecisionMessage>(channels.decision);
    const ask = await start(moduleOf());
    for (const path of ['/own', '/guarded']) await expectOurAnswer(await ask(path, reader));
    expect(decisions.at(-1)).toMatchObject({ reason: 'claims_not_met', clientId: 'test-client' });
    const open = await ask('/open');
    expect([open.status, challengeOf(open)]).toEqual([401, plainChallenges().join(', ')]);
    const late = await ask('/late', reader);
    expect([late.status, await late.text()]).toEqual([200, 'sent']);
  });

  it('ends an answer that has already begun, as Nest does for other errors', async () => {
    const ask = await start(moduleOf());
    const begun = await ask('/begun', reader);
    expect([begun.status, await begun.text()]).toEqual([200, 'begun']);
  });

  it('answers it too with a filter of the application, if ours is the last of them', async () => {
    @Catch()
    class CatchAll implements ExceptionFilter {
      catch() {
        throw new Error('asked');
      }
    }
    const ask = await start(moduleOf(), new CatchAll(), new ResourceServerExceptionFilter());
    await expectOurAnswer(await ask('/own', reader));
    expect((await ask('/open')).status).toBe(500);
  });

  it("leaves it to the application's filters with errors: 'next'", { tags: ['OPS-17'] }, async () => {
    const seen = vi.fn();
    @Catch(InsufficientScopeError)
    class Watch implements ExceptionFilter<InsufficientScopeError> {
      catch(error: InsufficientScopeError, host: Parameters<ExceptionFilter['catch']>[1]) {
        seen(error.reason);
        const response = host.switchToHttp().getResponse<PlatformResponse>();
        response.status(error.status);
        response.send('mine');
      }
    }
    const ask = await start({
      ...moduleOf({ errors: 'next' }),
      providers: [
        ...(moduleOf({ errors: 'next' }).providers ?? []),
        { provide: APP_FILTER, useClass: Watch },
      ],
    });
    const response = await ask('/own', reader);
    expect([response.status, await response.text()]).toEqual([403, 'mine']);
    expect(seen.mock.calls).toEqual([['claims_not_met']]);
  });

  it('takes a token that middleware took from another field', { tags: ['BRR-06'] }, async () => {
    @Module({ imports: [ResourceServerModule.forRoot(issuer.options)], controllers: [OwnController] })
    class AppModule implements NestModule {
      configure(consumer: MiddlewareConsumer) {
        const takeToken = (req: IncomingMessage, _res: unknown, next: () => void) => {
          const { 'x-forwarded-access-token': token } = req.headers;
          if (token !== undefined) req.headers.authorization ??= `Bearer ${token}`;
          next();
        };
        consumer.apply(takeToken).forRoutes('*path');
      }
    }
    const ask = await start(AppModule);
    const token = await issuer.token({ scope: 'read:inventory' });
    await expectOurAnswer(await ask('/own', { 'X-Forwarded-Access-Token': token }));
    expect((await ask('/own', { 'X-Forwarded-Access-Token': 'nonsense' })).status).toBe(401);
    expect((await ask('/own')).status).toBe(401);
  });

  it('takes a token or an API key, where a handler says so', { tags: ['OPS-09'] }, async () => {
    const AcceptsKey = () => SetMetadata('accepts key', true);

    @Injectable()
    class TokenOrKeyGuard extends ResourceServerGuard {
      @Inject(Reflector) private readonly reflector!: Reflector;

      override async canActivate(context: ExecutionContext): Promise<boolean> {
        const { headers } = context.switchToHttp().getRequest<{ headers: NodeJS.Dict<string> }>();
        const acceptsKey = this.reflector.get('accepts key', context.getHandler()) === true;
        if (acceptsKey && headers.authorization === undefined && hasKey(headers)) return true;
        return super.canActivate(context);
      }
    }

    @Controller()
    class Stock {
      @Get('either')
      @AcceptsKey()
      either() {
        return {};
      }

      @Get('token')
      @RequireScope('read:inventory')
      token() {
        return {};
      }
    }

    const ask = await start({
      ...ResourceServerModule.forRoot(issuer.options, { guard: TokenOrKeyGuard }),
      controllers: [Stock],
    });
    await expectTokenOrKey(ask, '/either');
    expect((await ask('/token', { 'X-Api-Key': KEY })).status).toBe(401);
    expect((await ask('/token', reader)).status).toBe(200);
  });
});
