import 'reflect-metadata';
import { Controller, Get } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import request from 'supertest';
import { it, onTestFinished } from 'vitest';
import {
  Auth,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
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

const issuer = await createTestIssuer();

async function start(override: (builder: TestingModuleBuilder) => TestingModuleBuilder) {
  const builder = Test.createTestingModule({
    imports: [ResourceServerModule.forRoot(issuer.options)],
    controllers: [StockController],
  });
  const app = (await override(builder).compile()).createNestApplication();
  onTestFinished(() => app.close());
  await app.init();
  return app.getHttpServer();
}

it('protects the routes of a testing module like those of the application', async () => {
  const server = await start((builder) => builder);
  await request(server).get('/stock/plain').expect(401);
  await request(server).get('/stock/scoped').expect(401);
  const authorization = await issuer.authorization({ scope: 'read:inventory' });
  await request(server).get('/stock/plain').set(authorization).expect(200, { caller: 'test-client' });
  await request(server).get('/stock/scoped').set(authorization).expect(200);
});

it('opens every route, those with requirements too, when a test overrides the one provider of the guard', async () => {
  const server = await start((builder) =>
    builder.overrideProvider(ResourceServerGuard).useValue({ canActivate: () => true }),
  );
  await request(server).get('/stock/plain').expect(200, { caller: null });
  await request(server).get('/stock/scoped').expect(200);
});
