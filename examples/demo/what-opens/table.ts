import { alignColumns } from '../columns.js';
import type { Row } from './check.js';

const HEADING: readonly string[] = ['', 'expected', 'status', 'request', 'access token', 'challenge or body'];

/** One block of aligned lines per framework: `    ok  401  401  GET /stock/42  none  Bearer`. */
export function formatTable(rows: readonly Row[]): string {
  const [heading = '', ...aligned] = alignColumns([HEADING, ...rows.map(cellsOf)]);
  const lines = new Map(rows.map((row, index) => [row, aligned[index] ?? '']));
  const frameworks = [...new Set(rows.map(({ framework }) => framework))];
  const blocks = frameworks.map((framework) => {
    const own = rows.filter((row) => row.framework === framework);
    return [framework, `    ${heading}`, ...formatBlock(own, lines)].join('\n');
  });
  return blocks.join('\n\n');
}

function formatBlock(rows: readonly Row[], lines: ReadonlyMap<Row, string>): string[] {
  return rows.flatMap((row, index) => {
    const isNewSituation = row.situation !== rows[index - 1]?.situation;
    const line = `    ${lines.get(row)}`;
    return [...(isNewSituation ? [`  ${row.situation}`] : []), line, ...(row.passed ? [] : explain(row))];
  });
}

function cellsOf({ check, outcome, passed }: Row): readonly string[] {
  const { expected, request, token } = check;
  return [
    passed ? 'ok' : 'FAIL',
    String(expected.status),
    String(outcome.status),
    request,
    token,
    outcome.answer,
  ];
}

/** For a row that went wrong: all that was compared. */
function explain({ check: { expected }, outcome }: Row): string[] {
  return [
    `    expected  ${expected.status} ${expected.answer} ${expected.description ?? ''}`,
    `    came      ${outcome.status} ${outcome.answer} ${outcome.description ?? ''}`,
  ];
}
