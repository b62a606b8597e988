import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { FRAMEWORKS, IN_TURN, UNPROTECTED, UNREAD } from './http.mjs';
import { linearChart, logarithmicChart } from './plots.mjs';
import {
  faultsTable,
  glueTables,
  growthTables,
  honoTables,
  httpTables,
  inProcessTables,
  summaryTable,
} from './reports.mjs';
import { majorOf } from './results.mjs';
import { ratio, toMarkdown } from './tables.mjs';

/** The words of the page, with empty places for the figures. */
const TEMPLATE = new URL('performance-template.md', import.meta.url);
const PAGE = new URL('../docs/performance.md', import.meta.url);
const IMAGES = new URL('../docs/images/', import.meta.url);
/** The one that every package knows. */
const PLOTTED_ALGORITHM = 'RS256';

/** Writes docs/performance.md, the figures between the markers of the template, and draws the plots. The newest Node's come first. */
export function writePage(allResults) {
  const [main] = allResults;
  let page = readFileSync(TEMPLATE, 'utf8');
  page = between(page, 'setting', [...allResults.map(describeSetting), describePackages(main)].join('\n'));
  if (main.parts.http !== undefined)
    page = between(page, 'summary', toMarkdown(summaryTable(main.parts.http)));
  page = between(page, 'http', partOfAll(allResults, 'http', httpTables));
  page = between(page, 'glue', partOfAll(allResults, 'glue', glueTables));
  page = between(page, 'hono', partOfAll(allResults, 'hono', honoTables));
  page = between(page, 'in-process', partOfAll(allResults, 'in-process', inProcessTables));
  page = between(page, 'growth', partOfAll(allResults, 'growth', growthTables));
  writeFileSync(PAGE, page);
  drawPlots(main);
}

function between(page, name, content) {
  const pattern = new RegExp(`(<!-- bench:${name} -->\n)[^]*?(<!-- /bench:${name} -->)`);
  if (!pattern.test(page)) throw new Error(`the template has no markers for ${name}`);
  return page.replace(pattern, (_, start, end) => `${start}\n${content}\n\n${end}`);
}

function describeSetting({ node, openssl, cpu, cores, system, parts }) {
  const runs = Object.entries(parts).map(([name, part]) => `${name} on ${describeRun(part)}`);
  return `- **Node ${node}** (OpenSSL ${openssl}), ${cores} cores of ${cpu}, ${system}: ${runs.join('; ')}.`;
}

function describePackages({ packages }) {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `- **Packages**: ${versions.join(', ')}.`;
}

function describeRun({ date, size, rounds, starts = 1, generator, rows = [] }) {
  const remark = size === 'quick' ? ' (a quick run, whose figures say nothing)' : '';
  const algorithms = [...new Set(rows.map(({ algorithm }) => algorithm))].join(' and ');
  const signed = algorithms === '' ? '' : `${algorithms}, `;
  const load = generator === undefined ? '' : `, ${signed}requests by ${generator}`;
  const processes = starts > 1 ? ` with ${starts} starts` : '';
  return `${date.slice(0, 10)}, median of ${rounds} rounds${processes}${load}${remark}`;
}

function partOfAll(allResults, name, tablesOf) {
  return allResults
    .filter(({ parts }) => parts[name] !== undefined)
    .map(({ node, parts }, index) => {
      const part = parts[name];
      const faults = part.faults?.length > 0 ? [faultsTable(part.faults)] : [];
      const tables = [...tablesOf(part), ...faults].map(toMarkdown).join('\n\n');
      // The other Node versions stand beside it, folded.
      if (index === 0) return tables;
      return `<details>\n<summary>On Node ${majorOf(node)}</summary>\n\n${tables}\n\n</details>`;
    })
    .join('\n\n');
}

function drawPlots({ node, parts }) {
  mkdirSync(IMAGES, { recursive: true });
  for (const [name, plot] of Object.entries({ http: httpPlot, 'in-process': inProcessPlot })) {
    const part = parts[name];
    if (part === undefined) continue;
    const footer = `Node ${node}; ${describeRun(part)}.`;
    writeFileSync(new URL(`performance-${name}.svg`, IMAGES), plot(part.rows, footer));
  }
}

function httpPlot(rows, footer) {
  const left = [UNPROTECTED, UNREAD, IN_TURN];
  const cells = rows.filter(
    ({ algorithm, contestant }) => algorithm === PLOTTED_ALGORITHM && !left.includes(contestant),
  );
  const titles = { warm: 'the same token again and again', cold: 'each token a new one' };
  return linearChart({
    title: 'What a request costs',
    subtitle: `CPU per request, as a multiple of the same route without protection; ${PLOTTED_ALGORITHM}. Shorter is better.`,
    footer,
    groups: Object.entries(FRAMEWORKS).flatMap(([framework, title]) =>
      Object.entries(titles).map(([temperature, tokens]) => ({
        title: `${title}, ${tokens}`,
        bars: barsOf(
          cells.filter((row) => row.framework === framework && row.temperature === temperature),
          'cpuToUnprotected',
        ),
      })),
    ),
  });
}

function inProcessPlot(rows, footer) {
  const cells = rows.filter(({ algorithm, inFlight }) => algorithm === PLOTTED_ALGORITHM && inFlight === 64);
  return logarithmicChart({
    title: 'CPU per verification, in process',
    subtitle: `As a multiple of a bare crypto.verify; ${PLOTTED_ALGORITHM}, 64 in flight, logarithmic. Shorter is better.`,
    footer,
    groups: ['warm', 'cold'].map((temperature) => ({
      title: temperature === 'warm' ? 'The same tokens again and again' : 'Every token a new one',
      bars: barsOf(
        cells.filter((row) => row.temperature === temperature),
        'cpuToCryptoVerify',
      ),
    })),
  });
}

/** The lowest first. */
function barsOf(rows, figure) {
  return rows
    .map(({ contestant, kind, [figure]: value }) => ({ label: contestant, kind, value, text: ratio(value) }))
    .sort((one, other) => one.value - other.value);
}
