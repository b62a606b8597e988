import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { context, type Tracer, trace } from '@opentelemetry/api';
import { MetricReader } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import express, { type Express, type Router } from 'express';
import type { pino } from 'pino';
import request from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Public, ResourceServerModule } from '../../adapters/nestjs/index.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { createResourceServer, logRefusals, type ResourceServerOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { importFromPage } from './run-page.js';

interface App {
  createApp(options: ResourceServerOptions): Express;
}

const issuer = await createTestIssuer();
const scope = 'read:inventory';
const reader = await issuer.authorization({ scope });

const appOf = (page: string) => importFromPage<App>(`docs/${page}`, 'app.ts');

describe('docs/roles-and-scopes.md', () => {
  it('opens routes by the roles of the sample, and by no other', async () => {
    const { createApp } = await appOf('roles-and-scopes.md');
    const { scopesOfRoles } = await importFromPage<{
      scopesOfRoles: (claims: object) => readonly string[];
    }>('docs/roles-and-scopes.md', 'scopes.ts');
    const trusted = { ...issuer.options.issuer, scopeClaim: scopesOfRoles };
    const app = createApp({ ...issuer.options, issuer: trusted });
    const statuses = async (roles: unknown) => {
      const headers = await issuer.authorization({ realm_access: { roles } });
      const read = await request(app).get('/stock/42').set(headers);
      const remove = await request(app).delete('/stock/42').set(headers);
      return [read.status, remove.status];
    };
    expect(await statuses(['stock-reader'])).toEqual([200, 403]);
    expect(await statuses(['warehouse-admin', 'offline_access'])).toEqual([200, 204]);
    expect(await statuses(['constructor', 7])).toEqual([403, 403]);
    expect(await statuses('stock-reader')).toEqual([403, 403]);
  });
});

describe('docs/several-audiences.md', () => {
  it('keeps a token of one API away from the other', async () => {
    const { createApp } = await appOf('several-audiences.md');
    const app = createApp(issuer.options);
    const headers = await issuer.authorization({ scope: 'read', aud: 'https://inventory.example.com' });
    await request(app).get('/stock/42').set(headers).expect(200);
    const refused = await request(app).get('/invoices/7').set(headers).expect(401);
    expect(refused.headers['www-authenticate']).toContain(
      'Bearer realm="billing", error="invalid_token", error_description="The access token is not for this API"',
    );
  });
});

describe('docs/multi-tenant.md', () => {
  it('takes tokens of tenants only, and each for its own data', async () => {
    const acme = await (await createTestIssuer({ audience: 'https://inventory.example.com' })).listen();
    const stranger = await (await createTestIssuer({ audience: 'https://inventory.example.com' })).listen();
    onTestFinished(async () => {
      await acme.close();
      await stranger.close();
    });
    const known = acme.options.issuer;
    const { createApp } = await importFromPage<{ createApp: (tenants: object) => Express }>(
      'docs/multi-tenant.md',
      'app.ts',
    );
    const app = createApp({
      findByIssuer: async (iss: string) => (iss === known ? { name: 'acme', issuer: iss } : undefined),
    });
    const headers = await acme.authorization({ scope });
    await request(app).get('/tenants/acme/stock').set(headers).expect(200);
    await request(app).get('/tenants/globex/stock').set(headers).expect(403);
    await request(app)
      .get('/tenants/acme/stock')
      .set(await stranger.authorization({ scope }))
      .expect(401);
  });
});

describe('docs/public-routes.md', () => {
  it('has a public, an optional and a protected route', async () => {
    const { createApp } = await appOf('public-routes.md');
    const app = createApp(issuer.options);
    const bad = { Authorization: 'Bearer a.b.c' };
    await request(app).get('/health').set(bad).expect(200);
    await request(app).get('/catalog').expect(200, { prices: 'list' });
    await request(app).get('/catalog').set('Authorization', 'Basic YTpi').expect(200, { prices: 'list' });
    await request(app).get('/catalog').set(reader).expect(200, { prices: 'negotiated' });
    await request(app).get('/catalog').set(bad).expect(401);
    await request(app).get('/stock/42').expect(401);
    await request(app).get('/no-such-path').expect(401);
    await request(app).get('/stock/42').set(reader).expect(200);
  });
});

