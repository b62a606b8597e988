import { alignColumns } from './columns.js';
import { sum } from './sum.js';
import type { Chapter, PairRow } from './system/chapter.js';
import type { Row } from './what-opens/check.js';

/** Wide enough for every label, so that both tables have their columns in the same places. */
const LABEL_WIDTH = 38;

/** Part 1 with a column for each framework: the status that came, and the one that should have. */
export function summariseAnswers(rows: readonly Row[]): string {
  const lines = new Map<string, string[]>();
  for (const { check, outcome, passed } of rows) {
    const line = lines.get(check.summary) ?? [check.summary];
    line.push(passed ? `${outcome.status}` : `${outcome.status}, not ${check.expected.status}`);
    lines.set(check.summary, line);
  }
  return table(rows, [...lines.values()]).join('\n');
}

/** Part 2: what became of the orders. Its columns stand under the headings of {@link summariseAnswers}. */
export function summariseOrders(chapters: readonly Chapter[]): string {
  const rows = chapters.flatMap((chapter) => chapter.rows);
  const line = (label: string, figure: (row: PairRow) => number): readonly string[] => {
    const sums = new Map<string, number>();
    for (const row of rows) sums.set(row.framework, (sums.get(row.framework) ?? 0) + figure(row));
    return [label, ...[...sums.values()].map(String)];
  };
  return table(rows, [
    line('orders placed', ({ placed }) => placed),
    line('lost while a token was valid', ({ lost }) => lost),
    line('503 and Retry-After, no token left', ({ failures, lost }) => failures.length - lost),
    line('access tokens for all of this', ({ tokens }) => tokens),
  ])
    .slice(2)
    .join('\n');
}

/** `NestJS on Express` takes two lines of the heading, `Express 5` the second one. */
function table(
  rows: readonly { readonly framework: string }[],
  lines: readonly (readonly string[])[],
): readonly string[] {
  const frameworks = [...new Set(rows.map(({ framework }) => framework))];
  const headings = frameworks.map((framework) => /^(.* on) (.*)$/.exec(framework) ?? ['', '', framework]);
  const label = ' '.repeat(LABEL_WIDTH);
  return alignColumns([
    [label, ...headings.map(([, first = '']) => first)],
    [label, ...headings.map(([, , second = '']) => second)],
    ...lines,
  ]);
}

/** The demo after the last chapter. */
export interface Played {
  readonly rows: readonly Row[];
  readonly chapters: readonly Chapter[];
  /** The one in which a service calls on behalf of its caller. */
  readonly onBehalf: Chapter;
  /** How often the authorization server was killed. */
  readonly kills: number;
  /** How long all of it took. */
  readonly seconds: number;
}

/** What all of it comes to, in four lines. */
export function summarise({ rows, chapters, onBehalf, kills, seconds }: Played): string {
  const all = count(chapters);
  const delegated = count([onBehalf]);
  const findings = [...chapters, onBehalf].flatMap((chapter) => chapter.findings.map(({ holds }) => holds));
  const checks = [...rows.map(({ passed }) => passed), ...findings];
  const passed = `${checks.filter(Boolean).length} of ${checks.length} checks passed`;
  return [
    `authorization server killed ${kills} times; ${all.orders}; ${all.lost} lost while a token was valid`,
    `${all.excused} orders got 503 and Retry-After: the last token had expired, and nobody could issue another`,
    `inventory and warehouse killed too: ${delegated.orders} on behalf of the caller; ` +
      `${delegated.excused} got 503 meanwhile; ${delegated.lost} lost`,
    `${passed} in ${seconds.toFixed(1)} seconds: tokens last 10 minutes, but the clock was moved ahead`,
  ].join('\n');
}

/**
 * What became of the orders: how many there were, in words, and how many failed with and without an excuse.
 */
function count(chapters: readonly Chapter[]): { orders: string; excused: number; lost: number } {
  const rows = chapters.flatMap((chapter) => chapter.rows);
  const failed = sum(rows.map(({ failures }) => failures.length));
  const lost = sum(rows.map((row) => row.lost));
  const orders = failed + sum(rows.map(({ placed }) => placed));
  return { orders: `${orders.toLocaleString('en')} orders`, excused: failed - lost, lost };
}
