import { createRequire } from 'node:module';
import swagger from '@fastify/swagger';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ApiBearerAuth, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import express from 'express';
import { fastify } from 'fastify';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import * as forExpress from '../../adapters/express/index.js';
import * as forFastify from '../../adapters/fastify/index.js';
import * as forNest from '../../adapters/nestjs/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

const { options } = await createTestIssuer();
const tokenUrl = 'https://auth.example.com/token';
const handle = (): void => undefined;

describe('openapiSecurity of Express', () => {
  const app = express();
  app.get('/health', handle);
  app.use(forExpress.authenticate(options));
  app.get('/stock/:sku', forExpress.requireScope('read:inventory'), handle);
  app.get('/stock/:other', handle); // never asked
  app.all('/me', handle);
  app.get(/^\/pattern/, handle);

  it('makes a fragment with the scheme and the scopes of all routes', () => {
    const scopes = { 'read:inventory': 'See what is in stock' };
    const { paths, components } = forExpress.openapiSecurity(app, { tokenUrl, scopes });
    expect(paths['/health']).toEqual({ get: { security: [] } });
    expect(paths['/stock/{sku}']).toEqual({ get: { security: [{ oauth2: ['read:inventory'] }] } });
    expect(Object.keys(paths['/me'] ?? {})).toEqual(['get', 'put', 'post', 'delete', 'patch']);
    expect(Object.keys(paths)).not.toContain('/^\\/pattern/');
    expect(components.securitySchemes).toEqual({
      oauth2: { type: 'oauth2', flows: { clientCredentials: { tokenUrl, scopes } } },
    });
  });

  it('adds to a document, and leaves what else it says', () => {
    const given = {
      openapi: '3.1.0',
      paths: { '/stock/{sku}': { get: { summary: 'Stock', security: [{ other: [] }] } }, '/elsewhere': {} },
      components: { schemas: { Stock: {} }, securitySchemes: { other: {} } },
    };
    const before = structuredClone(given);
    const document = forExpress.openapiSecurity(
      app,
      { issuer: 'https://auth.example.com/', name: 'login' },
      given,
    );
    expect(given).toEqual(before);
    expect(document.openapi).toBe('3.1.0');
    expect(document.paths['/stock/{sku}']?.get).toEqual({
      summary: 'Stock',
      security: [{ login: ['read:inventory'] }],
    });
    expect(document.paths['/elsewhere']).toEqual({});
    expect(document.components).toEqual({
      schemas: { Stock: {} },
      securitySchemes: {
        other: {},
        login: {
          type: 'openIdConnect',
          openIdConnectUrl: 'https://auth.example.com/.well-known/openid-configuration',
        },
      },
    });
  });

  it('wants to know the applications inside', () => {
    const inner = express();
    inner.get('/users', forExpress.requireAnyScope('admin', 'support'), handle);
    const outer = express();
    outer.use(forExpress.authenticate(options)).use('/admin', inner);
    expect(() => forExpress.openapiSecurity(outer, { tokenUrl })).toThrow(
      "an application is mounted at /admin; name it: mounted: { '/admin': … }",
    );
    const { paths } = forExpress.openapiSecurity(outer, { tokenUrl, mounted: { '/admin': inner } });
    expect(paths).toEqual({
      '/admin/users': { get: { security: [{ oauth2: ['admin'] }, { oauth2: ['support'] }] } },
    });
  });

  describe.each([
    ['5', express],
    // Installed under another name, without types; what is used of it is the same.
    ['4', createRequire(import.meta.url)('express4') as typeof express],
  ])('and Express %s', (_version, create) => {
    it('counts the middleware of routers and applications that a request passes', async () => {
      const end = (_request: unknown, response: { json(body: unknown): unknown }) => void response.json({});
      const router = create.Router();
      const nested = create.Router();
      const stores = create.Router({ mergeParams: true });
      const inner = create();
      const app = create();
      nested.use('/deep', forExpress.requireScope('deep'));
      nested.use(forExpress.requireScope('nested'));
      router.use(forExpress.authenticate(options));
      router.use('/reports', nested);
      stores.use('/stock', forExpress.authenticate(options));
      inner.use('/own', forExpress.authenticate(options));
      app.get('/before', end);
      app.use(['/api', '/v2'], router);
      app.use('/stores/:store', stores);
      app.use('/inner', inner);
      for (const path of ['/after', '/apiary', '/api', '/api/b', '/v2/b', '/api/reports/c'])
        app.get(path, end);
      for (const path of ['/api/reports/deep/d', '/stores/7', '/stores/12345/stock', '/stores/:id/stock/x'])
        app.get(path, end);
      app.get('/inner/own/e', end).get('/inner/other', end).get('/own/e', end);
      const { paths } = forExpress.openapiSecurity(app, { tokenUrl, mounted: { '/inner': inner } });
      const secured = Object.entries(paths).map(([path, { get }]) => [path, get?.security]);
      expect(Object.fromEntries(secured)).toEqual({
        '/before': [],
        '/after': [],
        '/apiary': [],
        '/api': [{ oauth2: [] }],
        '/api/b': [{ oauth2: [] }],
        '/v2/b': [{ oauth2: [] }],
        '/api/reports/c': [{ oauth2: ['nested'] }],
        '/api/reports/deep/d': [{ oauth2: ['deep', 'nested'] }],
        '/stores/7': [],
        '/stores/12345/stock': [{ oauth2: [] }],
        '/stores/{id}/stock/x': [{ oauth2: [] }],
        '/inner/own/e': [{ oauth2: [] }],
        '/inner/other': [],
        '/own/e': [],
      });
      for (const [path, { get }] of Object.entries(paths)) {
        const { status } = await request(app).get(path.replace('{id}', '7'));
        expect([path, status]).toEqual([path, get?.security.length === 0 ? 200 : 401]);
      }
    });
  });

  it('takes one of tokenUrl and issuer', () => {
    expect(() => forExpress.openapiSecurity(app, {})).toThrow(TypeError);
    expect(() => forExpress.openapiSecurity(app, { tokenUrl, issuer: tokenUrl })).toThrow(TypeError);
    const misspelled = { tokenUrl, mount: {} };
    expect(() => forExpress.openapiSecurity(app, misspelled)).toThrow(
      '"mount" in openapiSecurity; did you mean mounted?',
    );
  });
});

