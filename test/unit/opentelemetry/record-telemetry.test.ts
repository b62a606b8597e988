import { channel } from 'node:diagnostics_channel';
import { context, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { channels, createResourceServer } from '../../../src/index.js';
import { recordTelemetry, type TelemetryOptions } from '../../../src/opentelemetry/index.js';
import { createTestIssuer } from '../../../src/testing/index.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { json, paths, startMisbehavingIssuer, status } from '../../support/misbehaving-issuer.js';
import { requestWith } from '../../support/outcome.js';
import { protect, tokenBy } from '../../support/protected-api.js';

const issuer = await createTestIssuer();
const server = createResourceServer(issuer.options);
const PREFIX = 'oauth_resource_server.';

type Point = { readonly value: unknown; readonly attributes: Record<string, unknown> };

/** Records with the real SDK. */
function start(options: TelemetryOptions = {}) {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 1e6 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const spans = new InMemorySpanExporter();
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  tracerProvider.register(); // so that there's an active span
  const stop = recordTelemetry({ meterProvider, tracerProvider, ...options });
  onTestFinished(async () => {
    stop();
    context.disable();
    trace.disable();
    await Promise.all([meterProvider.shutdown(), tracerProvider.shutdown()]);
  });
  return {
    stop,
    spans: () => spans.getFinishedSpans(),
    /** Runs `act` as a request that something else traces. */
    request: (act: () => unknown) =>
      tracerProvider.getTracer('test').startActiveSpan('GET', async (span) => {
        await act();
        span.end();
      }),
    /** The points of a metric, histograms by their counts. */
    async read(name: string): Promise<readonly Point[]> {
      const { resourceMetrics } = await reader.collect();
      const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
      const found = metrics.find(({ descriptor }) => descriptor.name === PREFIX + name);
      return (found?.dataPoints ?? []).map(({ value, attributes }) => ({
        value: typeof value === 'object' ? value.count : value,
        attributes: Object.fromEntries(
          Object.entries(attributes).map(([key, given]) => [key.replace(PREFIX, ''), given]),
        ),
      }));
    },
  };
}

const send = async (claims: Record<string, unknown> = {}) =>
  server.authenticate(requestWith(`Bearer ${await issuer.token(claims)}`));

describe('metrics', { tags: ['OPS-18'] }, () => {
  it('count decisions by outcome and reason', async () => {
    const { read } = start();
    await send();
    await send();
    await send({ aud: 'canary' });
    server.authorize(await server.verify(await issuer.token()), { allScopes: ['read'] }, requestWith());
    const of = issuer.identifier;
    expect(await read('decisions')).toEqual([
      { value: 3, attributes: { outcome: 'allowed', issuer: of } },
      {
        value: 1,
        attributes: { outcome: 'denied', reason: 'aud_mismatch', 'http.response.status_code': 401 },
      },
      {
        value: 1,
        attributes: {
          outcome: 'denied',
          reason: 'insufficient_scope',
          issuer: of,
          'http.response.status_code': 403,
        },
      },
    ]);
  });

  it('name client, method and route only if they are wanted, and never a method that a client made up', async () => {
    const { read } = start({ clientId: true, route: true });
    const token = `Bearer ${await issuer.token()}`;
    const view = { url: 'https://api.example.com/stock/42', route: '/stock/:sku' };
    for (const method of ['GET', 'CANARY'])
      await server.authenticate({
        ...view,
        method,
        header: (name) => (name === 'authorization' ? token : []),
      });
    const common = { outcome: 'allowed', issuer: issuer.identifier, 'client.id': 'test-client' };
    expect((await read('decisions')).map(({ attributes }) => attributes)).toEqual([
      { ...common, 'http.request.method': 'GET', 'http.route': '/stock/:sku' },
      { ...common, 'http.request.method': '_OTHER', 'http.route': '/stock/:sku' },
    ]);
  });

  it('tell how often a token was remembered', async () => {
    const { read } = start();
    const token = `Bearer ${await issuer.token()}`;
    for (let count = 0; count < 5; count += 1) await server.authenticate(requestWith(token));
    expect(await read('token_cache.lookups')).toEqual([
      { value: 1, attributes: { 'token_cache.hit': false } },
      { value: 4, attributes: { 'token_cache.hit': true } },
    ]);
  });

  it('tell the age of keys, loads, and for how long old keys have served on', async () => {
    let now = Date.now();
    const { read } = start({ clock: () => now });
    const key = await generateSigningKey('ES256', 'key-1');
    const remote = await startMisbehavingIssuer();
    const attributes = { issuer: remote.url };
    const api = protect({ issuer: { issuer: remote.url, jwksUri: `${remote.url}${paths.jwks}` } });
    const step = (seconds: number): void => {
      now += seconds * 1000;
      api.step(seconds);
    };
    remote.script(paths.jwks, json({ keys: [key.jwk] }), status(500));
    expect(await api.get(tokenBy(key, remote.url))).toBe('200');
    step(300);
    expect(await read('keys.age')).toEqual([{ value: 300, attributes }]);
    expect(await read('keys.stale_time')).toEqual([{ value: 0, attributes }]);
    expect(await read('keys.count')).toEqual([{ value: 1, attributes }]);

    step(400);
    expect(await api.get(tokenBy(key, remote.url))).toBe('200'); // the issuer is down, old keys serve on
    expect(await read('keys.age')).toEqual([{ value: 700, attributes }]);
    expect(await read('keys.stale_time')).toEqual([{ value: 100, attributes }]);
    expect(await read('keys.load.duration')).toEqual([
      { value: 1, attributes },
      { value: 1, attributes: { ...attributes, 'error.type': 'jwks_unavailable' } },
    ]);

    remote.script(paths.jwks, json({ keys: [key.jwk] }));
    step(100);
    const loads = api.refreshes(3);
    await api.get(tokenBy(key, remote.url));
    await loads;
    expect(await read('keys.age')).toEqual([{ value: 0, attributes }]);
    expect(await read('keys.stale_time')).toEqual([{ value: 0, attributes }]);
    step(86_400); // nobody sends a token, so nobody needs new keys: that's no outage
    expect(await read('keys.age')).toEqual([{ value: 86_400, attributes }]);
    expect(await read('keys.stale_time')).toEqual([{ value: 0, attributes }]);
  });

  it('tell calls of an introspection endpoint, and whether its circuit breaker is open', async () => {
    const { read } = start();
    const remote = await startMisbehavingIssuer();
    const attributes = { issuer: remote.url };
    const endpoint = `${remote.url}/introspect`;
    const introspection = { clientId: 'api', clientSecret: 'canary-secret', endpoint };
    const api = protect({ issuer: { issuer: remote.url, introspection } });
    remote.script('/introspect', json({ active: false }));
    await api.get('opaque');
    expect(await read('introspection.suspended')).toEqual([{ value: 0, attributes }]);
    remote.script('/introspect', status(429)); // sure to be about the server, not the token
    for (let count = 0; count < 9; count += 1) await api.get(`opaque-${count}`);
    expect(await read('introspection.suspended')).toEqual([{ value: 1, attributes }]);
    expect(await read('introspection.call.duration')).toEqual([
      { value: 1, attributes },
      { value: 5, attributes: { ...attributes, 'error.type': 'introspection_unavailable' } },
    ]);
    remote.script('/introspect', json({ active: false }));
    api.step(2);
    await api.get('opaque-10');
    expect(await read('introspection.suspended')).toEqual([{ value: 0, attributes }]);
  });

  it('count functions of the application that fail', async () => {
    const { read } = start();
    const isRevoked = () => {
      throw new Error('canary');
    };
    const strict = createResourceServer({ ...issuer.options, isRevoked });
    await strict.authenticate(requestWith(`Bearer ${await issuer.token()}`));
    expect(await read('warnings')).toEqual([{ value: 1, attributes: { source: 'isRevoked' } }]);
  });

  it('have attributes for a hundred issuers at most', { tags: ['OPS-07'] }, async () => {
    const { read } = start();
    const keys = channel(channels.keys);
    for (let number = 0; number < 1000; number += 1)
      keys.publish({ event: 'loaded', issuer: `https://${number}.example.com`, keys: 1, durationSeconds: 1 });
    const issuers = (await read('keys.load.duration')).map(({ attributes }) => attributes.issuer);
    expect(issuers).toHaveLength(101);
    expect(issuers.at(-1)).toBe('_OTHER');
    expect(await read('keys.age')).toHaveLength(100);
  });

  it('end when that is asked for', async () => {
    const { read, stop } = start();
    await send();
    stop();
    await send();
    expect(await read('decisions')).toMatchObject([{ value: 1 }]);
    expect(await read('keys.age')).toEqual([]);
  });

  it('refuse an unknown option', () => {
    expect(() => recordTelemetry({ clientID: true } as TelemetryOptions)).toThrow(
      'unknown option "clientID" in recordTelemetry; did you mean clientId? Known are meterProvider, ' +
        'tracerProvider, clientId, route, clock',
    );
  });
});

describe('traces', { tags: ['OPS-18'] }, () => {
  it('say on the span of a request what was decided', async () => {
    const { request, spans } = start();
    await request(() => send());
    await request(() => send({ aud: 'canary' }));
    await request(async () => {
      const view = requestWith(`Bearer ${await issuer.token()}`);
      const decision = await server.authenticate(view);
      if (decision.kind === 'allowed')
        server.authorize(
          decision.auth,
          { allScopes: ['read'] },
          {
            method: 'GET',
            url: 'https://api.example.com/stock/canary',
            route: '/stock/:sku',
            header: () => [],
          },
        );
    });
    expect(spans().map(({ attributes }) => attributes)).toEqual([
      {
        'oauth_resource_server.outcome': 'allowed',
        'oauth_resource_server.issuer': issuer.identifier,
        'oauth_resource_server.token_cache.hit': false,
      },
      { 'oauth_resource_server.outcome': 'denied', 'oauth_resource_server.reason': 'aud_mismatch' },
      {
        'oauth_resource_server.outcome': 'denied',
        'oauth_resource_server.reason': 'insufficient_scope',
        'oauth_resource_server.issuer': issuer.identifier,
        'oauth_resource_server.token_cache.hit': false,
        'http.route': '/stock/:sku',
      },
    ]);
  });

  it('have spans for loads of keys, below the request that caused them', async () => {
    const { request, spans } = start();
    const key = await generateSigningKey('ES256', 'key-1');
    const remote = await startMisbehavingIssuer();
    const jwksUri = `${remote.url}${paths.jwks}`;
    remote.script(paths.jwks, status(500));
    await request(() => protect({ issuer: { issuer: remote.url, jwksUri } }).get(tokenBy(key, remote.url)));
    remote.script(paths.jwks, json({ keys: [key.jwk] }));
    await request(() => protect({ issuer: { issuer: remote.url, jwksUri } }).get(tokenBy(key, remote.url)));
    const [failed, first, loaded, second] = spans();
    const server = {
      'oauth_resource_server.issuer': remote.url,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(remote.url).port),
    };
    expect(failed).toMatchObject({ name: 'load keys', status: { code: 2 } });
    expect(failed?.attributes).toEqual({ ...server, 'error.type': 'jwks_unavailable' });
    expect(first?.attributes).toMatchObject({ 'error.type': 'jwks_unavailable' });
    expect(failed?.parentSpanContext?.spanId).toBe(first?.spanContext().spanId);
    expect(loaded).toMatchObject({ name: 'load keys', status: { code: 0 } });
    expect(loaded?.attributes).toEqual(server);
    expect(loaded?.parentSpanContext?.spanId).toBe(second?.spanContext().spanId);
  });

  it('have spans for calls of an introspection endpoint', async () => {
    const { request, spans } = start();
    const opaque = createResourceServer(issuer.introspectionOptions);
    await request(async () => opaque.authenticate(requestWith(`Bearer ${await issuer.opaqueToken()}`)));
    expect(spans()[0]).toMatchObject({
      name: 'introspect token',
      attributes: { 'server.address': 'issuer.example.com', 'server.port': 443 },
    });
  });
});
