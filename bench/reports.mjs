import { judgeGoals } from './goals.mjs';
import { FRAMEWORKS, UNPROTECTED, UNREAD } from './http.mjs';
import { majorOf } from './results.mjs';
import { count, megabytes, micros, ratio } from './tables.mjs';
import { ALGORITHMS } from './tokens.mjs';

/*
 * Tables of what was measured. Figures are medians; ratios are medians of the ratios within a round.
 */

/** What a reader wants to know first. */
export function summaryTable({ rows }) {
  const algorithms = ALGORITHMS.filter((name) => rows.some((row) => row.algorithm === name));
  const places = Object.entries(FRAMEWORKS).flatMap(([framework, title]) =>
    algorithms.map((algorithm) => ({ framework, algorithm, title: `${title}, ${algorithm}` })),
  );
  const cpu = (row) => ratio(row?.cpuToUnprotected);
  return {
    title: 'CPU of a request, as a multiple of the same route without protection',
    head: [
      '',
      'known token',
      'new token',
      'jose by hand, each token',
      'best package for the job, each token',
    ],
    rows: places.map(({ framework, algorithm, title }) => {
      const cells = rows.filter((row) => row.framework === framework && row.algorithm === algorithm);
      const find = (contestant, temperature) =>
        cells.find((row) => row.contestant === contestant && row.temperature === temperature);
      const [best] = cells
        .filter(({ kind, temperature }) => kind === 'middleware' && temperature === 'cold')
        .sort((one, other) => one.cpuToUnprotected - other.cpuToUnprotected);
      return [
        title,
        cpu(find('oauth-resource-server', 'warm')),
        cpu(find('oauth-resource-server', 'cold')),
        cpu(find('jose by hand', 'cold')),
        best === undefined ? cpu(best) : `${cpu(best)} (${best.contestant})`,
      ];
    }),
  };
}

/** Goal by goal, with a column for each Node version. */
export function goalsTable(allResults) {
  const judged = allResults.map(({ parts }) => judgeGoals(parts));
  return {
    title: 'Goals',
    head: ['goal', 'limit', ...allResults.map(({ node }) => `Node ${majorOf(node)}`)],
    rows: judged[0].map(({ goal, limit }, index) => [
      goal,
      limit,
      ...judged.map((goals) => `${goals[index].measured} ${verdict(goals[index].isMet)}`),
    ]),
  };
}

function verdict(isMet) {
  if (isMet === undefined) return 'not measured';
  return isMet ? 'met' : 'NOT met';
}

/** CPU per verification, per temperature and number in flight, and the event loop's part of it. */
export function inProcessTables({ rows }) {
  const tables = [];
  for (const temperature of ['warm', 'cold']) {
    for (const inFlight of [1, 64]) {
      const cells = rows.filter((row) => row.temperature === temperature && row.inFlight === inFlight);
      tables.push(cpuTable(temperature, inFlight, cells));
      // Node tells it since 23.9.
      const hasThread = cells.some(({ threadToCryptoVerify }) => Number.isFinite(threadToCryptoVerify));
      if (inFlight === 64 && hasThread) tables.push(threadTable(temperature, cells));
    }
  }
  return tables;
}

function cpuTable(temperature, inFlight, cells) {
  return {
    title: `In process, ${temperature} tokens, ${inFlight} in flight: CPU per verification`,
    note: 'As a multiple of a bare, synchronous crypto.verify of the same signature.',
    head: ['', ...ALGORITHMS],
    rows: byContestant(
      cells,
      ALGORITHMS,
      'algorithm',
      (row) => `${ratio(row.cpuToCryptoVerify)} (${micros(row.cpuMicros)})`,
    ),
  };
}

function threadTable(temperature, cells) {
  return {
    title: `In process, ${temperature} tokens, 64 in flight: CPU of the event loop's thread`,
    note: 'As a multiple of what a bare, synchronous crypto.verify takes there.',
    head: ['', ...ALGORITHMS],
    rows: byContestant(cells, ALGORITHMS, 'algorithm', (row) => ratio(row.threadToCryptoVerify)),
  };
}

/** One table per algorithm and temperature, with a column for each framework. */
export function httpTables({ rows }) {
  const tables = [];
  for (const temperature of ['warm', 'cold']) {
    for (const algorithm of ALGORITHMS.filter((name) => rows.some((row) => row.algorithm === name))) {
      const cells = rows.filter((row) => row.temperature === temperature && row.algorithm === algorithm);
      tables.push(httpTable(temperature, algorithm, cells));
    }
  }
  return tables;
}

function httpTable(temperature, algorithm, cells) {
  const frameworks = Object.keys(FRAMEWORKS);
  return {
    title: `Over HTTP, ${algorithm}, ${temperature} tokens`,
    note: `CPU per request to "${UNPROTECTED}" / throughput to "${UNREAD}" (CPU per request, 99th percentile of the event loop's delay).`,
    head: ['', ...Object.values(FRAMEWORKS)],
    rows: byContestant(cells, frameworks, 'framework', describeHttpCell),
  };
}

function describeHttpCell({ cpuToUnprotected, throughputToUnread, cpuMicros, delayP99Ms, failed }) {
  const figures = `${ratio(cpuToUnprotected)} / ${ratio(throughputToUnread)} (${micros(cpuMicros)}, ${delayP99Ms.toFixed(0)} ms)`;
  return failed > 0 ? `${figures}, ${failed} FAILED` : figures;
}

