import 'reflect-metadata';
import {
  type CanActivate,
  Controller,
  type DynamicModule,
  Get,
  Injectable,
  Logger,
  Module,
  UseGuards,
} from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import request from 'supertest';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Auth,
  fakeResourceServer,
  RESOURCE_SERVER,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
  type ResourceServerOptionsFactory,
} from '../../adapters/nestjs/index.js';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';

@Controller('stock')
class StockController {
  @Get('plain')
  plain(@Auth() auth?: Auth) {
    return { caller: auth?.clientId ?? null };
  }

  @Get('scoped')
  @RequireScope('read:inventory')
  scoped() {
    return {};
  }
}

@Controller('guarded')
@UseGuards(ResourceServerGuard)
@RequireScope('read:inventory')
class GuardedController {
  @Get()
  find() {
    return {};
  }
}

/** A feature module: the decorators register their guard in it, not in the root module. */
@Module({ controllers: [GuardedController] })
class GuardedModule {}

const issuer = await createTestIssuer();
const PATHS = ['/stock/plain', '/stock/scoped', '/guarded'];

class Subclass extends ResourceServerGuard {}

@Injectable()
class Opened implements CanActivate {
  canActivate() {
    return true;
  }
}

async function start(
  override: (builder: TestingModuleBuilder) => TestingModuleBuilder,
  extras: Parameters<typeof ResourceServerModule.forRoot>[1] = {},
) {
  const builder = Test.createTestingModule({
    imports: [GuardedModule, ResourceServerModule.forRoot(issuer.options, extras)],
    controllers: [StockController],
  });
  const app = (await override(builder).compile()).createNestApplication();
  onTestFinished(() => app.close());
  await app.init();
  return app.getHttpServer();
}

it('protects the routes of a testing module like those of the application', async () => {
  const server = await start((builder) => builder);
  for (const path of PATHS) await request(server).get(path).expect(401);
  const authorization = await issuer.authorization({ scope: 'read:inventory' });
  await request(server).get('/stock/plain').set(authorization).expect(200, { caller: 'test-client' });
  for (const path of PATHS) await request(server).get(path).set(authorization).expect(200);
});

describe('overrideGuard opens every route, those with requirements too', () => {
  it.each<[string, (builder: TestingModuleBuilder) => TestingModuleBuilder]>([
    ['useValue', (b) => b.overrideGuard(ResourceServerGuard).useValue({ canActivate: () => true })],
    ['useClass', (b) => b.overrideGuard(ResourceServerGuard).useClass(Opened)],
    ['useFactory', (b) => b.overrideGuard(ResourceServerGuard).useFactory({ factory: () => new Opened() })],
  ])('%s', async (_how, override) => {
    const server = await start(override);
    for (const path of PATHS) await request(server).get(path).expect(200);
  });

  it.each([Subclass, ResourceServerGuard])('of the option guard, by %o', async (guard) => {
    const server = await start((builder) => builder.overrideGuard(guard).useValue(new Opened()), {
      guard: Subclass,
    });
    for (const path of ['/stock/plain', '/stock/scoped']) await request(server).get(path).expect(200);
  });

  it('and closes them if the other guard refuses', async () => {
    const canActivate = vi.fn(() => false);
    const server = await start((builder) =>
      builder.overrideGuard(ResourceServerGuard).useValue({ canActivate }),
    );
    const authorization = await issuer.authorization({ scope: 'read:inventory' });
    for (const path of PATHS) await request(server).get(path).set(authorization).expect(403);
    expect(canActivate).toHaveBeenCalledTimes(PATHS.length);
  });
});

