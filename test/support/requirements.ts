import { readFileSync } from 'node:fs';

/** A row of docs/requirements.md. */
export interface Requirement {
  readonly id: string;
  readonly level: string;
  /**
   * The test that proves it: its file, relative to `test/` or to `src/testing/`, and its title with those of
   * the blocks around it.
   */
  readonly file: string;
  readonly title: string;
}

const page = readFileSync(new URL('../../docs/requirements.md', import.meta.url), 'utf8');

/** The rows of docs/requirements.md: `| id | requirement | source | level | [file](../file): title |`. */
export const requirements: readonly Requirement[] = page
  .split('\n')
  .filter((line) => /^\| [A-Z]{3}-\d/.test(line))
  .map((line) => {
    const [id = '', , , level = '', proof = ''] = line.slice(2, -2).split(' | ');
    const [, file = '', title = ''] =
      /^\[.+\]\(\.\.\/(?:test|src\/testing)\/(.+?)\): (.+)$/.exec(proof) ?? [];
    return { id, level, file, title };
  });
