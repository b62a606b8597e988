import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CodeBlock, codeBlocksOf, readDocstrings, readPage, readPages, root } from './markdown.js';

/** The languages that are compiled, with the extension of their modules. */
const EXTENSIONS: Readonly<Record<string, string>> = { ts: 'ts', js: 'js', cjs: 'cjs' };
/** What else a block may be. */
const OTHER_LANGUAGES: readonly string[] = [
  'sh',
  'console',
  'json',
  'http',
  'text',
  'nginx',
  'yaml',
  'dockerfile',
];

/** What the application around an example of a docstring has. Samples on pages have to be complete. */
const APPLICATION = `
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Express } from 'express';
import type { Auth, ResourceServerOptions } from 'oauth-resource-server';
import type { RequirementFamily } from 'oauth-resource-server/adapter';
import type { StartContractServer, TestIssuer } from 'oauth-resource-server/testing';

declare global {
  const options: ResourceServerOptions;
  const createApp: (options: ResourceServerOptions) => Express;
  const app: Express;
  const req: IncomingMessage;
  const res: ServerResponse;
  const next: (error?: unknown) => void;
  const clientSecret: string;
  const transport: StreamableHTTPServerTransport;
  const issuer: TestIssuer;
  const startInventory: StartContractServer;
  const findStock: (request: { params: { sku: string }; auth: Auth }, res: ServerResponse) => Promise<void>;
  const requireClaims: RequirementFamily<unknown>['requireClaims'];
  const requireAuthentication: RequirementFamily<unknown>['requireAuthentication'];
  const requireAuthorizationDetails: RequirementFamily<unknown>['requireAuthorizationDetails'];
  class ConfigService {
    getOrThrow(name: string): string;
  }
}
`;

const pages = [
  ...(await readPages()).filter(({ path }) => path === 'README.md' || path.startsWith('docs/')),
  await readPage('site/landing/index.md'),
];
const docstrings = await readDocstrings();
const blocks = [...pages, ...docstrings].flatMap(codeBlocksOf);
const samples = blocks.filter(({ info }) => info in EXTENSIONS);
// What a sample declares for all modules would hold for the other samples too.
const isGlobal = ({ code }: CodeBlock): boolean => /^declare (module|global)\b/m.test(code);
const alone = samples.filter(isGlobal);

let folder: string;

beforeAll(async () => {
  const cache = join(root, 'node_modules/.cache'); // git ignores it, and imports of the samples resolve as in the checkout
  await mkdir(cache, { recursive: true });
  folder = await mkdtemp(join(cache, 'docs-'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const sample of samples) {
    await mkdir(join(folder, dirname(fileName(sample))), { recursive: true });
    await writeFile(join(folder, fileName(sample)), withLineNumbers(sample));
  }
  await writeFile(join(folder, 'application.ts'), APPLICATION);
  expect(await tsc('-p', root, '--emitDeclarationOnly', '--outDir', join(folder, 'types'))).toBe('');
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

it('names a known language in every code block', () => {
  const known = [...Object.keys(EXTENSIONS), ...OTHER_LANGUAGES];
  const unknown = blocks.filter(({ info }) => !known.includes(info));
  expect(unknown.map(({ page, line, info }) => `${page.path}:${line} ${info}`)).toEqual([]);
});

it('finds samples in the README and for every framework', () => {
  const withSamples = new Set(samples.map(({ page }) => page.path));
  for (const path of [
    'README.md',
    'site/landing/index.md',
    'docs/express.md',
    'docs/fastify.md',
    'docs/nestjs.md',
    'docs/testing.md',
  ])
    expect(withSamples).toContain(path);
});

it('finds a sample below every @example of a docstring', () => {
  const marks = docstrings.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (line.includes('@example') ? [`${path}:${index + 1}`] : [])),
  );
  const withSample = samples.map(({ page, line }) => `${page.path}:${line - 2}`);
  expect(marks.length).toBeGreaterThan(15);
  expect(marks.filter((place) => !withSample.includes(place))).toEqual([]);
});

it.each([
  ['samples of the pages', pages, []],
  ['examples of the docstrings', docstrings, ['application.ts']],
])('type-checks the %s as a user would compile them', { timeout: 60_000 }, async (_what, among, around) => {
  const checked = samples.filter((sample) => among.includes(sample.page) && !isGlobal(sample));
  expect(await typeCheck(checked, around)).toBe('');
});

it.each(alone.map((sample) => [fileName(sample), sample] as const))(
  'type-checks on its own: %s',
  { timeout: 60_000 },
  async (_name, sample) => {
    expect(await typeCheck([sample])).toBe('');
  },
);

/**
 * `docs/express.md`, line 12 → `docs-express.md/line-12.ts`. A block that begins with `// app.ts` is called
 * so, and the others of its page may import it. Those of the README may import the files of docs/express.md,
 * its longer version.
 */
function fileName({ page, line, info, code }: CodeBlock): string {
  if (page.path === 'README.md') return `docs-express.md/README-line-${line}.${EXTENSIONS[info]}`;
  const [, named] = /^\/\/ ([a-z./[\]-]+\.[a-z]+)\n/.exec(code) ?? [];
  return `${page.path.replaceAll('/', '-')}/${named ?? `line-${line}.${EXTENSIONS[info]}`}`;
}

/**
 * Puts a sample on the lines that it has in its page, so that the compiler's messages name those. `export {}`
 * makes a module of every block.
 */
function withLineNumbers({ line, info, code }: CodeBlock): string {
  return `${'\n'.repeat(line - 1)}${code}${info === 'cjs' ? '' : '\nexport {};\n'}`;
}

/**
 * The compiler's output for these samples against the declarations of this checkout: empty if all is well.
 *
 * @param around modules with global declarations that the samples may use
 */
async function typeCheck(checked: readonly CodeBlock[], around: readonly string[] = []): Promise<string> {
  const [first] = checked;
  if (first === undefined) return '';
  const project = join(folder, `${fileName(first).replaceAll('/', '-')}.json`);
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noUnusedLocals: true,
    verbatimModuleSyntax: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    allowJs: true,
    checkJs: true,
    noEmit: true,
    skipLibCheck: true,
    // Samples of Next.js import each other by `@/`.
    paths: {
      ...(await pathsOfEntries()),
      '@/*': ['./docs-nextjs.md/*.ts'],
      '@whatwg-node/fetch': [join(root, 'test/support/whatwg-fetch.d.ts')],
    },
  };
  await writeFile(project, JSON.stringify({ compilerOptions, files: [...around, ...checked.map(fileName)] }));
  return tsc('-p', project);
}

/**
 * Every entry of the package, from `oauth-resource-server` to its last subpath, at the declarations made of
 * the source.
 */
async function pathsOfEntries(): Promise<Record<string, readonly string[]>> {
  const { name, exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const entries = Object.entries<{ types?: string }>(exports).filter(([, { types }]) => types !== undefined);
  return Object.fromEntries(
    entries.map(([subpath, { types = '' }]) => [
      subpath.replace('.', name),
      [types.replace('./dist/', './types/')],
    ]),
  );
}

/** Runs the compiler. Returns what it prints, with the exit code when that is not 0. */
function tsc(...parameters: readonly string[]): Promise<string> {
  const command = [join(root, 'node_modules/typescript/bin/tsc'), ...parameters, '--pretty', 'false'];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root }, (error, stdout, stderr) => {
      resolve(`${stdout}${stderr}${error === null ? '' : `exit code ${error.code}`}`);
    });
  });
}
