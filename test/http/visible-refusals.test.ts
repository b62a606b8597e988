import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { channels, type DecisionMessage, logRefusals } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { harnesses } from './harnesses/index.js';

const issuer = await createTestIssuer();
const names = [...harnesses.map(({ name }) => name), 'plain Node'];
/** Routers of the Fetch standard have no common place for it. */
const routeOn = (name: string, route: string): string | undefined =>
  name.startsWith('fetch') || name === 'plain Node' ? undefined : route;

describe.each(harnesses)('$name', (harness) => {
  it('reports refusals with method and route, and nothing else of the request', {
    tags: ['OPS-01', 'OPS-18'],
  }, async () => {
    const { url, close } = await harness.start(issuer.options);
    onTestFinished(close);
    const decisions = listenTo<DecisionMessage>(channels.decision);
    const lines: unknown[][] = [];
    const log = (...given: unknown[]) => void lines.push(given);
    onTestFinished(logRefusals({ info: log, warn: log } as Pick<Console, 'warn'>));
    const send = async (method: string, path: string, claims: Record<string, unknown>) =>
      fetch(`${url}${path}`, { method, headers: { ...(await issuer.authorization(claims)) } });

    expect((await send('GET', '/stock/canary?q=canary', { aud: 'canary' })).status).toBe(401);
    expect((await send('GET', '/stock/canary?q=canary', { sub: 'canary' })).status).toBe(403);
    expect((await send('POST', '/orders', { exp: 1 })).status).toBe(401);
    // Nest and routers of the Fetch standard don't ask who calls where there's no route.
    const unknownPath = await send('GET', '/canary', { exp: 1 });

    const seen = decisions.filter(({ outcome }) => outcome === 'denied');
    const expected = [
      { method: 'GET', route: routeOn(harness.name, '/stock/:sku'), status: 401, reason: 'aud_mismatch' },
      {
        method: 'GET',
        route: routeOn(harness.name, '/stock/:sku'),
        status: 403,
        reason: 'insufficient_scope',
      },
      { method: 'POST', route: routeOn(harness.name, '/orders'), status: 401, reason: 'expired' },
      { method: 'GET', route: undefined, status: 401, reason: 'expired' },
    ].slice(0, unknownPath.status === 401 ? 4 : 3);
    expect(seen).toMatchObject(expected);
    expect(lines.map(([fields]) => fields)).toMatchObject(
      expected.map((fields) => JSON.parse(JSON.stringify(fields))),
    );
    expect(JSON.stringify([seen, lines])).not.toContain('canary');
  });
});

describe('a process', { timeout: 60_000 }, () => {
  let folder: string;

  beforeAll(async () => {
    const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(join(cache, 'refusals-'));
    await build({
      configFile: false,
      logLevel: 'error',
      build: {
        ssr: fileURLToPath(new URL('../support/refusing-servers.ts', import.meta.url)),
        outDir: folder,
        emptyOutDir: true,
        target: 'node20',
        rollupOptions: { output: { entryFileNames: 'program.mjs' } },
      },
    });
  });

  afterAll(() => rm(folder, { recursive: true }));

  /** Runs the program. Resolves with the lines that it wrote on standard error. */
  async function run(env: Record<string, string>, ...args: readonly string[]): Promise<readonly string[]> {
    const { NODE_ENV: _test, ...inherited } = process.env;
    return new Promise((resolve, reject) => {
      const settings = { env: { ...inherited, ...env }, timeout: 50_000 };
      execFile(
        process.execPath,
        [...args, join(folder, 'program.mjs')],
        settings,
        (error, stdout, stderr) => {
          if (error !== null) return void reject(error);
          expect(stdout.trim().split('\n')).toEqual(names.map((name) => `${name}: 401`));
          expect(stdout + stderr).not.toContain('canary');
          resolve(stderr.split('\n').filter((line) => line.includes('refused')));
        },
      );
    });
  }

  it('shows every refusal with NODE_DEBUG=oauth-resource-server, and warns of none', async () => {
    const lines = await run({ NODE_DEBUG: 'oauth-resource-server' });
    expect(lines.map((line) => line.replace(/^.*: request refused /, ''))).toEqual(
      names.map((name) =>
        JSON.stringify({
          method: 'GET',
          route: routeOn(name, '/stock/:sku'),
          status: 401,
          reason: 'aud_mismatch',
        }),
      ),
    );
  });

  it('warns of the first refusal of each resource server, by default', async () => {
    const lines = await run({});
    expect(lines).toHaveLength(names.length);
    for (const line of lines)
      expect(line).toMatch(/\[OAUTH_RESOURCE_SERVER\] ResourceServerWarning: refused GET.* aud_mismatch/);
  });

  it.each<[string, Record<string, string>, string[]]>([
    ['in production', { NODE_ENV: 'production' }, []],
    ["with Node's --no-warnings", {}, ['--no-warnings']],
    ["with Node's --disable-warning", {}, ['--disable-warning=OAUTH_RESOURCE_SERVER']],
  ])('is silent %s', async (_how, env, args) => {
    expect(await run(env, ...args)).toEqual([]);
  });
});