describe('overrideProvider', () => {
  it.each([{}, { guard: Subclass }])('opens every route, with the extras %o', async (extras) => {
    const server = await start(
      (builder) => builder.overrideProvider(ResourceServerGuard).useValue(new Opened()),
      extras,
    );
    await request(server).get('/stock/plain').expect(200, { caller: null });
    await request(server).get('/stock/scoped').expect(200);
  });

  it('opens them by the subclass', async () => {
    const server = await start((builder) => builder.overrideProvider(Subclass).useValue(new Opened()), {
      guard: Subclass,
    });
    for (const path of ['/stock/plain', '/stock/scoped']) await request(server).get(path).expect(200);
  });

  it('puts another resource server in place', async () => {
    const other = await createTestIssuer({ issuer: 'https://other.example.com' });
    const server = await start((builder) =>
      builder.overrideProvider(RESOURCE_SERVER).useValue(createResourceServer(other.options)),
    );
    await request(server)
      .get('/stock/plain')
      .set(await issuer.authorization())
      .expect(401);
    await request(server)
      .get('/stock/plain')
      .set(await other.authorization())
      .expect(200);
  });
});

it('asks the guard for a handler with requirements again, and not for the others of its class', async () => {
  const canActivate = vi.fn(() => true);
  const server = await start((builder) =>
    builder.overrideProvider(ResourceServerGuard).useValue({ canActivate }),
  );
  await request(server).get('/stock/plain').expect(200);
  expect(canActivate).toHaveBeenCalledTimes(1);
  canActivate.mockClear();
  await request(server).get('/stock/scoped').expect(200);
  expect(canActivate.mock.calls.length).toBeGreaterThan(1);
});

