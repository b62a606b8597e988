import { beforeAll, describe, expect, it } from 'vitest';
import { isFullSize } from '../support/size.js';
import { type App, installApp, TYPESCRIPT_5, TYPESCRIPT_7 } from './support/app.js';

type Compiler = readonly [name: string, path: string];
type Setting = readonly [name: string, flags: readonly string[]];

// TypeScript 5.9 takes ten seconds for the SDK's declarations. The application in typescript.test.ts always
// has it too.
const COMPILERS: readonly Compiler[] = [
  ['TypeScript 7', TYPESCRIPT_7],
  ...(isFullSize ? [['TypeScript 5.9', TYPESCRIPT_5] as const] : []),
];
const SETTINGS: readonly Setting[] = [
  ['Node', []],
  ...(isFullSize ? [['a bundler', ['--module', 'preserve', '--moduleResolution', 'bundler']] as const] : []),
];
/**
 * By project: with our declaration of `req.auth` alone, also with version 2 of the SDK, and with the SDK's
 * beside.
 */
const PROGRAMS = ['tsconfig.own.json', 'tsconfig.both.json'] as const;

const rows = COMPILERS.flatMap(([compiler, path]) =>
  SETTINGS.flatMap(([setting, flags]) =>
    PROGRAMS.map((program) => [program, compiler, setting, path, flags] as const),
  ),
);

describe('an MCP server with the SDK installed beside this package, which checks the declarations of its libraries', () => {
  let app: App;

  beforeAll(async () => {
    app = await installApp('mcp');
  });

  it.each(rows)('%s is compiled by %s for %s', async (program, _compiler, _setting, path, flags) => {
    const command = [path, ...flags, '-p', program];
    expect((await app.node(command, { timeoutSeconds: 200 })).stdout).toBe(''); // the SDK's declarations take their time
  });
});
