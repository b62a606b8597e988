import '../../adapters/express/types.js';
import type { ServerInterceptor, ServerUnaryCall } from '@grpc/grpc-js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { AuthInfo as AuthInfo2 } from '@modelcontextprotocol/server';
import { Controller, Get } from '@nestjs/common';
import express from 'express';
import Fastify from 'fastify';
import { type Context, Hono } from 'hono';
import { expectTypeOf } from 'vitest';
import * as onExpress from '../../adapters/express/index.js';
import * as onFastify from '../../adapters/fastify/index.js';
import * as onFetch from '../../adapters/fetch/index.js';
import * as onGrpc from '../../adapters/grpc/index.js';
import * as onHono from '../../adapters/hono/index.js';
import { mcpScopes } from '../../adapters/mcp/index.js';
import * as onNest from '../../adapters/nestjs/index.js';
import { type Auth, createResourceServer, InsufficientScopeError, toMcpAuthInfo } from '../../src/index.js';

type MyClaims = { readonly tenant: string };

const options = { issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' };
const server = createResourceServer(options);

// Express: options or a ready server; handlers keep their typed parameters behind a requirement.
const app = express();
app.use(onExpress.authenticate(options), onExpress.authenticate(server));
app.get('/stock/:sku', onExpress.requireScope('read:inventory'), (req) => {
  expectTypeOf(req.params.sku).toEqualTypeOf<string>();
  expectTypeOf(req.auth).toEqualTypeOf<Auth | undefined>(); // by oauth-resource-server/express/types
  expectTypeOf(onExpress.getAuth(req)).toEqualTypeOf<Auth>();
  expectTypeOf(onExpress.getAuth<MyClaims>(req).claims.tenant).toEqualTypeOf<string>();
});
// @ts-expect-error the audience is missing
onExpress.authenticate({ issuer: options.issuer });
// @ts-expect-error a scope per argument, not a list
onExpress.requireScope(['read:inventory']);

onExpress.requireAuthentication({ acrValues: ['gold'], maxAgeSeconds: 300, scopes: ['write:orders'] });
// @ts-expect-error the unit is in the name: maxAgeSeconds
onExpress.requireAuthentication({ maxAge: 300 });
// @ts-expect-error a list of values
onExpress.requireAuthentication({ acrValues: 'gold' });
onExpress.requireAuthorizationDetails<MyClaims>((details, auth) => {
  expectTypeOf(details).toEqualTypeOf<readonly onExpress.AuthorizationDetail[]>();
  expectTypeOf(details[0]?.type).toEqualTypeOf<string | undefined>();
  expectTypeOf(details[0]?.limit).toBeUnknown();
  return details.some(({ tenant }) => tenant === auth.claims.tenant);
});
// @ts-expect-error a promise would always be truthy
onExpress.requireAuthorizationDetails(async () => true);
onExpress.resourceMetadata(server);
onExpress.resourceMetadata({ ...options, resource: { resource: options.audience } });

// What other packages declare `req.auth` to be is no matter of getAuth.
expectTypeOf(onExpress.getAuth({ auth: { clientId: 'x' } as AuthInfo })).toEqualTypeOf<Auth>();
expectTypeOf(onExpress.getAuth({ auth: { sub: 'x' } })).toEqualTypeOf<Auth>();
expectTypeOf<onExpress.RequestAuth>().toEqualTypeOf<Auth>();
// The SDK of the Model Context Protocol takes this for its own.
expectTypeOf(toMcpAuthInfo({} as Auth)).toExtend<AuthInfo>();
expectTypeOf(toMcpAuthInfo({} as Auth, server)).toExtend<AuthInfo>();
expectTypeOf(toMcpAuthInfo({} as Auth, server)).toExtend<AuthInfo2>();
expectTypeOf(toMcpAuthInfo({} as Auth).clientId).toEqualTypeOf<string>();

// MCP: one map; the middleware fits Express, and what is read is unknown until looked at.
const scopes = mcpScopes(server, {
  every: 'read',
  tools: { count: [], order: ['a', 'b'], either: onFetch.requireAnyScope('a', 'b') },
  default: 'admin',
});
app.post('/mcp', express.json(), scopes.middleware, (_req, res) => void res.json({}));
expectTypeOf(scopes.read(new Request('https://mcp.example.com'))).resolves.toBeUnknown();
expectTypeOf(scopes.allows('tools', 'count', {} as Auth)).toEqualTypeOf<boolean>();
// @ts-expect-error no member of the map
mcpScopes(server, { tool: {} });
// @ts-expect-error a requirement is made, not called by name
mcpScopes(server, { tools: { count: { scope: 'a' } } });
// @ts-expect-error the resource server comes first
mcpScopes({ tools: {} });

// Fetch: `Auth` or the refusal; undefined as well only with `optional: true`.
const gate = onFetch.resourceServer(options);
const request = new Request(options.audience);
expectTypeOf(gate(request, onFetch.requireScope('read:inventory'))).resolves.toEqualTypeOf<Auth | Response>();
expectTypeOf(onFetch.resourceServer(server)(request)).resolves.toEqualTypeOf<Auth | Response>();
const optional = onFetch.resourceServer({ ...options, optional: true });
expectTypeOf(optional(request)).resolves.toEqualTypeOf<Auth | Response | undefined>();
gate.protect((_request, auth, context: { readonly port: number }) => {
  expectTypeOf(auth).toEqualTypeOf<Auth>();
  return Response.json(context.port);
});
// @ts-expect-error the audience is missing
onFetch.resourceServer({ issuer: options.issuer });

expectTypeOf(onFetch.resourceServer({ ...options, optional: false })(request)).resolves.toEqualTypeOf<
  Auth | Response
>();
expectTypeOf(
  onFetch.resourceServer(options as onFetch.ResourceServerOptions)(request),
).resolves.toEqualTypeOf<Auth | Response | undefined>();
// @ts-expect-error an option that doesn't exist
onFetch.resourceServer({ ...options, audiences: 'x' });

// Hono: the variable `auth`, chained or named, and behind a requirement; undefined only with `optional:
// true`.
new Hono()
  .use(onHono.authenticate(options, { connection: (_request, c: { readonly env: object }) => c.env }))
  .get('/stock/:sku', (c) => {
    expectTypeOf(c.req.param('sku')).toEqualTypeOf<string>();
    expectTypeOf(c.get('auth')).toEqualTypeOf<Auth>();
    expectTypeOf(c.var.auth).toEqualTypeOf<Auth>();
    expectTypeOf(onHono.getAuth<MyClaims>(c).claims.tenant).toEqualTypeOf<string>();
    return c.json({});
  });
onHono.authenticate(options, {
  connection(_request, c) {
    expectTypeOf(c).toEqualTypeOf<Context>();
    return {};
  },
});
const connected: onHono.FetchOptions = {
  connection: (_request, c: Context<{ Bindings: onHono.FetchConnection }>) => c.env,
};
onHono.authenticate(options, connected);
new Hono().use(onHono.authenticate(server)).get('/', (c) => {
  expectTypeOf(c.get('auth')).toEqualTypeOf<Auth>();
  return c.json({});
});
new Hono()
  .use(onHono.authenticate({ ...options, optional: true }))
  .get('/', (c) => {
    expectTypeOf(c.get('auth')).toEqualTypeOf<Auth | undefined>();
    expectTypeOf(c.var.auth).toEqualTypeOf<Auth | undefined>();
    return c.json({});
  })
  .get('/stock/:sku', onHono.requireScope('read:inventory'), (c) => {
    expectTypeOf(c.get('auth')).toEqualTypeOf<Auth>();
    return c.json({ sku: c.req.param('sku') });
  });
const named = new Hono<onHono.AuthEnv>();
named.use(onHono.authenticate(options));
named.get('/', (c) => c.json(expectTypeOf(c.get('auth')).toEqualTypeOf<Auth>()));
new Hono().get('/stock/:sku', onHono.requireScope('read:inventory'), (c) => {
  expectTypeOf(c.get('auth')).toEqualTypeOf<Auth>();
  return c.json({ sku: c.req.param('sku') });
});
// @ts-expect-error the audience is missing
onHono.authenticate({ issuer: options.issuer });
// @ts-expect-error a scope per argument, not a list
onHono.requireScope(['read:inventory']);

// Fastify.
const fastify = Fastify();
await fastify.register(onFastify.resourceServer, options);
await fastify.register(onFastify.resourceServer, server);
fastify.get<{ Params: { sku: string } }>(
  '/stock/:sku',
  { onRequest: onFastify.requireScope('read:inventory') },
  (request) => {
    expectTypeOf(request.params.sku).toEqualTypeOf<string>();
    expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>();
    expectTypeOf(onFastify.getAuth(request)).toEqualTypeOf<Auth>();
    expectTypeOf(onFastify.getAuth<MyClaims>(request).claims.tenant).toEqualTypeOf<string>();
  },
);
fastify.get('/health', { config: { public: true } }, () => 'up');
// @ts-expect-error a boolean
fastify.get('/health', { config: { public: 'yes' } }, () => 'up');
// @ts-expect-error the audience is missing
await fastify.register(onFastify.resourceServer, { issuer: options.issuer });
const denial = new InsufficientScopeError('claims_not_met');
for (const one of [fastify, Fastify({ https: {} }), Fastify({ http2: true })] as const) {
  one.setErrorHandler(onFastify.deny);
}
fastify.get<{ Reply: { 200: { ok: boolean } } }>('/typed', async (request, reply) =>
  onFastify.deny(denial, request, reply),
);
Fastify({ http2: true }).get('/', async (request, reply) => onFastify.deny(denial, request, reply));
// @ts-expect-error no reply
onFastify.deny(denial, {}, {});

// NestJS: `Auth` is the decorator and the type.
@Controller('stock')
export class StockController {
  @Get(':sku')
  @onNest.RequireScope('read:inventory')
  @onNest.RequireClaims<MyClaims>((claims) => claims.tenant === 'acme')
  find(@onNest.Auth() auth: onNest.Auth, @onNest.Auth() mine: onNest.Auth<MyClaims>) {
    expectTypeOf(auth).toEqualTypeOf<Auth>();
    expectTypeOf(mine.claims.tenant).toEqualTypeOf<string>();
  }
}
onNest.ResourceServerModule.forRoot(options);
onNest.ResourceServerModule.forRoot(server);
onNest.ResourceServerModule.forRootAsync({ useFactory: () => options });
// @ts-expect-error the audience is missing
onNest.ResourceServerModule.forRoot({ issuer: options.issuer });
// @ts-expect-error the audience is missing from what the factory makes
onNest.ResourceServerModule.forRootAsync({ useFactory: () => ({ issuer: options.issuer }) });

// In each of them a predicate gets typed claims, and may be any function that takes them.
const isAcme = (claims: MyClaims): boolean => claims.tenant === 'acme';
onExpress.requireClaims(isAcme);
onFastify.requireClaims(isAcme);
onNest.RequireClaims(isAcme);
onExpress.requireClaims<MyClaims>((claims, auth) => {
  expectTypeOf(claims.tenant).toEqualTypeOf<string>();
  expectTypeOf(auth).toEqualTypeOf<Auth<MyClaims>>();
  return claims.tenant === auth.clientId;
});
onExpress.requireClaims((claims) => claims.tenant === 'acme');
// @ts-expect-error an unregistered claim is unknown until looked at
onExpress.requireClaims((claims) => claims.tenant.startsWith('acme'));
// @ts-expect-error a promise would always be truthy
onExpress.requireClaims(async () => true);
// @ts-expect-error a predicate has to answer
onFastify.requireClaims(() => {});

// gRPC: calls that a handler gets, options or a ready server, and what a method can want.
declare const call: ServerUnaryCall<{ sku: string }, object>;
expectTypeOf(onGrpc.getAuth(call)).toEqualTypeOf<Auth>();
expectTypeOf(onGrpc.getAuth<MyClaims>(call).claims.tenant).toEqualTypeOf<string>();
expectTypeOf(onGrpc.authenticate(server, { '/a.B/*': 'public' })).toEqualTypeOf<ServerInterceptor>();
onGrpc.authenticate(options, { '/a.B/C': onGrpc.requireScope('read:inventory'), '/a.B/D': [] });
// @ts-expect-error who may call what has to be said
onGrpc.authenticate(options);
// @ts-expect-error a scope isn't a requirement
onGrpc.authenticate(options, { '/a.B/C': 'read:inventory' });
