import 'reflect-metadata';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import {
  All,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  type INestApplication,
  Inject,
  Injectable,
  Logger,
  Module,
  type ModuleMetadata,
  type NestInterceptor,
  Post,
  Req,
  Res,
  Scope,
  UseGuards,
  UseInterceptors,
  VersioningType,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  ExternalContextCreator,
  LazyModuleLoader,
  NestFactory,
  REQUEST,
} from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Auth,
  getAuth,
  type PlatformRequest,
  type PlatformResponse,
  Public,
  RESOURCE_SERVER,
  RequireAnyScope,
  RequireClaims,
  RequireScope,
  ResourceServerException,
  ResourceServerExceptionFilter,
  ResourceServerGuard,
  ResourceServerModule,
  type ResourceServerModuleAsyncOptions,
  type ResourceServerOptionsFactory,
} from '../../adapters/nestjs/index.js';
import {
  createResourceServer,
  InsufficientScopeError,
  InvalidTokenError,
  isResourceServerError,
  type ResourceServer,
  ResourceServerError,
  UnavailableError,
} from '../../src/index.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { plainChallenges } from '../support/plain-challenges.js';

const issuer = await createTestIssuer();
const reader = await issuer.authorization({ scope: 'read:inventory' });
const both = await issuer.authorization({ scope: 'read:inventory write:orders' });
const nonsense = { authorization: 'Bearer nonsense' };

const running: INestApplication[] = [];
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

interface Setup extends ModuleMetadata {
  /** Default Express. */
  readonly platform?: () => ExpressAdapter | FastifyAdapter;
  /** Default `ResourceServerModule.forRoot` with the test issuer. */
  readonly module?: DynamicModule;
  readonly configure?: (app: INestApplication) => void;
}

async function create({ platform = () => new ExpressAdapter(), module, configure, ...metadata }: Setup) {
  @Module({})
  class AppModule {}
  const root: DynamicModule = {
    ...metadata,
    module: AppModule,
    imports: [...(metadata.imports ?? []), module ?? ResourceServerModule.forRoot(issuer.options)],
  };
  const app = await NestFactory.create<INestApplication>(root, platform(), {
    logger: false,
    abortOnError: false,
  });
  running.push(app);
  configure?.(app);
  await app.init();
  return app;
}

