import type { Row } from './check.js';

const HEADING: readonly string[] = ['', 'expected', 'status', 'request', 'access token', 'challenge or body'];

/** One block of aligned lines per framework: `    ok  401  401  GET /stock/42  none  Bearer`. */
export function formatTable(rows: readonly Row[]): string {
  const widths = columnWidths([HEADING, ...rows.map(cellsOf)]);
  const frameworks = [...new Set(rows.map((row) => row.framework))];
  const blocks = frameworks.map((framework) => {
    const own = rows.filter((row) => row.framework === framework);
    return [framework, formatLine(HEADING, widths), ...formatBlock(own, widths)].join('\n');
  });
  return blocks.join('\n\n');
}

function formatBlock(rows: readonly Row[], widths: readonly number[]): string[] {
  return rows.flatMap((row, index) => {
    const isNewSituation = row.situation !== rows[index - 1]?.situation;
    const line = formatLine(cellsOf(row), widths);
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

function columnWidths(lines: readonly (readonly string[])[]): number[] {
  return HEADING.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return `    ${padded.join('  ')}`.trimEnd();
}