/** Where the time of a request with a known token goes, beside one whose token nobody reads. */
export function glueTables({ rows }) {
  const places = {
    sha256: 'SHA-256 of the token',
    own: 'this package',
    application: 'framework and handler',
    node: 'Node and system calls',
    collector: 'garbage collector',
  };
  const named = rows.map((row) => ({
    ...row,
    contestant: `${FRAMEWORKS[row.framework]}: ${row.contestant}`,
  }));
  return [
    {
      title: 'Where the time of a request goes',
      note: 'ES256, known tokens; µs per request on the event loop while a profiler looks on, which makes everything slower.',
      head: ['', ...Object.values(places)],
      rows: named.map((row) => [row.contestant, ...Object.keys(places).map((place) => micros(row[place]))]),
    },
  ];
}

/** Hono with known tokens, on the runtimes that were there. */
export function honoTables({ rows, missing }) {
  const left = missing.length === 0 ? '' : ` Not installed: ${missing.join(', ')}.`;
  const runtimes = distinct(rows, 'runtime');
  return [
    {
      title: 'Hono, ES256, known tokens',
      note: `Requests per second, and as a part of those to "${UNREAD}" (CPU per request). 64 tokens in turn.${left}`,
      head: ['', ...runtimes],
      rows: byContestant(rows, runtimes, 'runtime', describeHonoCell),
    },
  ];
}

function describeHonoCell({ perSecond, throughputToUnread, cpuMicros, failed }) {
  const figures = `${count(perSecond)}/s, ${ratio(throughputToUnread)} (${micros(cpuMicros)})`;
  return failed > 0 ? `${figures}, ${failed} FAILED` : figures;
}

export function growthTables({ figures }) {
  const { keys, issuers, scopes, tokenSize, kinds, heap, refusals, floods } = figures;
  return [
    growthTable('Keys in the set', keys),
    growthTable('Trusted issuers', issuers),
    growthTable('Scopes of the token', scopes),
    growthTable('Size of the token', tokenSize),
    kindsTable(kinds),
    heapTable(heap),
    refusalsTable(refusals, 'garbage', 'Refusing garbage'),
    refusalsTable(refusals, 'refusable', 'Refusing well-formed tokens'),
    floodsTable(floods),
  ];
}

function growthTable(title, rows) {
  const variants = distinct(rows, 'variant');
  const named = rows.map((row) => ({ ...row, contestant: `${row.contestant}, ${row.temperature}` }));
  return {
    title,
    note: 'CPU per verification, ES256, 64 in flight, as a multiple of the first column.',
    head: ['', ...variants],
    rows: byContestant(
      named,
      variants,
      'variant',
      (row) => `${ratio(row.toFirst)} (${micros(row.cpuMicros)})`,
    ),
  };
}

function kindsTable(rows) {
  const named = rows.map((row) => ({
    ...row,
    contestant: row.inFlight === 1 ? row.kind : `${row.kind}, ${row.inFlight} in flight`,
    column: row.algorithm || 'no signature',
  }));
  return {
    title: 'Other kinds of token',
    note: 'CPU per request. DPoP: as a multiple of the bare, synchronous checks of its signatures, two with a new token and one with a known one. Opaque: as a multiple of a known JWT.',
    head: ['', ...distinct(named, 'column')],
    rows: byContestant(
      named,
      distinct(named, 'column'),
      'column',
      (row) => `${ratio(row.toReference)} (${micros(row.cpuMicros)})`,
    ),
  };
}

function heapTable(rows) {
  return {
    title: 'Memory that stays taken',
    head: ['after', 'heap and external memory'],
    rows: rows.map(({ after, bytes }) => [after, megabytes(bytes)]),
  };
}

function refusalsTable(rows, group, title) {
  const cells = rows.filter((row) => row.group === group);
  const kinds = distinct(cells, 'kind');
  return {
    title,
    note: 'CPU per token, ES256, 64 in flight, as a multiple of jose by hand (tokens per second).',
    head: ['', ...kinds],
    rows: byContestant(cells, kinds, 'kind', (row) =>
      row.accepts ? 'ACCEPTS' : `${ratio(row.toJose)} (${count(row.perSecond)}/s)`,
    ),
  };
}

function floodsTable(rows) {
  return {
    title: 'Tokens that name unknown keys',
    note: 'Each another key; 64 in flight; bounded in number and time.',
    head: ['', 'tokens', 'per second', 'fetches of the keys'],
    rows: rows.map((row) => [row.contestant, count(row.tokens), count(row.perSecond), count(row.fetches)]),
  };
}

/** Contestants that were not measured, and why. */
export function faultsTable(faults) {
  return {
    title: 'Not measured',
    head: ['', 'algorithm', 'where', 'why'],
    rows: faults.map(({ contestant, algorithm, framework, fault }) => [
      contestant,
      algorithm,
      framework === undefined ? 'in process' : (FRAMEWORKS[framework] ?? framework),
      fault,
    ]),
  };
}

/** A line per contestant, a cell per value of `column`; "–" where a contestant cannot do it. */
function byContestant(cells, values, column, write) {
  return distinct(cells, 'contestant').map((contestant) => [
    contestant,
    ...values.map((value) => {
      const row = cells.find((cell) => cell.contestant === contestant && cell[column] === value);
      return row === undefined ? '–' : write(row);
    }),
  ]);
}

function distinct(rows, member) {
  return [...new Set(rows.map((row) => row[member]))];
}