describe('openapiSecurity of Fastify', () => {
  it('says that routes beside the plugin are public, and works inside another transform', async () => {
    const app = fastify();
    const secure = forFastify.openapiSecurity({ tokenUrl });
    await app.register(swagger, {
      openapi: {},
      transform: (given) => secure({ ...given, schema: { ...given.schema, summary: 'From another' } }),
    });
    app.get('/outside', async () => '');
    app.register(async (scope) => {
      await scope.register(forFastify.resourceServer, options);
      scope.get('/inside', { onRequest: forFastify.requireScope('a') }, async () => '');
    });
    await app.ready();
    const { paths, components } = app.swagger() as unknown as forExpress.SecuredDocument;
    expect(paths['/outside']?.get).toMatchObject({ summary: 'From another', security: [] });
    expect(paths['/inside']?.get).toMatchObject({ summary: 'From another', security: [{ oauth2: ['a'] }] });
    expect(components.securitySchemes).toEqual({
      oauth2: { type: 'oauth2', flows: { clientCredentials: { tokenUrl, scopes: { a: '' } } } },
    });
  });

  it('needs OpenAPI 3', () => {
    const transform = forFastify.openapiSecurity({ tokenUrl });
    expect(() => transform({ schema: {}, url: '/', route: {} })).toThrow('with the option openapi');
  });
});

describe('openapiSecurity of NestJS', () => {
  class Inherited {
    @Get('one')
    @forNest.RequireScope('a')
    one(): string {
      return '';
    }
  }

  @Controller('first')
  @ApiBearerAuth()
  class First extends Inherited {}

  @Controller('second')
  @forNest.RequireScope('b')
  class Second extends Inherited {}

  @Module({ imports: [forNest.ResourceServerModule.forRoot(options)], controllers: [First, Second] })
  class Root {}

  const apps: { close(): Promise<void> }[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  it('tells handlers apart that several classes inherit, and leaves their metadata as they were', async () => {
    const app = await NestFactory.create(Root, { logger: false });
    apps.push(app);
    const create = () => SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const { paths, components } = forNest.openapiSecurity(app, create, { tokenUrl });
    expect(paths['/first/one']).toMatchObject({ get: { security: [{ oauth2: ['a'] }] } });
    expect(paths['/second/one']).toMatchObject({ get: { security: [{ oauth2: ['b', 'a'] }] } });
    expect(components?.securitySchemes).toMatchObject({ oauth2: { type: 'oauth2' } });
    expect(create().paths['/first/one']?.get?.security).toEqual([{ bearer: [] }]);
    expect(create().paths['/second/one']?.get?.security).toBeUndefined();
  });
});
