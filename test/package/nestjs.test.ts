import { beforeAll, describe, expect, it } from 'vitest';
import { type App, installApp, TYPESCRIPT_5 } from './support/app.js';
import { BEARER, DPOP } from './support/challenges.js';

describe('an application of NestJS 11 with the settings of the Nest CLI', () => {
  let app: App;

  beforeAll(async () => {
    app = await installApp('nestjs');
  });

  it('is compiled by TypeScript 5.9 and protects its routes', async () => {
    await app.node([TYPESCRIPT_5]);
    expect(await app.result(['dist/main.js'])).toEqual({
      anonymous: [401, `${BEARER}, ${DPOP}`],
      open: 200,
      allowed: [200, { sku: '42', caller: 'test-client' }],
      tenant: { tenant: 'ACME' },
    });
  });

  it('is compiled also with the older settings: CommonJS modules, found without "exports"', async () => {
    const older = [
      '--module',
      'commonjs',
      '--moduleResolution',
      'node10',
      '--resolvePackageJsonExports',
      'false',
    ];
    await app.node([TYPESCRIPT_5, ...older, '--outDir', 'dist-older']);
    expect(await app.result(['dist-older/main.js'])).toMatchObject({ open: 200 });
  });

  it('is tested with Jest by the recipe for NestJS', async () => {
    expect((await app.test()).stderr).toContain('3 passed, 3 total');
  });
});
