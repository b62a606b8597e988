import { describe, expect, it } from 'vitest';
import { createClientCredentials, tokenRequestReasons } from '../../src/client/index.js';
import { type Page, readPage, rowsOf } from '../docs/markdown.js';

/** The rows between two headings of docs/client.md. */
async function rowsBetween(from: string, to: string): Promise<ReadonlySet<string>> {
  const { path, text } = await readPage('docs/client.md');
  const section: Page = { path, text: text.split(`\n## ${from}\n`)[1]?.split(`\n## ${to}\n`)[0] ?? '' };
  return rowsOf(section);
}

describe('docs/client.md', () => {
  it('has a row for every option, and for no other', async () => {
    let message = '';
    try {
      createClientCredentials({ unknown: true } as never);
    } catch (error) {
      message = String(error);
    }
    const [, names = ''] = /known are (.+)$/.exec(message) ?? [];
    expect([...(await rowsBetween('Options', 'Authentication of the client'))]).toEqual(names.split(', '));
  });

  it('has a row for every reason', async () => {
    const rows = await rowsBetween('Errors', 'Options');
    expect(tokenRequestReasons.filter((reason) => !rows.has(reason))).toEqual([]);
  });
});
