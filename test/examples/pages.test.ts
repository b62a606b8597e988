import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { codeBlocksOf, readPage, root } from '../docs/markdown.js';

/** What stands between a page and its example: the first line, which names the file. */
const NAMED = /^\/\/ (\S+\.ts)\n\n?/;

it.each(['koa', 'h3', 'trpc', 'nextjs', 'lambda'])(
  'shows on docs/%s.md the code of its example',
  async (name) => {
    const blocks = codeBlocksOf(await readPage(`docs/${name}.md`));
    const shown = blocks.flatMap(({ code }) => {
      const [first, file] = NAMED.exec(code) ?? [];
      return first === undefined || file === undefined ? [] : [{ file, code: code.slice(first.length) }];
    });
    expect(shown).not.toEqual([]);
    for (const { file, code } of shown)
      expect(code, file).toBe(await readFile(`${root}examples/${name}/${file}`, 'utf8'));
  },
);
