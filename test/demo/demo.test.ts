import { beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../examples/demo/check.js';
import { runDemo } from '../../examples/demo/story.js';
import { formatTable } from '../../examples/demo/table.js';

describe('the demo', () => {
  let rows: readonly Row[];

  beforeAll(async () => {
    rows = await runDemo();
  }, 30_000);

  it('gets the expected answer to every request, on every framework', () => {
    expect(rows.filter((row) => !row.passed)).toEqual([]);
  });

  it('covers each status that a protected API answers with, on every framework', () => {
    const frameworks = new Set(rows.map((row) => row.framework));
    expect(frameworks.size).toBe(5);
    for (const framework of frameworks) {
      const own = rows.filter((row) => row.framework === framework);
      expect(new Set(own.map((row) => row.outcome.status))).toEqual(new Set([200, 201, 401, 403, 503]));
    }
  });

  it('says what was expected and what came where a row went wrong', () => {
    const [row] = rows.filter(({ check }) => check.expected.status === 403);
    if (row === undefined) expect.fail('the demo has a request without the required scope');
    const table = formatTable([{ ...row, outcome: { ...row.outcome, status: 200 }, passed: false }]);
    expect(table).toMatch(/FAIL +403 +200 +POST \/orders/);
    expect(table).toMatch(/expected +403 .+\n +came +200 /);
  });
});
