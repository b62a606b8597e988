import { readFileSync, writeFileSync } from 'node:fs';
import type { LeftOutRow } from '../../src/testing/index.js';
import { runtimes } from './runtimes.js';

/** What the contract gave for one framework on one runtime. */
export interface Result {
  readonly runtime: string;
  /** As the runtime itself says. */
  readonly version: string;
  readonly framework: string;
  readonly passed: number;
  readonly failed: number;
  readonly leftOut: readonly LeftOutRow[];
}

const FRAMEWORKS = [...new Set(runtimes.flatMap(({ servers }) => Object.keys(servers)))];
const file = new URL('results.json', import.meta.url);
const page = new URL('../../docs/runtimes.md', import.meta.url);
const BEGIN = '<!-- Written by npm run test:runtimes -->\n';
const END = '<!-- End -->';

export function readResults(): readonly Result[] {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Replaces the results of the runtimes that ran, on the page too. */
export function keepResults(results: readonly Result[]): void {
  const ran = new Set(results.map(({ runtime }) => runtime));
  const all = [...readResults().filter(({ runtime }) => !ran.has(runtime)), ...results];
  const order = ({ runtime, framework }: Result): number =>
    runtimes.findIndex(({ name }) => name === runtime) * 100 + FRAMEWORKS.indexOf(framework);
  const sorted = all.toSorted((a, b) => order(a) - order(b));
  writeFileSync(file, `${JSON.stringify(sorted, undefined, 2)}\n`);
  const { before, after } = splitPage();
  writeFileSync(page, before + matrix(sorted) + after);
}

/** The part of the page that is generated. */
export function generatedPart(): string {
  return splitPage().generated;
}

function splitPage(): { readonly before: string; readonly generated: string; readonly after: string } {
  const text = readFileSync(page, 'utf8');
  const [start, end] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  return { before: text.slice(0, start), generated: text.slice(start, end), after: text.slice(end) };
}

/** The page's table, and below it the rows that were left out, with the reasons. */
export function matrix(results: readonly Result[]): string {
  const runtimes = [...new Map(results.map((one) => [one.runtime, one.version]))];
  const frameworks = [...new Set(results.map(({ framework }) => framework))];
  const cell = (runtime: string, framework: string): string => {
    const result = results.find((one) => one.runtime === runtime && one.framework === framework);
    if (result === undefined) return '–';
    const { passed, failed, leftOut } = result;
    const others = [failed > 0 && `${failed} failed`, leftOut.length > 0 && `${leftOut.length} left out`];
    return [passed, ...others].filter((part) => part !== false).join(', ');
  };
  const lines = runtimes.map(
    ([runtime, version]) =>
      `| ${runtime} (${version}) | ${frameworks.map((name) => cell(runtime, name)).join(' | ')} |`,
  );
  return [
    '',
    `| | ${frameworks.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(frameworks.length)}`,
    ...lines,
    '',
    ...leftOutLines(results),
  ].join('\n');
}

/** Which rows were left out where, and why. Places with the same rows and the same reason share a list. */
function leftOutLines(results: readonly Result[]): readonly string[] {
  const places = new Map<string, readonly string[]>();
  for (const { runtime, framework, leftOut } of results) {
    for (const why of new Set(leftOut.map((row) => row.why))) {
      const titles = leftOut.filter((row) => row.why === why).map(({ title }) => `- ${title}`);
      const list = [why, '', ...titles, ''].join('\n');
      places.set(list, [...(places.get(list) ?? []), `${framework} on ${runtime}`]);
    }
  }
  return [...places].map(([list, where]) => `${where.join(', ')}: ${list}`);
}
