import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exchangesOf, shows } from './console-block.js';
import { codeBlocksOf, readPages } from './markdown.js';
import { ShellSession } from './shell-session.js';
import { splitWords } from './shell-words.js';

const pages = (await readPages()).filter(
  ({ path }) => path === 'README.md' || /^docs\/(?!decisions\/)/.test(path),
);
const transcripts = pages.flatMap(codeBlocksOf).filter(({ info }) => info === 'console');

describe('a transcript', () => {
  it('is in the documentation of the commands', () => {
    expect(transcripts.map(({ page }) => page.path)).toContain('docs/cli.md');
  });

  it.each(transcripts.map((block) => [`${block.page.path}:${block.line}`, block] as const))(
    'shows what the commands print: %s',
    { timeout: 30_000 },
    async (_where, block) => {
      const folder = await mkdtemp(join(tmpdir(), 'transcript-'));
      const session = new ShellSession(folder);
      onTestFinished(async () => {
        await session.end();
        await rm(folder, { recursive: true });
      });
      const exchanges = exchangesOf(block);
      expect(exchanges).not.toEqual([]);
      for (const { command, output } of exchanges) {
        const printed = await session.enter(command);
        // Shows both in full where they differ.
        if (!shows(output, printed))
          expect(`$ ${command}\n${printed.join('\n')}`).toBe(`$ ${command}\n${output.join('\n')}`);
      }
      expect((await session.end()).every((exitCode) => exitCode === 0)).toBe(true);
    },
  );
});

describe('the reader of transcripts', () => {
  it('joins continued lines, and gives each command everything after it', () => {
    const code = '$ one \\\n    --more\na\n\nb\n$ two\n';
    expect(
      exchangesOf({ page: { path: 'p', text: '' }, line: 1, heading: '', info: 'console', code }),
    ).toEqual([
      { command: 'one --more', output: ['a', '', 'b'] },
      { command: 'two', output: [] },
    ]);
  });

  it.each<[readonly string[], readonly string[], boolean]>([
    [['a', 'b'], ['a', 'b'], true],
    [['a', 'b', ''], ['a', 'b'], true],
    [['a'], ['a', 'b'], false],
    [['a', 'b'], ['a'], false],
    [['a…c'], ['abbc'], true],
    [['a…c'], ['abbd'], false],
    [['a…'], ['a', 'b'], false],
    [['a', '…', 'd'], ['a', 'b', 'c', 'd'], true],
    [['a', '  …', 'd'], ['a', 'd'], true],
    [['a', '…'], ['a', 'b', 'c'], true],
    [['…', 'd'], ['a', 'b', 'c'], false],
    [['a.c'], ['abc'], false],
    [['', 'a'], ['', 'a'], true],
    [[], [], true],
    [[], ['a'], false],
  ])('compares %j with %j', (expected, actual, isShown) => {
    expect(shows(expected, actual)).toBe(isShown);
  });

  it('splits words as a shell does', () => {
    const variables = new Map([
      ['TOKEN', 'e y'],
      ['?', '1'],
    ]);
    expect(splitWords(`a  'b $TOKEN "c"' "d $TOKEN" \${TOKEN}x $? e\\ f ''`, variables)).toEqual([
      'a',
      'b $TOKEN "c"',
      'd e y',
      'e yx',
      '1',
      'e f',
      '',
    ]);
    expect(() => splitWords('"a', variables)).toThrow('does not end');
    expect(() => splitWords('$NONE', variables)).toThrow('NONE is not set');
  });
});
