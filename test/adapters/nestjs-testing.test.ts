import 'reflect-metadata';
import { type CanActivate, Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import request from 'supertest';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Auth,
  RESOURCE_SERVER,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

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
