import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { requirementIds } from './support/requirement-ids.js';

it('names a test for every requirement that the package claims to meet', () => {
  const folder = new URL('.', import.meta.url);
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules') && !path.includes('requirement'))
    .map((path) => readFileSync(new URL(path, folder), 'utf8'))
    .join('\n');
  expect(requirementIds.filter((id) => !tests.includes(id))).toEqual([]);
});