describe('a unit test of a controller', () => {
  const compile = (...imports: DynamicModule[]) =>
    Test.createTestingModule({ imports, controllers: [StockController, GuardedController] }).compile();

  it('passes as Nest writes it, with forTesting among the imports', async () => {
    await expect(compile()).rejects.toThrow(/ResourceServerModule\.forRoot/);
    const testing = await compile(ResourceServerModule.forTesting());
    expect(testing.get(StockController).plain(fakeAuth())).toEqual({ caller: 'test-client' });
  });

  async function startTesting(...args: Parameters<typeof ResourceServerModule.forTesting>) {
    const app = (await compile(ResourceServerModule.forTesting(...args))).createNestApplication();
    onTestFinished(() => app.close());
    await app.init();
    return app.getHttpServer();
  }

  it('lets every request in as the given caller, whatever it carries, and checks requirements', async () => {
    const server = await startTesting(fakeAuth({ clientId: 'order-service', scopes: ['read:inventory'] }));
    for (const authorization of ['', 'Bearer nonsense', 'Basic eA=='])
      await request(server)
        .get('/stock/plain')
        .set({ authorization })
        .expect(200, { caller: 'order-service' });
    for (const path of PATHS) await request(server).get(path).expect(200);
    const other = await startTesting(fakeAuth({ scopes: ['other'] }));
    await request(other)
      .get('/stock/scoped')
      .expect(403)
      .expect('WWW-Authenticate', /scope="read:inventory"/);
    await request(other).get('/guarded').expect(403);
  });

  it('is anonymous without a caller', async () => {
    const server = await startTesting();
    await request(server).get('/stock/plain').expect(200, { caller: null });
    await request(server).get('/stock/scoped').expect(401);
  });

  it('may have another caller for each request', async () => {
    let caller: Auth | undefined = fakeAuth({ clientId: 'first' });
    const server = await startTesting(() => caller);
    await request(server).get('/stock/plain').expect(200, { caller: 'first' });
    caller = fakeAuth({ clientId: 'second', scopes: ['read:inventory'] });
    await request(server).get('/stock/plain').expect(200, { caller: 'second' });
    await request(server).get('/guarded').expect(200);
    caller = undefined;
    await request(server).get('/stock/plain').expect(200, { caller: null });
  });

  it('takes genuine callers only', async () => {
    const forged = { ...fakeAuth() };
    expect(() => ResourceServerModule.forTesting(forged)).toThrow(TypeError);
    expect(() => ResourceServerModule.forTesting(null as never)).toThrow(TypeError);
    const server = await startTesting(() => forged);
    await request(server).get('/stock/plain').expect(500);
  });

  it('verifies nothing for what has the resource server injected, either', async () => {
    const auth = fakeAuth();
    const server = fakeResourceServer(auth);
    expect(await server.verify('anything')).toBe(auth);
    await server.ready();
    await expect(fakeResourceServer().verify('anything')).rejects.toMatchObject({
      reason: 'missing_credentials',
    });
  });

  it('can not be left in production, and is said once at start elsewhere', { tags: ['OPS-09'] }, async () => {
    vi.stubEnv('NODE_ENV', 'production');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(() => ResourceServerModule.forTesting()).toThrow(/NODE_ENV=production/);
    expect(() => fakeResourceServer(fakeAuth())).toThrow(/NODE_ENV=production/);
    vi.unstubAllEnvs();
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    onTestFinished(() => warn.mockRestore());
    await startTesting();
    expect(warn.mock.calls).toEqual([['No access token is verified: the resource server is for tests']]);
    warn.mockClear();
    await start((builder) => builder);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('an end-to-end test of a module whose configuration is not there', () => {
  class ConfigService {
    constructor() {
      throw new Error('no configuration');
    }
  }
  @Module({ providers: [ConfigService], exports: [ConfigService] })
  class ConfigModule {}
  const useFactory = (config: { issuer: string; audience: string }) => config;
  const configurations: [string, () => Parameters<typeof ResourceServerModule.forRootAsync>[0]][] = [
    ['useFactory', () => ({ inject: [ConfigService], useFactory })],
    ['a token that nothing provides', () => ({ inject: ['nothing'], useFactory })],
    ['useExisting', () => ({ useExisting: ConfigService as never })],
  ];

  async function startReal(
    how: () => Parameters<typeof ResourceServerModule.forRootAsync>[0],
    server?: object,
  ) {
    @Module({ imports: [ResourceServerModule.forRootAsync(how())], controllers: [StockController] })
    class AppModule {}
    const builder = Test.createTestingModule({ imports: [AppModule] });
    if (server !== undefined) builder.overrideProvider(RESOURCE_SERVER).useValue(server);
    const app = (await builder.compile()).createNestApplication();
    onTestFinished(() => app.close());
    await app.init();
    return app.getHttpServer();
  }

  it.each(configurations)('takes another resource server in its place: %s', async (_name, how) => {
    await expect(startReal(how)).rejects.toThrow();
    const real = await startReal(how, createResourceServer(issuer.options));
    await request(real).get('/stock/plain').expect(401);
    await request(real)
      .get('/stock/plain')
      .set(await issuer.authorization())
      .expect(200, { caller: 'test-client' });
    const fake = await startReal(how, fakeResourceServer());
    await request(fake).get('/stock/plain').expect(200);
  });

  it('takes a service in place of the one that makes the options', async () => {
    @Injectable()
    class Settings implements ResourceServerOptionsFactory {
      createResourceServerOptions(): never {
        throw new Error('no configuration');
      }
    }
    @Module({
      imports: [ResourceServerModule.forRootAsync({ useClass: Settings })],
      controllers: [StockController],
    })
    class AppModule {}
    const builder = Test.createTestingModule({ imports: [AppModule] });
    builder.overrideProvider(Settings).useValue({ createResourceServerOptions: () => issuer.options });
    const app = (await builder.compile()).createNestApplication();
    onTestFinished(() => app.close());
    await app.init();
    await request(app.getHttpServer()).get('/stock/plain').expect(401);
  });

  it('takes the module for tests in its place, if that one is known', async () => {
    const module = ResourceServerModule.forRootAsync({
      imports: [ConfigModule],
      inject: [ConfigService],
      useFactory,
    });
    @Module({ imports: [module], controllers: [StockController] })
    class AppModule {}
    const testing = await Test.createTestingModule({ imports: [AppModule] })
      .overrideModule(module)
      .useModule(ResourceServerModule.forTesting(fakeAuth()))
      .compile();
    const app = testing.createNestApplication();
    onTestFinished(() => app.close());
    await app.init();
    await request(app.getHttpServer()).get('/stock/plain').expect(200, { caller: 'test-client' });
  });
});
