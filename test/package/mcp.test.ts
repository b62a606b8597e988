import { beforeAll, describe, expect, it } from 'vitest';
import { type App, installApp } from './support/app.js';

const COMPILERS: readonly (readonly [name: string, module: string])[] = [
  ['TypeScript 5.9', 'typescript'],
  ['TypeScript 7', 'typescript-7'],
];
const SETTINGS: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ['Node', []],
  ['a bundler', ['--module', 'preserve', '--moduleResolution', 'bundler']],
];
/** By project: with our declaration of `req.auth` alone, and with the SDK's beside. */
const PROGRAMS = ['tsconfig.own.json', 'tsconfig.both.json'] as const;

const rows = COMPILERS.flatMap(([compiler, module]) =>
  SETTINGS.flatMap(([setting, flags]) =>
    PROGRAMS.map((program) => [program, compiler, setting, module, flags] as const),
  ),
);

describe('an MCP server with the SDK installed beside this package, which checks the declarations of its libraries', () => {
  let app: App;

  beforeAll(async () => {
    app = await installApp('mcp');
  });

  it.each(rows)('%s is compiled by %s for %s', async (program, _compiler, _setting, module, flags) => {
    const command = [`node_modules/${module}/bin/tsc`, ...flags, '-p', program];
    expect((await app.node(command, { timeoutSeconds: 200 })).stdout).toBe(''); // the SDK's declarations take their time
  });
});
