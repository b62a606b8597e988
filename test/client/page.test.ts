import { describe, expect, it } from 'vitest';
import {
  createClientCredentials,
  createTokenExchange,
  TokenRequestError,
  tokenRequestReasons,
  toResourceServerError,
} from '../../src/client/index.js';
import { type Page, readPage, rowsOf } from '../docs/markdown.js';

/** The error for an unknown option lists the known ones. */
function optionsOf(create: (options: never) => unknown): readonly string[] {
  let message = '';
  try {
    create({ unknown: true } as never);
  } catch (error) {
    message = String(error);
  }
  return /known are (.+)$/.exec(message)?.[1]?.split(', ') ?? [];
}

/** The rows between two headings of docs/client.md. */
async function rowsBetween(from: string, to: string): Promise<ReadonlySet<string>> {
  const { path, text } = await readPage('docs/client.md');
  const section: Page = { path, text: text.split(`\n## ${from}\n`)[1]?.split(`\n## ${to}\n`)[0] ?? '' };
  return rowsOf(section);
}

describe('docs/client.md', () => {
  it('has a row for every option, and for no other', async () => {
    expect([...(await rowsBetween('Options', 'Authentication of the client'))]).toEqual(
      optionsOf(createClientCredentials),
    );
  });

  it('has a row for every reason', async () => {
    const rows = await rowsBetween('Errors', 'Options');
    expect(tokenRequestReasons.filter((reason) => !rows.has(reason))).toEqual([]);
  });
});

describe('docs/on-behalf-of.md', () => {
  it('has a row for every option that other clients have not, and for no other', async () => {
    const others = optionsOf(createClientCredentials);
    const own = optionsOf(createTokenExchange).filter((name) => !others.includes(name));
    expect([...rowsOf(await readPage('docs/on-behalf-of.md'))]).toEqual(own);
  });

  it('says for every reason what the caller is told', async () => {
    const { text } = await readPage('docs/on-behalf-of.md');
    const lines = text.split('\n').filter((line) => /^\| (?:401|403|502|503) `/.test(line));
    for (const reason of tokenRequestReasons) {
      const { status, error, reason: told } = toResourceServerError(new TokenRequestError(reason)) ?? {};
      const line = lines.find((one) => one.startsWith(`| ${status} \`${error}\` | \`${told}\``));
      expect(line?.split('|').at(-2), reason).toContain(`\`${reason}\``);
    }
  });
});
