import { expect, it } from 'vitest';
import { devIssuer } from '../../tools/cli/dev-issuer.js';
import { token } from '../../tools/cli/token.js';
import { checkDevIssuerOptions } from '../../tools/dev-issuer/index.js';
import { codeBlocksOf, readPage } from '../docs/markdown.js';

const page = await readPage('docs/dev-issuer.md');

it('accepts the configuration files of the documentation', () => {
  const files = codeBlocksOf(page).filter(({ info }) => info === 'json');
  expect(files).toHaveLength(3);
  for (const { code } of files) checkDevIssuerOptions(JSON.parse(code));
});

it('has a row for every member of the file', () => {
  const named = new Set([...page.text.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  const namesIn = (options: object): readonly string[] => {
    try {
      checkDevIssuerOptions(options);
    } catch (error) {
      return /known are (.+)$/.exec(String(error))?.[1]?.split(', ') ?? [];
    }
    return [];
  };
  const names = [...namesIn({ '-': 0 }), ...namesIn({ clients: [{ '-': 0 }] })];
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !named.has(name))).toEqual([]);
});

it.each([devIssuer, token])('documents every option in the help of $name', ({ help }) => {
  const options = new Set(help.match(/--[a-z][a-z-]+/g));
  expect(options.size).toBeGreaterThan(9);
  expect([...options].filter((option) => !page.text.includes(`${option}`))).toEqual([]);
});
