import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeBlocksOf, readPage, root } from './markdown.js';

const NAMED = /^\/\/ ([a-z./[\]-]+\.ts)\n/;

/**
 * Imports a block of a page as its reader would, against the sources of this checkout.
 *
 * @param file the name in the block's first line, `// app.ts`; the page's other named blocks are beside it
 * @param replaced what stands on the page, and what takes its place here: addresses, names of files
 * @returns what the block exports
 */
export async function importFromPage<Exports>(
  path: string,
  file: string,
  replaced: Readonly<Record<string, string>> = {},
): Promise<Exports> {
  await mkdir(`${root}coverage`, { recursive: true }); // git ignores it, and what's in it is compiled
  const folder = await mkdtemp(`${root}coverage/page-`);
  try {
    // For decorators.
    await writeFile(join(folder, 'tsconfig.json'), '{ "extends": "../../tsconfig.json", "include": ["."] }');
    for (const { code } of codeBlocksOf(await readPage(path))) {
      const [, name] = NAMED.exec(code) ?? [];
      if (name === undefined) continue;
      const changed = Object.entries(replaced).reduce((text, [from, to]) => text.replaceAll(from, to), code);
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), changed);
    }
    return await import(/* @vite-ignore */ join(folder, file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
