import { stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { createResourceServer, type ResourceServerOptions, reasons } from '../../src/index.js';
import {
  anchorsOf,
  codeBlocksOf,
  localLinksOf,
  type Page,
  readPage,
  readPages,
  root,
  rowsOf,
} from './markdown.js';

const pages = await readPages();

/** npm's own commands that the pages use, those that run a script of the same name left out. */
const NPM_COMMANDS: readonly string[] = ['ci', 'init', 'install', 'pkg', 'start', 'test'];

it('has a row for every reason in docs/errors.md, and no other', async () => {
  const { path, text } = await readPage('docs/errors.md');
  const [tables = ''] = text.split('## The error classes');
  expect([...rowsOf({ path, text: tables })].sort()).toEqual([...reasons].sort());
});

describe('docs/options.md', () => {
  const issuer = 'https://auth.example.com';
  const audience = 'https://inventory.example.com';
  const unknown = { unknown: true };

  it.each([
    ['every option', { ...unknown, issuer, audience }],
    ['every member of TrustedIssuer', { issuer: { ...unknown, issuer }, audience }],
    ['every member of KeysOptions', { issuer, audience, keys: unknown }],
  ])('has a row for %s', async (_name, options) => {
    const rows = rowsOf(await readPage('docs/options.md'));
    const names = namesThatAreTaken(options as unknown as ResourceServerOptions); // wrong on purpose
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !rows.has(name))).toEqual([]);
  });
});

it('has a row for every member of introspection in docs/introspection.md', async () => {
  const introspection = { unknown: true, clientId: 'api', clientSecret: 'secret' };
  const options = { issuer: { issuer: 'https://auth.example.com', introspection }, audience: 'api' };
  const rows = rowsOf(await readPage('docs/introspection.md'));
  const names = namesThatAreTaken(options as unknown as ResourceServerOptions); // wrong on purpose
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !rows.has(name))).toEqual([]);
});

it.each(pages.map((page) => [page.path, page] as const))(
  'finds no broken link in %s',
  async (_path, page) => {
    const broken: string[] = [];
    for (const { target, anchor } of localLinksOf(page)) {
      if (!(await leadsSomewhere(page, target, anchor))) broken.push(`${target}#${anchor}`);
    }
    expect(broken).toEqual([]);
  },
);

it('knows every npm command of README and CONTRIBUTING', () => {
  const commands = pages
    .filter(({ path }) => path === 'README.md' || path === 'CONTRIBUTING.md')
    .flatMap(({ text }) => [...text.matchAll(/\bnpm (?:run ([a-z][\w:-]*)|([a-z]+))/g)])
    .map(([, script, command = '']) => script ?? command);
  const known = [...Object.keys(packageJson.scripts), ...NPM_COMMANDS];
  expect(commands).not.toEqual([]);
  expect(commands.filter((command) => !known.includes(command))).toEqual([]);
});

it('sets a clone up with two commands in the README: one runs the main job, one the tests', async () => {
  const shells = codeBlocksOf(await readPage('README.md')).filter(({ info }) => info === 'sh');
  const commands = shells.flatMap(({ code }) => code.trim().split('\n'));
  expect(commands.filter((command) => command.startsWith('npm ci'))).toEqual([
    'npm ci && npm run demo',
    'npm ci && npm run check',
  ]);
});

it.each(['express', 'fastify', 'nestjs'])(
  'shows in docs/%s.md how scripts get to read the challenge',
  { tags: ['BRR-29'] },
  async (name) => {
    const { text } = await readPage(`docs/${name}.md`);
    expect(text).toContain("exposedHeaders: ['WWW-Authenticate', 'DPoP-Nonce']");
  },
);

it('has a changelog entry for the version in package.json', async () => {
  const { text } = await readPage('CHANGELOG.md');
  expect(text).toMatch(new RegExp(`^## ${packageJson.version.replaceAll('.', '\\.')}\\b`, 'm'));
});

/** The error for an unknown option lists the known ones. */
function namesThatAreTaken(options: ResourceServerOptions): readonly string[] {
  try {
    createResourceServer(options);
  } catch (error) {
    const [, names = ''] = /known are (.+)$/.exec(String(error)) ?? [];
    return names.split(', ');
  }
  throw new Error('an unknown option was not refused');
}

async function leadsSomewhere(from: Page, target: string, anchor: string): Promise<boolean> {
  const path = target === '' ? from.path : normalize(join(dirname(from.path), target));
  const exists = await stat(join(root, path)).then(
    () => true,
    () => false,
  );
  if (!exists || anchor === '') return exists;
  return path.endsWith('.md') && anchorsOf(await readPage(path)).has(anchor);
}
