import { beforeAll, describe, expect, it } from 'vitest';
import { type App, installApp } from './support/app.js';

describe('a CommonJS application', () => {
  let app: App;

  beforeAll(async () => {
    app = await installApp('commonjs');
  });

  it('requires the package and protects a route of Express 4, without a warning', async () => {
    const { stdout, stderr } = await app.node(['main.js']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      anonymous: [401, { isInvalidToken: true }],
      allowed: [200, { sku: '42', caller: 'test-client' }],
    });
  });

  it('is tested with Jest by the recipe for CommonJS', async () => {
    expect((await app.test()).stderr).toContain('2 passed, 2 total');
  });
});