describe('docs/third-party-routes.md', () => {
  it('asks for a scope in front of a router that is not yours', async () => {
    const { createApp } = await importFromPage<{
      createApp: (options: ResourceServerOptions, queues: Router) => Express;
    }>('docs/third-party-routes.md', 'app.ts');
    const queues = express.Router().use((_req, res) => void res.send('queues'));
    const app = createApp(issuer.options, queues);
    await request(app).get('/assets/none').expect(401); // no such file: it goes on to authenticate
    await request(app).get('/admin/queues/').expect(401);
    await request(app).get('/admin/queues/').set(reader).expect(403);
    await request(app)
      .get('/admin/queues/')
      .set(await issuer.authorization({ scope: 'admin' }))
      .expect(200);
    const preflight = { Origin: 'https://a.example.com', 'Access-Control-Request-Method': 'GET' };
    await request(app).options('/admin/queues/').set(preflight).expect(401);
  });

  @Controller('health')
  class HealthController {
    @Get()
    @Public()
    check(): string {
      return 'ok';
    }
  }

  @Module({ imports: [ResourceServerModule.forRoot(issuer.options)], controllers: [HealthController] })
  class AppModule {}

  const paths = ['/docs', '/docs-json', '/docs-yaml'];

  async function start(setUp: (app: INestApplication) => void) {
    const app = await NestFactory.create(AppModule, { logger: false });
    setUp(app);
    await app.init();
    onTestFinished(() => app.close());
    return request(app.getHttpServer());
  }

  it('closes Swagger UI in NestJS, which is open without', async () => {
    const { setUpSwagger } = await importFromPage<{ setUpSwagger: (app: INestApplication) => void }>(
      'docs/third-party-routes.md',
      'setup.ts',
    );
    const closed = await start(setUpSwagger);
    const allowed = await issuer.authorization({ scope: 'read:docs' });
    for (const path of paths) {
      expect((await closed.get(path)).status, path).toBe(401);
      expect((await closed.get(path).set(reader)).status, path).toBe(403);
      expect((await closed.get(path).set(allowed)).status, path).toBe(200);
    }
    await closed.get('/health').expect(200);

    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const open = await start((app) =>
      SwaggerModule.setup('docs', app, SwaggerModule.createDocument(app, new DocumentBuilder().build())),
    );
    for (const path of paths) expect((await open.get(path)).status, path).toBe(200);
  });
});

describe('docs/docker-and-kubernetes.md', () => {
  interface Container {
    createApp(server: object): Express;
    readOptions(env: object): ResourceServerOptions;
  }

  it('is alive without the authorization server, and ready only with its keys', async () => {
    const { createApp } = await importFromPage<Container>('docs/docker-and-kubernetes.md', 'app.ts');
    let now = Date.now();
    const remote = await createTestIssuer({ clock: () => now });
    const app = createApp(createResourceServer(remote.options));
    remote.goDown();
    await request(app).get('/livez').expect(200);
    await request(app).get('/readyz').expect(503);
    const headers = await remote.authorization({ scope });
    await request(app).get('/stock/42').set(headers).expect(503).expect('Retry-After', /\d/);
    remote.comeBack();
    now += 5000;
    await request(app).get('/readyz').expect(200);
    remote.goDown();
    now += 900_000;
    await request(app).get('/readyz').expect(200);
    await request(app)
      .get('/stock/42')
      .set(await remote.authorization({ scope }))
      .expect(200);
  });

  it('does not start without an issuer', async () => {
    const { readOptions } = await importFromPage<Container>('docs/docker-and-kubernetes.md', 'app.ts');
    expect(() => createResourceServer(readOptions({ AUDIENCE: 'a' }))).toThrow(TypeError);
    createResourceServer(readOptions({ ISSUER: 'https://auth.example.com', AUDIENCE: 'a' })).close();
  });
});

describe('docs/pino.md', () => {
  it('logs a refusal with the id of its request, and without the token', async () => {
    const lines: string[] = [];
    const page = await importFromPage<App & { createLogger: (to: object) => pino.Logger }>(
      'docs/pino.md',
      'app.ts',
    );
    const logger = page.createLogger({ write: (line: string) => lines.push(line) });
    onTestFinished(logRefusals(logger));
    const headers = await issuer.authorization({ exp: 1 });
    const answer = await request(page.createApp(issuer.options)).get('/stock/42').set(headers).expect(401);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 30,
      requestId: answer.headers['x-request-id'],
      status: 401,
      reason: 'expired',
    });
    logger.info({ req: { headers: { authorization: headers.Authorization } } }, 'a request');
    expect(lines.join('')).not.toContain(headers.Authorization);
  });
});

