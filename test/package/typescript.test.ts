import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFullSize } from '../support/size.js';
import { type App, installApp, TYPESCRIPT_5, TYPESCRIPT_7 } from './support/app.js';

const BUNDLER = ['--module', 'preserve', '--moduleResolution', 'bundler'];

describe('a strict TypeScript application with Express only, which checks the declarations of its libraries', () => {
  let app: App;

  beforeAll(async () => {
    app = await installApp('typescript');
    const installed = await readdir(join(app.folder, 'node_modules'));
    expect(installed).not.toContain('fastify');
    expect(installed).not.toContain('@nestjs');
  });

  it('is compiled by TypeScript 5.9 and runs', async () => {
    await app.node([TYPESCRIPT_5]);
    expect(await app.result(['dist/main.js'])).toEqual({
      status: 200,
      body: { sku: '42', tenant: 'acme', isSame: true },
      reason: 'malformed_token',
      faked: 'acme',
    });
  });

  it.runIf(isFullSize)('is compiled by TypeScript 5.9 for a bundler', async () => {
    await app.node([TYPESCRIPT_5, '--noEmit', ...BUNDLER]);
  });

  it('is compiled by TypeScript 7', async () => {
    await app.node([TYPESCRIPT_7, '--noEmit']);
  });

  it.each(['core', 'client'])('needs no setting of TypeScript 7 for types of Node: %s', async (name) => {
    const defaults = ['--ignoreConfig', '--noEmit', '--strict', '--module', 'nodenext', '--skipLibCheck'];
    await app.node([TYPESCRIPT_7, ...defaults, `defaults/${name}.ts`]);
  });

  it('is compiled by TypeScript 7 for a bundler', async () => {
    await app.node([TYPESCRIPT_7, '--noEmit', ...BUNDLER]);
  });
});
