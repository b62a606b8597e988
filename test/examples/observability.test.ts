import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { context, trace } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import { beforeAll, describe, expect, it } from 'vitest';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { startTelemetry } from '../../examples/observability/telemetry.js';
import { createInventory } from '../../examples/services/inventory-express.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { codeBlocksOf, readPage } from '../docs/markdown.js';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

describe('the example of observability', () => {
  let metrics = '';
  const spans = new InMemorySpanExporter();

  beforeAll(async () => {
    const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
    const remote = await issuer.listen();
    const telemetry = startTelemetry(spans);
    const isRevoked = () => {
      throw new Error('canary');
    };
    const apis = [
      createServer(createInventory(remote.options)),
      createServer(createInventory(remote.introspectionOptions)),
      createServer(createInventory({ ...remote.options, isRevoked })),
    ];
    const exporter = createServer(telemetry.metrics);
    const reader = await remote.authorization({ scope: 'read:inventory', sub: 'canary-person' });
    const opaque = { Authorization: `Bearer ${remote.opaqueToken({ scope: 'read:inventory' })}` };
    const sent = [reader, reader, opaque, await remote.authorization({ aud: 'canary' }), {}];
    for (const api of apis) {
      const url = await listen(api);
      for (const headers of sent) await fetch(`${url}/stock/canary`, { headers });
    }
    remote.goDown();
    const late = createServer(createInventory({ ...remote.options, keys: { maxAgeSeconds: 1 } }));
    await fetch(`${await listen(late)}/stock/canary`, { headers: reader });
    metrics = await (await fetch(`${await listen(exporter)}/metrics`)).text();
    spans.reset();
    await Promise.all([...apis, late, exporter].map(closeServer));
    await telemetry.stop();
    context.disable();
    trace.disable();
    await remote.close();
  });

  it('gives Prometheus decisions by outcome and reason', () => {
    expect(metrics).toMatch(
      /^oauth_resource_server_decisions_total\{.*outcome="denied",.*reason="aud_mismatch",http_response_status_code="401"\} 3$/m,
    );
    expect(metrics).toMatch(/^oauth_resource_server_keys_age\{.*\} \d/m);
  });

  it('has a dashboard whose every query finds its metric and labels there', async () => {
    const path = new URL('../../examples/observability/dashboard.json', import.meta.url);
    const { panels }: Dashboard = JSON.parse(await readFile(path, 'utf8'));
    const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
    expect(queries.length).toBeGreaterThan(10);
    const known = new Set(metrics.match(/[a-z_]+(?=[{=])/g));
    const lacking = queries.flatMap(({ title, expr }) => {
      const words = expr.match(/\b(?:oauth_|http_|error_)[a-z_]+/g) ?? [];
      return words.filter((word) => !known.has(word)).map((word) => `${title}: ${word}`);
    });
    expect(lacking).toEqual([]);
  });

  it('has alerts on docs/prometheus.md whose metrics and labels are there', async () => {
    const blocks = codeBlocksOf(await readPage('docs/prometheus.md'));
    const rules = blocks.filter(({ info }) => info === 'yaml').map(({ code }) => code);
    const expressions = rules.flatMap((code) =>
      [...code.matchAll(/expr: (.+)/g)].map(([, expr = '']) => expr),
    );
    expect(expressions.length).toBeGreaterThan(3);
    const known = new Set(metrics.match(/[a-z_]+(?=[{=])/g));
    const words = expressions.flatMap((expr) => expr.match(/\b(?:oauth_|http_)[a-z_]+/g) ?? []);
    expect(words.filter((word) => !known.has(word))).toEqual([]);
  });

  it('shows each metric on the dashboard', async () => {
    const path = new URL('../../examples/observability/dashboard.json', import.meta.url);
    const dashboard = await readFile(path, 'utf8');
    const names = [...metrics.matchAll(/^# TYPE (oauth_[a-z_]+)/gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name) => !dashboard.includes(name))).toEqual([]);
  });

  it('shows nothing that a client sent', { tags: ['OPS-01'] }, () => {
    expect(metrics).not.toContain('canary');
  });
});