async function start(setup: Setup) {
  const app = await create(setup);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const request = (path: string, headers: object = {}, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}${path}`, { ...init, headers: { ...headers } });
  const status = async (path: string, headers?: object, init?: RequestInit): Promise<number> =>
    (await request(path, headers, init)).status;
  return { app, request, status };
}

const challengeOf = (response: Response): string | null => response.headers.get('www-authenticate');

@Controller()
class StockController {
  @Get('stock')
  find(@Auth() auth: Auth) {
    return { caller: auth.clientId };
  }

  @Get('orders')
  @RequireScope('write:orders')
  orders() {
    return 'ok';
  }

  @Get('open')
  @Public()
  open(@Auth() auth: Auth | undefined) {
    return { anonymous: auth === undefined };
  }
}

describe.each([
  { name: 'on Express', platform: () => new ExpressAdapter() },
  { name: 'on Fastify', platform: () => new FastifyAdapter() },
])('requests $name', ({ platform }) => {
  it('are protected without a decorator, even HEAD and @All', async () => {
    const ran = vi.fn(() => 'ok');
    @Controller()
    class Handlers {
      @Get('plain')
      plain() {
        return ran();
      }

      @All('every')
      every() {
        return ran();
      }
    }
    const { status } = await start({ platform, controllers: [Handlers] });
    const preflight = { origin: 'https://shop.example.com', 'access-control-request-method': 'GET' };
    expect(await status('/plain')).toBe(401);
    expect(await status('/plain', {}, { method: 'HEAD' })).toBe(401);
    expect(await status('/every', {}, { method: 'DELETE' })).toBe(401);
    // No CORS layer answered it before, so BRR-28 does not apply.
    expect(await status('/every', preflight, { method: 'OPTIONS' })).toBe(401);
    expect(ran).not.toHaveBeenCalled();
    expect(await status('/every', reader, { method: 'DELETE' })).toBe(200);
  });

  it('ignore an auth that something else put on them', { tags: ['OPS-12'] }, async () => {
    const forge = (request: { auth?: unknown }, _response: unknown, next: () => void): void => {
      request.auth = fakeAuth({ clientId: 'forged' });
      next();
    };
    const configure = (app: INestApplication): void => {
      const instance = app.getHttpAdapter().getInstance();
      if (app.getHttpAdapter().getType() === 'fastify') instance.addHook('onRequest', forge);
      else app.use(forge);
    };
    const { request } = await start({ platform, configure, controllers: [StockController] });
    expect(await (await request('/open')).json()).toEqual({ anonymous: true });
    expect(await (await request('/stock', reader)).json()).toEqual({ caller: 'test-client' });
    expect((await request('/stock')).status).toBe(401);
  });

  it("reach filters of the application with errors: 'next', typed and with the challenge already set", {
    tags: ['OPS-17'],
  }, async () => {
    const seen = vi.fn();
    @Catch(InvalidTokenError)
    class InvalidTokenFilter implements ExceptionFilter<InvalidTokenError> {
      catch(error: InvalidTokenError, host: ArgumentsHost) {
        seen(error);
        host.switchToHttp().getResponse<PlatformResponse>().status(error.status);
        host.switchToHttp().getResponse<PlatformResponse>().send('custom');
      }
    }
    const { request } = await start({
      platform,
      module: ResourceServerModule.forRoot({ ...issuer.options, errors: 'next' }),
      controllers: [StockController],
      providers: [{ provide: APP_FILTER, useClass: InvalidTokenFilter }],
    });
    const response = await request('/stock', nonsense);
    expect(response.status).toBe(401);
    expect(await response.text()).toBe('custom');
    expect(challengeOf(response)).toContain('error="invalid_token"');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-length')).toBe('6');
    expect(response.headers.get('content-type')).not.toContain('json');
    expect(seen).toHaveBeenCalledTimes(1);

    const forbidden = await request('/orders', reader);
    expect(forbidden.status).toBe(403);
    expect(seen).toHaveBeenCalledTimes(1);
  });

  it("are answered by Nest itself with errors: 'next' and no filter", async () => {
    const { request } = await start({
      platform,
      module: ResourceServerModule.forRoot({ ...issuer.options, errors: 'next' }),
      controllers: [StockController],
    });
    const forbidden = await request('/orders', reader);
    expect(forbidden.status).toBe(403);
    expect(await forbidden.json()).toMatchObject({ error: 'insufficient_scope' });
    expect(challengeOf(forbidden)).toContain('scope="write:orders"');
    const unknown = await request('/stock');
    expect(unknown.status).toBe(401);
    expect(challengeOf(unknown)).toBe(plainChallenges().join(', '));
    expect(await unknown.json()).toEqual({});
  });

  it('get our answer beside an APP_FILTER, and beside global filters only if ours comes last', async () => {
    @Catch()
    class CatchAll implements ExceptionFilter {
      catch(_error: unknown, host: ArgumentsHost) {
        host.switchToHttp().getResponse<PlatformResponse>().status(418);
        host.switchToHttp().getResponse<PlatformResponse>().send('mine');
      }
    }
    const controllers = [StockController];
    const asProvider = await start({
      platform,
      controllers,
      providers: [{ provide: APP_FILTER, useClass: CatchAll }],
    });
    expect(await asProvider.status('/stock')).toBe(401);

    const bound = await start({
      platform,
      controllers,
      configure: (app) => app.useGlobalFilters(new CatchAll()),
    });
    const theirs = await bound.request('/stock');
    expect(theirs.status).toBe(418);
    expect(challengeOf(theirs)).toBe(plainChallenges().join(', '));

    const last = await start({
      platform,
      controllers,
      configure: (app) => app.useGlobalFilters(new CatchAll(), new ResourceServerExceptionFilter()),
    });
    const ours = await last.request('/stock');
    expect(ours.status).toBe(401);
    expect(await ours.text()).toBe('');
  });

  it('may be anonymous with optional: true, but not with bad credentials or if scopes are required', {
    tags: ['BRR-31'],
  }, async () => {
    @Controller('maybe')
    class MaybeController {
      @Get()
      find(@Auth() auth: Auth | undefined) {
        return { anonymous: auth === undefined };
      }
    }
    const { request, status } = await start({
      platform,
      module: ResourceServerModule.forRoot({ ...issuer.options, optional: true }),
      controllers: [StockController, MaybeController],
    });
    expect(await (await request('/maybe')).json()).toEqual({ anonymous: true });
    expect(await (await request('/maybe', reader)).json()).toEqual({ anonymous: false });
    expect(await status('/maybe', nonsense)).toBe(401);
    const response = await request('/orders');
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toBe(plainChallenges('write:orders').join(', '));
  });

  it('get one header line per challenge', { tags: ['BRR-26'] }, async () => {
    const server = createResourceServer(issuer.options);
    vi.spyOn(server, 'authenticate').mockReturnValue({
      kind: 'denied',
      error: new InvalidTokenError('missing_credentials'),
      answer: {
        status: 401,
        headers: { 'WWW-Authenticate': ['Bearer realm="api"', 'DPoP algs="ES256"'] },
        body: undefined,
      },
      toResponse: () => Response.error(),
    });
    const module = ResourceServerModule.forRoot(server);
    const { app } = await start({ platform, module, controllers: [StockController] });
    const response = await send(await app.getUrl(), { path: '/stock' });
    expect(response.lines('www-authenticate')).toEqual(['Bearer realm="api"', 'DPoP algs="ES256"']);
    expect(response.headers['content-type']).toBeUndefined();
    expect(response.body).toBe('');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
  ])(
    'never get through because of a bug: authenticate %s',
    { tags: ['OPS-09'] },
    async (_how, authenticate) => {
      const server = createResourceServer(issuer.options);
      vi.spyOn(server, 'authenticate').mockImplementation(authenticate);
      const module = ResourceServerModule.forRoot(server);
      const { status } = await start({ platform, module, controllers: [StockController] });
      expect(await status('/stock', reader)).toBe(500);
    },
  );
});

describe('decorators of class and handler', () => {
  @Controller('scoped')
  @RequireScope('write:orders')
  class ScopedController {
    @Get('more')
    @RequireScope('read:inventory')
    more() {
      return 'ok';
    }

    @Get('plain')
    plain() {
      return 'ok';
    }

    @Get('open')
    @Public()
    open() {
      return 'ok';
    }

    @Get('any')
    @RequireAnyScope('admin', 'read:inventory')
    any() {
      return 'ok';
    }

    @Get('stacked')
    @RequireScope('a')
    @RequireScope('b')
    stacked() {
      return 'ok';
    }
  }

  @Controller('public')
  @Public()
  class PublicController {
    @Get('plain')
    plain() {
      return 'ok';
    }

    @Get('scoped')
    @RequireScope('read:inventory')
    scoped() {
      return 'ok';
    }

    @Get('contradictory')
    @Public()
    @RequireScope('read:inventory')
    contradictory() {
      return 'ok';
    }
  }

  @Controller('contradictory')
  @RequireScope('read:inventory')
  @Public()
  class ContradictoryController {
    @Get('plain')
    plain() {
      return 'ok';
    }
  }

  @Controller('derived')
  class DerivedController extends ScopedController {}

  @Controller('narrowed')
  @RequireScope('read:inventory')
  class NarrowedController extends ScopedController {}

  const controllers = [
    ScopedController,
    PublicController,
    ContradictoryController,
    DerivedController,
    NarrowedController,
  ];

  it('add up, and the challenge names all scopes at once', { tags: ['BRR-25'] }, async () => {
    const { request, status } = await start({ controllers });
    const response = await request('/scoped/more', await issuer.authorization({ scope: 'other' }));
    expect(response.status).toBe(403);
    expect(challengeOf(response)).toContain('scope="write:orders read:inventory"');
    expect(await status('/scoped/more', reader)).toBe(403);
    expect(await status('/scoped/more', both)).toBe(200);
    const stacked = await request('/scoped/stacked', both);
    expect(challengeOf(stacked)).toContain('scope="write:orders a b"');
  });

  it('add up across kinds', async () => {
    const { status } = await start({ controllers });
    expect(await status('/scoped/any', reader)).toBe(403);
    expect(await status('/scoped/any', await issuer.authorization({ scope: 'write:orders' }))).toBe(403);
    expect(await status('/scoped/any', both)).toBe(200);
  });

  it('apply in derived controllers, together with their own', async () => {
    const { request, status } = await start({ controllers });
    expect(await status('/derived/plain', reader)).toBe(403);
    expect(await status('/derived/plain', both)).toBe(200);
    const response = await request('/narrowed/plain', await issuer.authorization({ scope: 'write:orders' }));
    expect(response.status).toBe(403);
    expect(challengeOf(response)).toContain('scope="read:inventory write:orders"');
  });

  it.each([
    ['/scoped/open', 200, 'on the handler voids the requirements of the class'],
    ['/public/plain', 200, 'on the class opens its handlers'],
    ['/public/scoped', 401, 'on the class does not open a handler with requirements'],
    ['/public/contradictory', 401, 'does not open a handler that has requirements beside it'],
    ['/contradictory/plain', 401, 'does not open a class that has requirements beside it'],
  ])('%s is answered %i: @Public %s', async (path, expected) => {
    const { status } = await start({ controllers });
    expect(await status(path)).toBe(expected);
  });

  it('throw without a proper scope', { tags: ['SCP-12'] }, () => {
    expect(() => RequireScope()).toThrow(TypeError);
    expect(() => RequireScope('read:inventory write:orders')).toThrow(TypeError);
    expect(() => RequireAnyScope()).toThrow(TypeError);
    expect(() => RequireClaims(undefined as never)).toThrow(TypeError);
  });

  it('are checked once, and the token verified once, however often the guard is bound', async () => {
    const server = createResourceServer(issuer.options);
    const authenticate = vi.spyOn(server, 'authenticate');
    const ofClass = vi.fn(() => true);
    const ofHandler = vi.fn(() => true);
    @Controller('bound')
    @UseGuards(ResourceServerGuard)
    @RequireClaims(ofClass)
    class BoundController {
      @Get()
      @UseGuards(ResourceServerGuard)
      @RequireClaims(ofHandler)
      find() {
        return 'ok';
      }
    }
    const { status } = await start({
      module: ResourceServerModule.forRoot(server),
      controllers: [BoundController],
    });
    expect(await status('/bound', reader)).toBe(200);
    expect(await status('/bound', reader)).toBe(200);
    for (const called of [authenticate, ofClass, ofHandler]) expect(called).toHaveBeenCalledTimes(2);
  });
});

describe('@Auth and getAuth', () => {
  it('give interceptors and handlers the same auth', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Watch implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        seen.push(getAuth(context.switchToHttp().getRequest<PlatformRequest>()));
        return next.handle();
      }
    }
    @Controller('watched')
    @UseInterceptors(Watch)
    class WatchedController {
      @Get()
      find(@Auth() auth: Auth<{ tenant: string }>, @Req() request: PlatformRequest) {
        seen.push(auth, request.auth);
        return auth.claims.tenant;
      }
    }
    const { request } = await start({ controllers: [WatchedController] });
    const response = await request('/watched', await issuer.authorization({ scope: 'a', tenant: 'acme' }));
    expect(await response.text()).toBe('acme');
    expect(new Set(seen).size).toBe(1);
  });

  it('give pipes no type to validate @Auth() by, even if the compiler took the decorator for it', async () => {
    const seen: unknown[] = [];
    @Controller('typed')
    class TypedController {
      @Get()
      @((prototype: object, name: string) => Auth()(prototype, name, 0))
      @Reflect.metadata('design:paramtypes', [Auth]) // compilers add it before they call parameters' decorators
      find(auth: Auth) {
        return auth.clientId;
      }
    }
    const { request } = await start({
      controllers: [TypedController],
      configure: (app) =>
        app.useGlobalPipes({
          transform(value, { metatype }) {
            seen.push(metatype);
            return value;
          },
        }),
    });
    const response = await request('/typed', await issuer.authorization({ client_id: 'order-service' }));
    expect([await response.text(), seen]).toEqual(['order-service', [Object]]);
  });

  it('refuse an object that looks like an Auth', { tags: ['OPS-12'] }, async () => {
    @Injectable()
    class Forge implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        const request = context.switchToHttp().getRequest<PlatformRequest>();
        request.auth = { ...fakeAuth() };
        return next.handle();
      }
    }
    @Controller('forged')
    @UseInterceptors(Forge)
    class ForgedController {
      @Get()
      @Public()
      find(@Auth() auth: Auth | undefined) {
        return { anonymous: auth === undefined };
      }
    }
    const { request } = await start({ controllers: [ForgedController] });
    expect(await (await request('/forged')).json()).toEqual({ anonymous: true });
    expect(() => getAuth({ auth: { ...fakeAuth() } })).toThrow(/no verified access token/);
    expect(getAuth({ auth: fakeAuth({ clientId: 'order-service' }) }).clientId).toBe('order-service');
  });
});

it("Fastify's logger gets refusals: 503 as warn, others as info, without the token", async () => {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const platform = () => new FastifyAdapter({ logger: { level: 'debug', stream } });
  const { status } = await start({ platform, controllers: [StockController] });
  expect(await status('/orders', reader)).toBe(403);
  issuer.goDown();
  onTestFinished(() => issuer.comeBack());
  const during = await start({ platform, controllers: [StockController] });
  expect(await during.status('/stock', reader)).toBe(503);

  const refused = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request refused');
  expect(refused).toMatchObject([
    { level: 30, route: '/orders', status: 403, reason: 'insufficient_scope', clientId: 'test-client' },
    { level: 40, status: 503 },
  ]);
  expect(lines.join()).not.toContain(reader.Authorization.slice('Bearer '.length));
});

describe('exceptions', () => {
  async function exceptionFor(headers: object, path = '/stock'): Promise<unknown> {
    const seen: unknown[] = [];
    @Catch()
    class Watch implements ExceptionFilter {
      catch(error: unknown, host: ArgumentsHost) {
        seen.push(error);
        host.switchToHttp().getResponse<PlatformResponse>().send('seen');
      }
    }
    const configure = (app: INestApplication): void => {
      app.useGlobalFilters(new Watch());
    };
    const { request } = await start({ configure, controllers: [StockController] });
    await request(path, headers);
    expect(seen).toHaveLength(1);
    return seen[0];
  }

  it('are HttpExceptions that count as errors of the core', async () => {
    const exception = await exceptionFor(nonsense);
    if (!(exception instanceof ResourceServerException)) throw new Error('another exception');
    expect(exception).toBeInstanceOf(InvalidTokenError);
    expect(exception).toBeInstanceOf(ResourceServerError);
    expect(exception).not.toBeInstanceOf(InsufficientScopeError);
    expect(isResourceServerError(exception)).toBe(true);
    expect(exception).toMatchObject({
      name: 'ResourceServerException',
      message: 'The access token is malformed',
      status: 401,
      statusCode: 401,
      error: 'invalid_token',
      reason: 'malformed_token',
    });
    expect(exception.getStatus()).toBe(401);
    expect(exception.getResponse()).toEqual({
      error: 'invalid_token',
      error_description: 'The access token is malformed',
    });
    expect(exception.cause).toBeInstanceOf(InvalidTokenError);
  });

  it('have an empty response if no credentials were sent', async () => {
    const exception = await exceptionFor({});
    expect(exception).toMatchObject({ error: undefined, reason: 'missing_credentials', response: {} });
  });

  it('are of the class of the refusal, for requirements and outages too', async () => {
    expect(await exceptionFor(reader, '/orders')).toBeInstanceOf(InsufficientScopeError);
    issuer.goDown();
    try {
      const exception = await exceptionFor(reader);
      expect(exception).toBeInstanceOf(UnavailableError);
      expect(exception).toMatchObject({ status: 503, retryAfterSeconds: expect.any(Number) });
    } finally {
      issuer.comeBack();
    }
  });
});

describe('the module', () => {
  it("keeps the application from starting if it's forgotten and a requirement is used", {
    tags: ['SCP-12', 'OPS-09'],
  }, async () => {
    const withoutModule = { module: class EmptyModule {}, controllers: [StockController] };
    await expect(create({ module: withoutModule })).rejects.toThrow(/ResourceServerModule\.forRoot\(\)/);
  });

  it('fails at start for a wrong option', async () => {
    const module = ResourceServerModule.forRoot({ ...issuer.options, audience: [] });
    await expect(create({ module })).rejects.toThrow(TypeError);
  });

  it.each<[string, DynamicModule]>([
    ['forRoot', ResourceServerModule.forRoot(issuer.options)],
    ['forRootAsync', ResourceServerModule.forRootAsync({ useFactory: () => issuer.options })],
  ])('fails at start if it is imported twice, by %s, and says what to do', async (_how, second) => {
    @Module({ imports: [second] })
    class FeatureModule {}
    const starting = create({ imports: [FeatureModule] });
    await expect(starting).rejects.toThrow(TypeError);
    await expect(starting).rejects.toThrow(
      /imported twice.* root module.*RESOURCE_SERVER.*application of its own/,
    );
  });

  it('may be imported twice if it is the same one', async () => {
    const module = ResourceServerModule.forRoot(issuer.options);
    @Module({ imports: [module] })
    class FeatureModule {}
    const { status } = await start({ module, imports: [FeatureModule], controllers: [StockController] });
    expect(await status('/stock')).toBe(401);
    expect(await status('/stock', reader)).toBe(200);
  });

  it('fails to load lazily if it is there already', async () => {
    const app = await create({});
    const loading = app.get(LazyModuleLoader).load(() => ResourceServerModule.forRoot(issuer.options));
    await expect(loading).rejects.toThrow(/imported twice/);
  });

  it('fails to load lazily, because Nest would not call its guard', async () => {
    @Module({})
    class OpenModule {}
    @Module({ imports: [ResourceServerModule.forRoot(issuer.options)] })
    class LateModule {}
    for (const late of [ResourceServerModule.forRoot(issuer.options), LateModule]) {
      const app = await NestFactory.create(OpenModule, { logger: false });
      const loading = app.get(LazyModuleLoader).load(() => late);
      await expect(loading).rejects.toThrow(/LazyModuleLoader.* import it in the root module/);
    }
  });

  it('is there once in each of several applications', async () => {
    const other = await createTestIssuer({ issuer: 'https://other.example.com' });
    const first = await start({ controllers: [StockController] });
    const second = await start({
      module: ResourceServerModule.forRoot(other.options),
      controllers: [StockController],
    });
    expect(await first.status('/stock', reader)).toBe(200);
    expect(await second.status('/stock', reader)).toBe(401);
    expect(await second.status('/stock', await other.authorization())).toBe(200);
  });

  @Injectable()
  class Configuration implements ResourceServerOptionsFactory {
    async createResourceServerOptions() {
      return issuer.options;
    }
  }
  @Module({ providers: [Configuration], exports: [Configuration] })
  class ConfigurationModule {}

  it.each<[string, ResourceServerModuleAsyncOptions]>([
    [
      'useFactory',
      {
        imports: [ConfigurationModule],
        inject: [Configuration],
        useFactory: (configuration: Configuration) => configuration.createResourceServerOptions(),
      },
    ],
    ['useFactory with a ready server', { useFactory: () => createResourceServer(issuer.options) }],
    ['useClass', { useClass: Configuration }],
    ['useExisting', { imports: [ConfigurationModule], useExisting: Configuration }],
  ])('takes its options from %s', async (_from, options) => {
    const module = ResourceServerModule.forRootAsync(options);
    const { status } = await start({ module, controllers: [StockController] });
    expect(await status('/stock')).toBe(401);
    expect(await status('/stock', reader)).toBe(200);
  });

  it('requires exactly one source of options', () => {
    expect(() => ResourceServerModule.forRootAsync({})).toThrow(TypeError);
    const two = { useClass: Configuration, useFactory: () => issuer.options };
    expect(() => ResourceServerModule.forRootAsync(two)).toThrow(TypeError);
    const misspelled = { useFactroy: () => issuer.options };
    expect(() => ResourceServerModule.forRootAsync(misspelled as never)).toThrow('did you mean useFactory?');
  });

  it('fails at start if the factory fails or returns nothing', async () => {
    const nothing = ResourceServerModule.forRootAsync({ useFactory: () => undefined as never });
    await expect(create({ module: nothing })).rejects.toThrow(TypeError);
    const failing = ResourceServerModule.forRootAsync({
      useFactory: () => Promise.reject(new Error('no config')),
    });
    await expect(create({ module: failing })).rejects.toThrow('no config');
  });

  it('lets other modules inject the resource server', async () => {
    const server = createResourceServer(issuer.options);
    @Injectable()
    class Queue {
      constructor(@Inject(RESOURCE_SERVER) readonly server: ResourceServer) {}
    }
    @Module({ providers: [Queue] })
    class QueueModule {}
    const app = await create({ module: ResourceServerModule.forRoot(server), imports: [QueueModule] });
    expect(app.get(Queue, { strict: false }).server).toBe(server);
  });

  it('closes the server that it created, but not one that it was given', async () => {
    const server = createResourceServer(issuer.options);
    const close = vi.spyOn(Object.getPrototypeOf(server), 'close');
    const given = await create({ module: ResourceServerModule.forRoot(server) });
    await given.close();
    expect(close).not.toHaveBeenCalled();
    const own = await create({});
    await own.close();
    expect(close).toHaveBeenCalledTimes(1);
    close.mockRestore();
  });
});

describe('global guards of the application', () => {
  const seen: unknown[] = [];
  @Injectable()
  class CallerGuard implements CanActivate {
    canActivate(context: ExecutionContext) {
      seen.push(getAuth(context.switchToHttp().getRequest<PlatformRequest>()).clientId);
      return true;
    }
  }
  const providers = [{ provide: APP_GUARD, useClass: CallerGuard }];

  it('come after authentication, those of the root module and of others, however they are bound', async () => {
    @Module({ providers })
    class EarlyModule {}
    const { status } = await start({
      imports: [EarlyModule],
      providers,
      configure: (app) => app.useGlobalGuards(new CallerGuard()),
      controllers: [StockController],
    });
    seen.splice(0);
    expect(await status('/stock')).toBe(401);
    expect(seen).toEqual([]);
    expect(await status('/stock', reader)).toBe(200);
    expect(seen).toEqual(['test-client', 'test-client', 'test-client']);
  });

  it('come before a guard that is made for each request, which is said at start', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends ResourceServerGuard {}
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    onTestFinished(() => warn.mockRestore());
    const module = ResourceServerModule.forRoot(issuer.options, { guard: ScopedGuard });
    const { status } = await start({ module, providers, controllers: [StockController] });
    expect(warn.mock.calls.flat().join()).toMatch(
      /runs CallerGuard before requests are authenticated.*getAuth/,
    );
    expect(await status('/stock', reader)).toBe(500);
    warn.mockClear();
    await start({ module, controllers: [StockController] });
    expect(warn).not.toHaveBeenCalled();
  });

  it('that need a request are not left out silently', { tags: ['OPS-09'] }, async () => {
    @Injectable()
    class InquisitiveGuard extends ResourceServerGuard {
      constructor(
        @Inject(RESOURCE_SERVER) server: ResourceServer,
        @Inject(REQUEST) readonly request: unknown,
      ) {
        super(server);
      }
    }
    const module = ResourceServerModule.forRoot(issuer.options, { guard: InquisitiveGuard });
    await expect(create({ module, controllers: [StockController] })).rejects.toThrow();
  });

  it('are told by getAuth what comes first', () => {
    expect(() => getAuth({})).toThrow(/in NestJS, middleware comes before guards/);
  });
});

describe('other features of Nest', () => {
  it('works with request-scoped controllers', async () => {
    let instances = 0;
    @Controller({ path: 'scoped', scope: Scope.REQUEST })
    class RequestScopedController {
      constructor() {
        instances++;
      }

      @Get()
      @RequireScope('read:inventory')
      find(@Auth() auth: Auth) {
        return auth.scopes;
      }
    }
    const { request, status } = await start({ controllers: [RequestScopedController] });
    expect(await status('/scoped')).toBe(401);
    expect(await (await request('/scoped', reader)).json()).toEqual(['read:inventory']);
    expect(await (await request('/scoped', reader)).json()).toEqual(['read:inventory']);
    expect(instances).toBeGreaterThanOrEqual(2);
  });

  it('keeps the versions of a route apart', async () => {
    @Controller({ path: 'stock', version: '1' })
    class FirstController {
      @Get()
      @RequireScope('write:orders')
      find() {
        return 'first';
      }
    }
    @Controller({ path: 'stock', version: '2' })
    class SecondController {
      @Get()
      @RequireScope('read:inventory')
      find() {
        return 'second';
      }
    }
    const { status } = await start({
      controllers: [FirstController, SecondController],
      configure: (app) => app.enableVersioning({ type: VersioningType.URI }),
    });
    expect(await status('/v1/stock', reader)).toBe(403);
    expect(await status('/v2/stock', reader)).toBe(200);
  });

  it('works in modules that are loaded lazily', async () => {
    @Injectable()
    class Late {
      constructor(@Inject(RESOURCE_SERVER) readonly server: ResourceServer) {}
    }
    @Module({ providers: [Late] })
    class LateModule {}
    const app = await create({});
    const late = await app.get(LazyModuleLoader).load(() => LateModule);
    expect(late.get(Late).server).toBe(app.get(RESOURCE_SERVER));
  });
});

describe('execution contexts other than HTTP', () => {
  interface GraphqlContext {
    readonly req: PlatformRequest;
    readonly res: PlatformResponse;
  }

  @Injectable()
  class Resolver {
    stock(...args: unknown[]) {
      const { req } = args[2] as GraphqlContext; // the order of @nestjs/graphql: parent, arguments, context
      return getAuth(req).clientId;
    }

    @RequireScope('write:orders')
    orders() {
      return 'orders';
    }

    @Public()
    version() {
      return 'version';
    }
  }

  class GraphqlGuard extends ResourceServerGuard {
    protected override getRequestResponse(context: ExecutionContext) {
      if (context.getType<string>() !== 'graphql') return super.getRequestResponse(context);
      return context.getArgByIndex<GraphqlContext>(2);
    }
  }

  /** A handler as `@nestjs/graphql` and others build it: guards, but no HTTP context. */
  function externalHandler(app: INestApplication, name: 'stock' | 'orders' | 'version', type: string) {
    const resolver = app.get(Resolver);
    const creator = app.get(ExternalContextCreator);
    return creator.create(
      resolver,
      resolver[name],
      name,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      type,
    );
  }

  it.each(['rpc', 'ws', 'graphql', 'unheard-of'])('are refused: %s', { tags: ['OPS-09'] }, async (type) => {
    const error = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
    const app = await create({ providers: [Resolver] });
    await expect(externalHandler(app, 'stock', type)(reader)).rejects.toThrow('Forbidden resource');
    await expect(externalHandler(app, 'orders', type)(reader)).rejects.toThrow('Forbidden resource');
    expect(await externalHandler(app, 'version', type)()).toBe('version');
    expect(error.mock.calls.flat().join()).toContain(`Refused Resolver.stock: a "${type}" context`);
    expect(error.mock.calls.flat().join()).not.toContain(reader.Authorization);
    error.mockRestore();
  });

  it('are guarded by a subclass that finds their request, authenticated once for all resolvers', async () => {
    @Controller('graphql')
    class GraphqlController {
      @Post()
      @Public()
      async query(@Req() req: PlatformRequest, @Res({ passthrough: true }) res: PlatformResponse) {
        const fields = (['stock', 'orders', 'version'] as const).map((name) =>
          externalHandler(app, name, 'graphql')(undefined, {}, { req, res }),
        );
        const results = await Promise.allSettled(fields);
        await externalHandler(app, 'version', 'graphql')(undefined, {}, { req, res });
        return [
          ...results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.reason)),
          req.auth === undefined,
        ];
      }
    }
    const server = createResourceServer(issuer.options);
    const authenticate = vi.spyOn(server, 'authenticate');
    const { app, request } = await start({
      module: ResourceServerModule.forRoot(server, { guard: GraphqlGuard }),
      controllers: [GraphqlController],
      providers: [Resolver],
    });
    const query = async (headers: object): Promise<unknown> =>
      (await request('/graphql', headers, { method: 'POST' })).json();
    expect(await query(both)).toEqual(['test-client', 'orders', 'version', false]);
    expect(authenticate).toHaveBeenCalledTimes(1);
    expect(await query(reader)).toEqual(['test-client', 'insufficient_scope', 'version', false]);
    expect(await query({})).toEqual(['missing_credentials', 'missing_credentials', 'version', true]);
  });

  it.each([{}, null, undefined, 'response', new Proxy({}, { get: () => expect.fail() })])(
    'are refused with the typed error, whatever stands for a response',
    { tags: ['OPS-09'] },
    async (res) => {
      const app = await create({
        module: ResourceServerModule.forRoot(issuer.options, { guard: GraphqlGuard }),
        providers: [Resolver],
      });
      const asked = (headers: object) => {
        const req = Object.assign(new IncomingMessage(new Socket()), { headers, method: 'POST' });
        return externalHandler(app, 'stock', 'graphql')(undefined, {}, { req, res });
      };
      await expect(asked({})).rejects.toMatchObject({ reason: 'missing_credentials' });
      expect(await asked({ authorization: reader.Authorization })).toBe('test-client');
    },
  );
});
