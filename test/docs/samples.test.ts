import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CodeBlock, codeBlocksOf, readPages, root } from './markdown.js';

/** The languages that are compiled, with the extension of their modules. */
const EXTENSIONS: Readonly<Record<string, string>> = { ts: 'ts', js: 'js', cjs: 'cjs' };
/** What else a block may be. */
const OTHER_LANGUAGES: readonly string[] = ['sh', 'console', 'json', 'http', 'text'];

const pages = (await readPages()).filter(({ path }) => path === 'README.md' || path.startsWith('docs/'));
const blocks = pages.flatMap(codeBlocksOf);
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
  for (const path of ['README.md', 'docs/express.md', 'docs/fastify.md', 'docs/nestjs.md', 'docs/testing.md'])
    expect(withSamples).toContain(path);
});

it('type-checks the samples as a user would compile them', { timeout: 60_000 }, async () => {
  expect(await typeCheck(samples.filter((sample) => !isGlobal(sample)))).toBe('');
});

it.each(alone.map((sample) => [fileName(sample), sample] as const))(
  'type-checks on its own: %s',
  { timeout: 60_000 },
  async (_name, sample) => {
    expect(await typeCheck([sample])).toBe('');
  },
);

/**
 * `docs/express.md`, line 12 → `docs-express.md/line-12.ts`. A block that begins with `// app.ts` is called so, and the others of its page
 * may import it.
 */
function fileName({ page, line, info, code }: CodeBlock): string {
  const [, named] = /^\/\/ ([a-z-]+\.[a-z]+)\n/.exec(code) ?? [];
  return `${page.path.replaceAll('/', '-')}/${named ?? `line-${line}.${EXTENSIONS[info]}`}`;
}

/** Puts a sample on the lines that it has in its page, so that the compiler's messages name those. `export {}` makes a module of every block. */
function withLineNumbers({ line, info, code }: CodeBlock): string {
  return `${'\n'.repeat(line - 1)}${code}${info === 'cjs' ? '' : '\nexport {};\n'}`;
}

/** The compiler's output for these samples against the declarations of this checkout: empty when there is nothing to say. */
async function typeCheck(checked: readonly CodeBlock[]): Promise<string> {
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
    paths: await pathsOfEntries(),
  };
  await writeFile(project, JSON.stringify({ compilerOptions, files: checked.map(fileName) }));
  return tsc('-p', project);
}

/** Every entry of the package, from `oauth-resource-server` to its last subpath, at the declarations made of the source. */
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
