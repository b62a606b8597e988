import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTestIssuer } from '../../src/testing/index.js';
import { type App, installApp } from './support/app.js';
import { BEARER, DPOP } from './support/challenges.js';
import { exportedNames, modulesOf, readManifest } from './support/package-contents.js';

/**
 * Long for a loaded machine, short beside what could keep a process alive: sockets 4 s, time limits 5 s,
 * refreshes minutes.
 */
const AT_ONCE_MS = 2000;
/** What a thousand verified tokens take. */
const KEPT_KILOBYTES = 400;

describe('an ESM application', () => {
  let app: App;
  let folder: string;

  beforeAll(async () => {
    app = await installApp('esm');
    folder = join(app.folder, 'node_modules/oauth-resource-server');
  });

  it('protects a route of Express 5', async () => {
    expect(await app.result(['express.js'])).toEqual({
      anonymous: [401, `${BEARER}, ${DPOP}`],
      allowed: [200, { sku: '42', caller: 'test-client' }],
    });
  });

  it('protects a route of Fastify 5', async () => {
    expect(await app.result(['fastify.js'])).toEqual({
      anonymous: [401, [BEARER, DPOP]],
      allowed: [200, { sku: '42', caller: 'test-client' }],
    });
  });

  it('is tested with Jest by the recipe for ESM', async () => {
    expect((await app.test()).stderr).toContain('2 passed, 2 total');
  });

  it('finds in each module the values that its declarations promise', async () => {
    const modules = modulesOf(await readManifest(folder));
    const promised = modules.map(async ({ name, types }) => {
      const exported = await exportedNames(join(folder, types));
      return [name, exported.filter((one) => !one.startsWith('type ')).sort()];
    });
    const found = await app.result(['names.js', ...modules.map(({ name }) => name)]);
    expect(found).toEqual(Object.fromEntries(await Promise.all(promised)));
  });

  it('is not kept alive by an import', async () => {
    for (const { name } of modulesOf(await readManifest(folder))) {
      const { stdout, stderr } = await app.node(['lingers.js', name]);
      expect(Number(stdout), name).toBeLessThan(AT_ONCE_MS);
      expect(stderr, name).toBe('');
    }
  });

  it('is not kept alive by a resource server that fetched keys and verified a token', async () => {
    const issuer = await (await createTestIssuer({ audience: 'https://inventory.example.com' })).listen();
    try {
      const env = { ISSUER: issuer.identifier, TOKEN: await issuer.token() };
      const lingered = await app.result(['verify.js'], { env });
      expect(lingered).toBeLessThan(AT_ONCE_MS);
      expect(issuer.requests['/jwks']).toBe(1);
    } finally {
      await issuer.close();
    }
  });

  it('fills no memory with new tokens that are not kept', async () => {
    const left = (await app.result(['--max-semi-space-size=1', 'new-tokens.js'])) as number[];
    // The first ones are kept, and code is compiled. A collection makes a figure negative.
    expect(Math.max(...left.slice(-4))).toBeLessThan(KEPT_KILOBYTES / 4);
  });
});
