import { beforeAll, describe, expect, it } from 'vitest';
import { type App, installApp } from './support/app.js';

describe('an ESM application in TypeScript, tested by ts-jest', () => {
  let app: App;

  beforeAll(async () => {
    app = await installApp('jest-typescript');
  });

  it('is tested with Jest by the recipe for ESM in TypeScript, WebSockets too', async () => {
    expect((await app.test()).stderr).toContain('5 passed, 5 total');
  });

  it('is compiled by the TypeScript 7 beside the one that ts-jest needs', async () => {
    const compiler = 'node_modules/typescript-7/bin/tsc';
    expect((await app.node([compiler, '--version'])).stdout).toMatch(/^Version 7\./);
    await app.node([compiler]);
  });
});
