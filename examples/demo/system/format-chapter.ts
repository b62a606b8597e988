import { alignColumns } from '../columns.js';
import type { Chapter, Finding, PairRow } from './chapter.js';

const HEADING: readonly string[] = [
  'inventory-service on',
  'orders',
  'failed',
  'access tokens',
  'asked in vain',
  '401, replaced',
];

/** Title, events, figures per order service, and what was found out, as it is printed. */
export function formatChapter({ title, events, rows, findings }: Chapter): string {
  const happened = alignColumns(events.map(({ text, orders }) => [`after ${orders} orders`, text]));
  const figures = alignColumns([HEADING, ...rows.map(cellsOf)]);
  const failures = rows.flatMap(formatFailures);
  return [
    title,
    ...[...happened, '', ...figures, ...failures, '', ...findings.map(formatFinding)].map(indent),
  ].join('\n');
}

function indent(line: string): string {
  return line === '' ? '' : `    ${line}`;
}

function cellsOf({ framework, placed, failures, tokens, unanswered, refused }: PairRow): readonly string[] {
  const figures = [placed + failures.length, failures.length, tokens, unanswered, refused];
  return [framework, ...figures.map(String)];
}

/** What came in place of a 201, each once. */
function formatFailures({ framework, failures }: PairRow): readonly string[] {
  return [...new Set(failures)].map((failure) => `${framework}: ${failure}`);
}

function formatFinding({ text, holds }: Finding): string {
  return `${holds ? 'ok  ' : 'FAIL'}  ${text}`;
}
