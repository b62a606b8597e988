import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** `range('BRR', 1, 3)` → BRR-01, BRR-02, BRR-03. */
const range = (family: string, first: number, last: number): string[] =>
  Array.from(
    { length: last - first + 1 },
    (_, index) => `${family}-${String(first + index).padStart(2, '0')}`,
  );

/** The requirements that this package claims to meet; each must be named by the test that proves it. */
const claimed: readonly string[] = [
  ...range('BRR', 1, 32),
  ...range('ATP', 1, 20),
  ...range('JWT', 1, 32),
  ...range('KEY', 1, 22),
  'KEY-24',
  ...range('MTL', 1, 13),
  ...range('INT', 1, 23),
  ...range('SCP', 1, 6),
  'SCP-08',
  'SCP-11',
  'SCP-12',
  ...range('OPS', 1, 6),
  ...range('OPS', 9, 13),
  'OPS-17',
  'OPS-19',
  ...range('PRM', 1, 13),
  ...range('MCP', 1, 10),
  ...range('STP', 1, 10),
  'STP-12',
  'STP-14',
  ...range('CLI', 1, 16),
  ...range('CLI', 18, 22),
  ...range('DPP', 1, 29),
];

it('names a test for every requirement that the package claims to meet', () => {
  const folder = new URL('.', import.meta.url);
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(
      (path) => path.endsWith('.ts') && !path.includes('node_modules') && path !== 'requirements.test.ts',
    )
    .map((path) => readFileSync(new URL(path, folder), 'utf8'))
    .join('\n');
  expect(claimed.filter((id) => !tests.includes(id))).toEqual([]);
});
