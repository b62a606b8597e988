import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { fastify } from 'fastify';
import { expect, it, onTestFinished, vi } from 'vitest';
import { authenticate, getAuth, requireScope } from '../../adapters/express/index.js';
import { resourceServer } from '../../adapters/fastify/index.js';
import { ResourceServerModule } from '../../adapters/nestjs/index.js';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const token = await issuer.token();
vi.resetModules();
const other = await import('../../adapters/express/index.js');
const message = 'another copy of oauth-resource-server; install only one (npm ls oauth-resource-server)';

it('refuses a resource server of another copy, and says that it is one', async () => {
  const server = createResourceServer(issuer.options);
  expect(authenticate(server)).toBeInstanceOf(Function);
  expect(() => other.authenticate(server)).toThrow(message);
  expect(() => createResourceServer(server as object as typeof issuer.options)).toThrow(message);
  const { resourceServer: otherPlugin } = await import('../../adapters/fastify/index.js');
  expect(otherPlugin).not.toBe(resourceServer);
  const app = fastify().register(otherPlugin, server);
  onTestFinished(() => app.close());
  await expect(app.ready()).rejects.toThrow(message);
});

it('says that an auth set by hand meets no requirement', async () => {
  const request = { method: 'GET', url: '/', headers: {}, socket: {}, auth: fakeAuth({ scopes: ['a'] }) };
  const refusal = await new Promise((resolve) => requireScope('a')(request as never, {} as never, resolve));
  expect(refusal).toMatchObject({ message: expect.stringContaining('Its auth was set by hand') });
});

it('says so if another copy protects the same scope in Fastify', async () => {
  const { resourceServer: otherPlugin } = await import('../../adapters/fastify/index.js');
  const app = fastify().register(resourceServer, issuer.options).register(otherPlugin, issuer.options);
  onTestFinished(() => app.close());
  await expect(app.ready()).rejects.toThrow(
    'of another copy of oauth-resource-server; use only one in a scope (npm ls oauth-resource-server)',
  );
});

it('says so if decorators of NestJS are of another copy than the module', async () => {
  const { RequireScope } = await import('../../adapters/nestjs/index.js');
  @Controller()
  class StockController {
    @Get()
    @RequireScope('a')
    find() {
      return 'ok';
    }
  }
  @Module({ imports: [ResourceServerModule.forRoot(issuer.options)], controllers: [StockController] })
  class AppModule {}
  const app = NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await expect(app).rejects.toThrow('not imported or of another copy: npm ls oauth-resource-server');
});

it('refuses an Auth of another copy, and says that it is one', () => {
  const request = { auth: fakeAuth() };
  expect(getAuth(request)).toBe(request.auth);
  expect(() => other.getAuth(request)).toThrow(message);
  expect(() => other.getAuth({ auth: { ...request.auth } })).toThrow('the request is not authenticated');
});

it('refuses a request that another copy authenticated, and says that it did', async () => {
  const request = { method: 'GET', url: '/', headers: { authorization: `Bearer ${token}` }, socket: {} };
  const ask = (middleware: ReturnType<typeof authenticate>, req: object): Promise<unknown> =>
    new Promise((resolve) => middleware(req as never, {} as never, resolve)); // as much as it takes
  expect(await ask(other.requireScope('a'), request)).toMatchObject({
    message: expect.stringContaining('requireScope: nothing authenticated this request'),
  });
  expect(await ask(authenticate(issuer.options), request)).toBeUndefined();
  expect(await ask(other.requireScope('a'), request)).toMatchObject({
    message: expect.stringContaining(message),
  });
  expect(await ask(requireScope('a'), request)).toMatchObject({ reason: 'insufficient_scope' });
});