describe('docs/prometheus.md and docs/opentelemetry.md', () => {
  it('serve decisions to Prometheus', async () => {
    const { startMetrics } = await importFromPage<{ startMetrics: () => ReturnType<typeof createServer> }>(
      'docs/prometheus.md',
      'metrics.ts',
    );
    const metrics = startMetrics();
    const url = await listen(metrics);
    onTestFinished(() => closeServer(metrics));
    const { createApp } = await appOf('pino.md');
    await request(createApp(issuer.options))
      .get('/stock/42')
      .set(await issuer.authorization({ exp: 1 }));
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /^oauth_resource_server_decisions_total\{oauth_resource_server_outcome="denied",oauth_resource_server_reason="expired",http_response_status_code="401"\} 1$/m,
    );
  });

  it('add the decision to the span of the request', async () => {
    class Silent extends MetricReader {
      protected override async onForceFlush(): Promise<void> {}
      protected override async onShutdown(): Promise<void> {}
    }
    const spans: ReadableSpan[] = [];
    const exporter: SpanExporter = {
      export(exported, done) {
        spans.push(...exported);
        done({ code: 0 });
      },
      shutdown: async () => {},
    };
    const { startTelemetry } = await importFromPage<{
      startTelemetry: (exporter: SpanExporter, reader: MetricReader) => () => Promise<void>;
    }>('docs/opentelemetry.md', 'telemetry.ts');
    const { createApp } = await importFromPage<{
      createApp: (options: ResourceServerOptions, tracer: Tracer) => Express;
    }>('docs/opentelemetry.md', 'app.ts');
    const stop = startTelemetry(exporter, new Silent());
    const app = createServer(createApp(issuer.options, trace.getTracer('test')));
    const url = await listen(app);
    const { status } = await fetch(`${url}/stock/42`, { headers: await issuer.authorization({ exp: 1 }) });
    await closeServer(app); // the span ends with the response
    await stop();
    expect(status).toBe(401);
    context.disable();
    trace.disable();
    const span = spans.find(({ name }) => name === 'GET');
    expect(span?.attributes).toMatchObject({
      'oauth_resource_server.outcome': 'denied',
      'oauth_resource_server.reason': 'expired',
      'http.route': '/stock/:sku',
    });
  });
});

describe('docs/error-bodies.md', () => {
  it('changes the body, and neither the status nor the challenge', async () => {
    const { createApp } = await appOf('error-bodies.md');
    let now = Date.now();
    const remote = await createTestIssuer({ clock: () => now });
    const app = createApp(remote.options);
    remote.goDown();
    const headers = await remote.authorization();
    const outage = await request(app).get('/stock/42').set(headers).expect(503).expect('Retry-After', '1');
    expect(outage.body).toMatchObject({ status: 503, retryAfter: 1 });
    remote.comeBack();
    now += 5000;
    const expired = await request(app)
      .get('/stock/42')
      .set(await remote.authorization({ exp: 1 }))
      .expect(401);
    expect(expired.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(expired.headers['www-authenticate']).toContain(
      'Bearer realm="api", error="invalid_token", error_description="The access token expired"',
    );
    expect(expired.body).toEqual({
      type: 'https://inventory.example.com/problems/invalid_token',
      title: 'A valid access token is needed',
      status: 401,
      detail: 'The access token expired',
    });
    const none = await request(app).get('/stock/42').expect(401);
    expect(none.body).toMatchObject({ type: 'https://inventory.example.com/problems/unauthorized' });
    await request(app)
      .get('/stock/42')
      .set(await remote.authorization())
      .expect(403);
  });
});

describe('docs/rate-limits.md', () => {
  it('limits an address that is refused, and counts nothing else', async () => {
    const { createApp } = await appOf('rate-limits.md');
    const app = createServer(createApp(issuer.options));
    const url = await listen(app);
    onTestFinished(() => closeServer(app));
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${url}/stock/42`, { headers: { ...headers, 'X-Forwarded-For': '203.0.113.7' } })).status;
    const poor = await issuer.authorization({ scope: 'other' });
    for (let sent = 0; sent < 3; sent++) {
      expect(await status(reader)).toBe(200);
      expect(await status(poor)).toBe(403);
    }
    const answers = [];
    for (let sent = 0; sent < 31; sent++) answers.push(await status({ Authorization: 'Bearer a.b.c' }));
    expect(answers).toEqual([...Array(30).fill(401), 429]);
    expect(await status(reader)).toBe(429);
    expect((await fetch(`${url}/stock/42`, { headers: reader })).status).toBe(200);
  });
});

describe('docs/secret-rotation.md', () => {
  it('asks for the secret again when the server refuses it, and repeats the call', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'introspection');
    let accepted = 'old';
    const calls: string[] = [];
    const server = createServer(({ url, headers }, response) => {
      const { host, authorization = '' } = headers;
      const own = `http://${host}`;
      response.setHeader('Content-Type', 'application/json');
      if (url?.startsWith('/.well-known/') === true)
        return response.end(JSON.stringify({ issuer: own, introspection_endpoint: `${own}/introspect` }));
      const [, secret = ''] = atob(authorization.replace('Basic ', '')).split(':');
      calls.push(secret);
      if (secret !== accepted) return response.writeHead(401).end('{"error":"invalid_client"}');
      const exp = Date.now() / 1000 + 60;
      return response.end(JSON.stringify({ active: true, aud: 'https://inventory.example.com', exp }));
    });
    const url = await listen(server);
    onTestFinished(() => closeServer(server));
    const { options } = await importFromPage<{ options: ResourceServerOptions }>(
      'docs/secret-rotation.md',
      'options.ts',
      { 'https://auth.example.com': url, '/run/secrets/introspection': file },
    );
    const api = createResourceServer(options);
    await writeFile(file, 'old\n');
    await api.verify('opaque-1');
    await writeFile(file, 'new\n');
    accepted = 'new';
    await api.verify('opaque-2');
    await api.verify('opaque-3');
    expect(calls).toEqual(['old', 'old', 'new', 'new']);
    api.close();
  });
});
