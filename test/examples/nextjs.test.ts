import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createDpopKey,
  createTestIssuer,
  type ListeningIssuer,
  type TokenClaims,
} from '../../src/testing/index.js';
import { environment, runNpm } from '../package/support/run.js';
import { send } from '../support/http-client.js';
import { isFullSize } from '../support/size.js';
import type { Inventory } from './inventory-rows.js';
import { expectRefused, read } from './refusals.js';

const checkout = fileURLToPath(new URL('../../', import.meta.url));
const example = join(checkout, 'examples/nextjs');
const scope = 'read:inventory';
/** Where clients find the API. */
const API_URL = 'https://inventory.example.com';

type Environment = Readonly<Record<string, string>>;
type RouteHandler = (request: Request, context: { params: Promise<{ sku: string }> }) => Promise<Response>;

/** The route handlers by themselves, as Next.js would call them. */
async function startHandlers(env: Environment): Promise<Inventory> {
  vi.resetModules();
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const url = 'http://localhost:3000'; // Next.js names the address that it listens at
  return {
    url,
    async send(path, { method = 'GET', ...sent } = {}) {
      const file = join(example, 'app', path.replace('/42', '/[sku]'), 'route.ts');
      const route: Readonly<Record<string, RouteHandler>> = await import(file);
      const handler = route[method];
      if (handler === undefined) throw new Error(`no ${method} ${path}`);
      return read(await handler(new Request(`${url}${path}`, { method, ...sent }), CONTEXT));
    },
    close: async () => {
      vi.unstubAllEnvs();
    },
  };
}

const CONTEXT = { params: Promise.resolve({ sku: '42' }) };

let built: string;

/** What `npm run build` made of a copy, with this package installed. */
async function buildCopy(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nextjs-'));
  const own = new Set(['node_modules', '.next']);
  const filter = (source: string): boolean => !own.has(source.slice(example.length + 1));
  await cp(example, folder, { recursive: true, filter });
  const { stdout } = await runNpm(['pack', '--silent', '--pack-destination', folder], { cwd: checkout });
  const slow = { cwd: folder, timeoutSeconds: 300 };
  await runNpm(['ci', '--ignore-scripts'], slow);
  await runNpm(['install', '--no-save', '--ignore-scripts', stdout.trim()], slow);
  const env = { ISSUER: 'https://auth.example.com', AUDIENCE: 'api', API_URL, NEXT_TELEMETRY_DISABLED: '1' };
  await runNpm(['run', 'build'], { ...slow, env });
  return folder;
}

/** `next start`, on a free port. */
async function startNext(env: Environment): Promise<Inventory> {
  const next = join(built, 'node_modules/next/dist/bin/next');
  const server = spawn(process.execPath, [next, 'start', '--port', '0', '--hostname', '127.0.0.1'], {
    cwd: built,
    env: { ...environment(), ...env, NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const chunk of server.stdout) {
    printed += chunk;
    if (printed.includes('Ready')) break;
  }
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
  return {
    url,
    send: async (path, sent = {}) => read(await fetch(`${url}${path}`, sent)),
    async close() {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    },
  };
}

async function run(
  start: (env: Environment) => Promise<Inventory>,
  env: Environment = {},
): Promise<{ readonly issuer: ListeningIssuer; readonly inventory: Inventory }> {
  const issuer = await (await createTestIssuer()).listen();
  onTestFinished(() => issuer.close());
  const { issuer: ISSUER, audience: AUDIENCE } = issuer.options;
  const inventory = await start({ ISSUER, AUDIENCE, API_URL, ...env });
  onTestFinished(() => inventory.close());
  return { issuer, inventory };
}

const targets = [
  ['its route handlers', startHandlers],
  ...(isFullSize ? ([['next start', startNext]] as const) : []),
] as const;

describe.each(targets)('the example on Next.js: %s', (_name, start) => {
  if (start === startNext) {
    beforeAll(async () => {
      built = await buildCopy();
    }, 600_000);
    afterAll(() => rm(built, { recursive: true }));
  }

  it('refuses every forgery, then lets a good token in', async () => {
    const { issuer, inventory } = await run(start);
    const target = { method: 'GET', url: `${API_URL}/stock/42` };
    const forgeries = [
      ...(await issuer.forgeries({ scope })),
      ...(await issuer.dpopForgeries(target, { scope })),
    ];
    await expectRefused(({ headers }) => inventory.send('/stock/42', { headers }), forgeries, { scope });
    const headers = await issuer.authorization({ scope });
    expect(await inventory.send('/stock/42', { headers })).toMatchObject({
      status: 200,
      body: '{"sku":"42","inStock":7,"caller":"test-client"}',
    });
  });

  it('wants another scope on another route', async () => {
    const { issuer, inventory } = await run(start);
    const reserve = async (claims: TokenClaims) =>
      inventory.send('/stock/42/reservations', {
        method: 'POST',
        headers: await issuer.authorization(claims),
      });
    const refused = await reserve({ scope });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      403,
      expect.stringContaining('scope="write:inventory"'),
    ]);
    expect((await reserve({ scope: 'write:inventory' })).status).toBe(201);
  });

  it('accepts a proof once', async () => {
    const { issuer, inventory } = await run(start);
    const key = await createDpopKey();
    const token = await issuer.token({ scope, cnf: { jkt: key.thumbprint } });
    const headers = await key.headers({ url: `${API_URL}/stock/42`, token });
    expect((await inventory.send('/stock/42', { headers })).status).toBe(200);
    expect((await inventory.send('/stock/42', { headers })).status).toBe(401);
  });

  it('answers 503 while the keys are out of reach', async () => {
    const { issuer, inventory } = await run(start);
    issuer.goDown();
    const { status, headers } = await inventory.send('/stock/42', {
      headers: await issuer.authorization({ scope }),
    });
    expect([status, headers.get('www-authenticate')]).toEqual([503, null]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await inventory.send('/health')).status).toBe(200);
  });

  it('publishes its metadata, and says where', async () => {
    const { inventory } = await run(start, { RESOURCE: API_URL });
    const { headers } = await inventory.send('/stock/42');
    expect(headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource"');
    const { status, body } = await inventory.send('/.well-known/oauth-protected-resource');
    expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ resource: API_URL })]);
  });

  it('asks for the keys once for all routes', async () => {
    const { issuer, inventory } = await run(start);
    const headers = await issuer.authorization({ scope: `${scope} write:inventory` });
    await inventory.send('/stock/42', { headers });
    await inventory.send('/stock/42/reservations', { method: 'POST', headers });
    expect(issuer.requests).toMatchObject({ '/.well-known/oauth-authorization-server': 1, '/jwks': 1 });
  });

  if (start === startNext) {
    it('sees the first of two tokens in two lines: Next.js drops the other', async () => {
      const { issuer, inventory } = await run(start);
      const { Authorization: good } = await issuer.authorization({ scope });
      const bad = 'Bearer a.b.c';
      const ask = async (...tokens: readonly string[]) => {
        const headers = tokens.map((token) => ['Authorization', token] as const);
        return (await send(inventory.url, { path: '/stock/42', headers })).status;
      };
      expect([await ask(good, bad), await ask(bad, good)]).toEqual([200, 401]);
    });

    it('answers a HEAD like a GET', async () => {
      const { inventory } = await run(start);
      const refused = await send(inventory.url, { method: 'HEAD', path: '/stock/42' });
      expect([refused.status, refused.body]).toEqual([401, '']);
    });
  }
});
