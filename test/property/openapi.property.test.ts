import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import swagger from '@fastify/swagger';
import {
  Controller,
  type INestApplication,
  Module,
  RequestMapping,
  RequestMethod,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import express from 'express';
import fc from 'fast-check';
import { fastify } from 'fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as forExpress from '../../adapters/express/index.js';
import * as forFastify from '../../adapters/fastify/index.js';
import * as forNest from '../../adapters/nestjs/index.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { repeats } from '../support/size.js';

// A busy machine takes its time.
vi.setConfig({ testTimeout: 300_000 });

const SCOPES = ['a', 'b', 'c', 'd'] as const;
const METHODS = ['get', 'post', 'put', 'delete'] as const;

interface Wanted {
  readonly isAny: boolean;
  readonly scopes: readonly string[];
}

interface Plan {
  readonly isOptional: boolean;
  readonly impliedScopes: Readonly<Record<string, readonly string[]>>;
  /** A router, a plugin or a class each, with what all of its routes require. */
  readonly groups: readonly {
    readonly wanted: readonly Wanted[];
    readonly routes: readonly PlannedRoute[];
  }[];
  readonly publicRoutes: readonly (typeof METHODS)[number][];
}

interface PlannedRoute {
  readonly method: (typeof METHODS)[number];
  readonly wanted: readonly Wanted[];
}

const wanted = fc.array(
  fc.record({ isAny: fc.boolean(), scopes: fc.subarray([...SCOPES], { minLength: 1 }) }),
  { maxLength: 2 },
);
const implies = (scopes: readonly string[]) => fc.subarray([...scopes], { minLength: 1 });
const method = fc.constantFrom(...METHODS);
const plans: fc.Arbitrary<Plan> = fc.record({
  isOptional: fc.boolean(),
  // A scope implies others that come behind it, so none implies itself.
  impliedScopes: fc.oneof(
    fc.constant({}),
    fc.record({ a: implies(['b', 'c', 'd']), c: implies(['d']) }, { requiredKeys: [] }),
  ),
  groups: fc.array(
    fc.record({ wanted, routes: fc.array(fc.record({ method, wanted }), { minLength: 1, maxLength: 3 }) }),
    { minLength: 1, maxLength: 2 },
  ),
  publicRoutes: fc.array(method, { maxLength: 2 }),
});

interface Document {
  readonly paths: Record<string, Record<string, { readonly security?: Record<string, string[]>[] }>>;
  readonly components?: { readonly securitySchemes?: object };
}

interface Running {
  readonly url: string;
  readonly document: Document;
  close(): Promise<unknown>;
}

const openapi = { tokenUrl: 'https://auth.example.com/token' };

/** The middleware, hooks or decorators of a list of requirements. */
function requireAll<R>(
  {
    requireScope,
    requireAnyScope,
  }: Readonly<Record<'requireScope' | 'requireAnyScope', (...scopes: string[]) => R>>,
  all: readonly Wanted[],
): R[] {
  return all.map(({ isAny, scopes }) => (isAny ? requireAnyScope : requireScope)(...scopes));
}

const frameworks: Readonly<Record<string, (plan: Plan, options: ResourceServerOptions) => Promise<Running>>> =
  {
    async express({ groups, publicRoutes }, options) {
      const app = express();
      const handle = (_request: unknown, response: { end(): void }): void => response.end();
      for (const [index, name] of publicRoutes.entries()) app[name](`/public/${index}/:id`, handle);
      app.use(forExpress.authenticate(options));
      for (const [index, group] of groups.entries()) {
        const router = express.Router();
        for (const middleware of requireAll(forExpress, group.wanted)) router.use(middleware);
        for (const [number, route] of group.routes.entries())
          router[route.method](`/${number}/:id`, ...requireAll(forExpress, route.wanted), handle);
        app.use(`/groups/${index}`, router);
      }
      const server = app.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      return {
        url: address(server),
        document: forExpress.openapiSecurity(app, openapi),
        close: () => new Promise((resolve) => server.close(resolve)),
      };
    },

    async fastify({ groups, publicRoutes }, options) {
      const app = fastify();
      const handle = async (): Promise<string> => '';
      await app.register(swagger, { openapi: {}, transform: forFastify.openapiSecurity(openapi) });
      await app.register(forFastify.resourceServer, options);
      for (const [index, name] of publicRoutes.entries())
        app[name](`/public/${index}/:id`, { config: { public: true } }, handle);
      for (const [index, group] of groups.entries())
        app.register(
          async (scope) => {
            for (const hook of requireAll(forFastify, group.wanted)) scope.addHook('onRequest', hook);
            for (const [number, route] of group.routes.entries())
              scope[route.method](
                `/${number}/:id`,
                { onRequest: requireAll(forFastify, route.wanted) },
                handle,
              );
          },
          { prefix: `/groups/${index}` },
        );
      const url = await app.listen({ port: 0, host: '127.0.0.1' });
      return { url, document: app.swagger() as Document, close: () => app.close() };
    },

    async nestjs({ groups, publicRoutes }, options) {
      const family = { requireScope: forNest.RequireScope, requireAnyScope: forNest.RequireAnyScope };
      const controllers = groups.map((group, index) => {
        const controller = makeController(
          `groups/${index}`,
          group.routes.map((route) => ({ method: route.method, marks: requireAll(family, route.wanted) })),
        );
        for (const mark of requireAll(family, group.wanted)) mark(controller);
        return controller;
      });
      const open = publicRoutes.map((name) => ({ method: name, marks: [forNest.Public()] }));
      class Root {}
      Module({
        imports: [forNest.ResourceServerModule.forRoot(options)],
        controllers: [...controllers, makeController('public', open)],
      })(Root);
      const app: INestApplication = await NestFactory.create(Root, { logger: false });
      const create = (): Document =>
        SwaggerModule.createDocument(app, new DocumentBuilder().build()) as unknown as Document;
      const document = forNest.openapiSecurity(app, create, openapi);
      await app.listen(0, '127.0.0.1');
      return { url: address(app.getHttpServer()), document, close: () => app.close() };
    },
  };

interface Method {
  readonly method: (typeof METHODS)[number];
  readonly marks: readonly MethodDecorator[];
}

function makeController(path: string, methods: readonly Method[]): Type {
  class Made {}
  for (const [index, { method: name, marks }] of methods.entries()) {
    const key = `handler${index}`;
    const descriptor = { value: () => '', writable: true, configurable: true };
    Object.defineProperty(Made.prototype, key, descriptor);
    const verb = RequestMethod[name.toUpperCase() as 'GET'];
    for (const decorate of [...marks, RequestMapping({ path: `${index}/:id`, method: verb })])
      decorate(Made.prototype, key, descriptor);
  }
  Controller(path)(Made);
  return Made;
}

const address = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Every combination of scopes, and no token at all. */
const tokens = [
  undefined,
  ...Array.from({ length: 2 ** SCOPES.length }, (_, bits) =>
    SCOPES.filter((_scope, index) => (bits >> index) % 2 === 1),
  ),
];

function opens(
  security: Record<string, string[]>[] | undefined,
  granted: readonly string[] | undefined,
): boolean {
  if (security === undefined) throw new Error('the document says nothing of the route');
  if (security.length === 0) return true;
  return security.some(
    ({ oauth2 }) =>
      oauth2 === undefined || (granted !== undefined && oauth2.every((scope) => granted.includes(scope))),
  );
}

describe.each(Object.entries(frameworks))('the OpenAPI document of %s', (_name, start) => {
  let running: Running | undefined;
  afterEach(() => running?.close());

  it('says of every route what HTTP answers', async () => {
    const issuer = await createTestIssuer();
    const headers = await Promise.all(
      tokens.map(async (scopes) =>
        scopes === undefined ? {} : issuer.authorization({ scope: scopes.join(' ') }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { isOptional: optional, impliedScopes } = plan;
        running = await start(plan, { ...issuer.options, optional, impliedScopes });
        const { url, document, close } = running;
        const routes = [
          ...plan.publicRoutes.map((name, index) => ({ method: name, path: `/public/${index}/{id}` })),
          ...plan.groups.flatMap((group, index) =>
            group.routes.map((route, number) => ({
              method: route.method,
              path: `/groups/${index}/${number}/{id}`,
            })),
          ),
        ];
        for (const route of routes)
          for (const [index, granted] of tokens.entries()) {
            const said = opens(document.paths[route.path]?.[route.method]?.security, granted);
            const answer = await fetch(url + route.path.replace('{id}', '1'), {
              method: route.method.toUpperCase(),
              headers: headers[index] ?? {},
            });
            await answer.arrayBuffer();
            expect(answer.ok, `${route.method} ${route.path} ${granted}`).toBe(said);
            if (!answer.ok) expect([401, 403]).toContain(answer.status);
          }
        running = undefined;
        await close();
      }),
      { numRuns: repeats(100) },
    );
  });
});
