import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The checkout's root, with a trailing slash. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** Relative to the root: `docs/express.md`. */
  readonly path: string;
  readonly text: string;
}

/** What stands between two fences. */
export interface CodeBlock {
  readonly page: Page;
  /** The number of the first line of code in its page, counted from 1. */
  readonly line: number;
  /** The heading above it: `Fastify`. Empty if there's none. */
  readonly heading: string;
  /** The language: `ts`. */
  readonly info: string;
  readonly code: string;
}

/** A link to a file of this repository, or to a heading. */
export interface Link {
  /** Relative to the page; empty for a heading of the same page. */
  readonly target: string;
  /** Without `#`; empty when there is none. */
  readonly anchor: string;
}

/** Every page that is written by hand. */
export async function readPages(): Promise<readonly Page[]> {
  const docs = await readdir(`${root}docs`, { recursive: true });
  const paths = [
    ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md'],
    ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name.replaceAll('\\', '/')}`),
  ];
  return Promise.all(paths.sort().map(readPage));
}

/** The docstrings of each source file, on the lines that they have there. The rest is blank. */
export async function readDocstrings(): Promise<readonly Page[]> {
  const paths: string[] = [];
  for (const folder of ['src', 'adapters', 'tools'])
    for (const name of await readdir(`${root}${folder}`, { recursive: true }))
      if (name.endsWith('.ts')) paths.push(`${folder}/${name.replaceAll('\\', '/')}`);
  const sources = await Promise.all(paths.sort().map(readPage));
  return sources.map(({ path, text }) => ({
    path,
    text: text.replaceAll(/^.*$/gm, (line) => /^ *\/?\*+ ?(.*)$/.exec(line)?.[1] ?? ''),
  }));
}

export async function readPage(path: string): Promise<Page> {
  return { path, text: await readFile(`${root}${path}`, 'utf8') };
}

const HEADING = /^#{1,6} +(.+?) *$/gm;
const FENCE = /^( *)```(.*)\n([\s\S]*?)^\1``` *$/gm;

export function codeBlocksOf(page: Page): readonly CodeBlock[] {
  return [...page.text.matchAll(FENCE)].map((match) => {
    const [, , info = '', code = ''] = match;
    const above = page.text.slice(0, match.index);
    const heading = [...above.replaceAll(FENCE, '').matchAll(HEADING)].at(-1)?.[1] ?? '';
    const [language = ''] = info.trim().split(' ['); // the site shows what's in brackets on a tab
    return { page, line: above.split('\n').length + 1, heading, info: language, code };
  });
}

/** The page without its code blocks. */
function proseOf(page: Page): string {
  return page.text.replaceAll(FENCE, '');
}

/** The links that lead to this repository: no `https:` and the like. */
export function localLinksOf(page: Page): readonly Link[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, destination = '']) => destination)
    .filter((destination) => !/^[a-z][a-z0-9+.-]*:/i.test(destination))
    .map((destination) => {
      const [target = '', anchor = ''] = destination.split('#');
      return { target, anchor };
    });
}

/** The anchors of a page's headings, as GitHub makes them: `## Keys and their age` → `keys-and-their-age`. */
export function anchorsOf(page: Page): ReadonlySet<string> {
  return new Set([...proseOf(page).matchAll(HEADING)].map(([, heading = '']) => toAnchor(heading)));
}

function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * The first cells of all table rows of a page, where they are code and nothing else: `` | `expired` | … `` →
 * `expired`.
 */
export function rowsOf(page: Page): ReadonlySet<string> {
  const rows = [...proseOf(page).matchAll(/^\| *`([^`|]+)` *\|/gm)];
  return new Set(rows.map(([, cell = '']) => cell));
}
