import { FRAMEWORKS } from './http.mjs';
import { megabytes, ratio } from './tables.mjs';

const PRODUCT = 'oauth-resource-server';
/** CPU of a known token, to the open route; and throughput, to the route that leaves the token unread. */
const KNOWN_CPU = { express: 1.2, fastify: 1.35, nestjs: 1.3 };
const KNOWN_THROUGHPUT = { express: 0.9, fastify: 0.8, nestjs: 0.85 };
/** CPU of a new token, to the bare synchronous check of its signature. */
const NEW_CPU = { RS256: 1.4, PS256: 1.4, ES256: 1.25, EdDSA: 1.25 };
const NEW_THROUGHPUT_TO_BEST = 1.15;
const DPOP_CPU = 1.3;
/** The fastest ways to verify a token without a cache, and the fastest with one. */
const FAST_VERIFIERS = ['fast-jwt, key given', 'aws-jwt-verify'];
const FAST_CACHE = 'fast-jwt, key given, cache: true';
/** What counts as no growth: the collector and the compiler never leave a heap as it was. */
const NO_GROWTH_BYTES = 0.5 * 2 ** 20;

/**
 * What the package promises, and what was measured. Where several cells count, the worst of them.
 *
 * @returns {{ goal: string, limit: string, measured: string, isMet: boolean | undefined }[]} `isMet` is undefined where nothing was measured
 */
export function judgeGoals({ http, 'in-process': inProcess, growth }) {
  return [
    ...knownTokenGoals(http?.rows ?? []),
    ...newTokenGoals(inProcess?.rows ?? []),
    ...newTokenHttpGoals(http?.rows ?? []),
    ...flatGoals(growth?.figures ?? {}),
    ...heapGoals(growth?.figures.heap ?? []),
    ...strangerGoals(growth?.figures ?? {}),
    ...kindGoals(growth?.figures.kinds ?? []),
  ];
}

function knownTokenGoals(rows) {
  const warm = rows.filter(({ temperature }) => temperature === 'warm');
  const cached = warm.filter(({ contestant }) => contestant === FAST_CACHE);
  const leads = cached.map((row) => ({
    lead: throughputOf(PRODUCT, row, warm) / row.throughputToUnread,
  }));
  return [
    ...Object.entries(FRAMEWORKS).flatMap(([framework, title]) => {
      const own = ofProduct(warm).filter((row) => row.framework === framework);
      const throughput = `${title}, known token: throughput to the route that leaves it unread`;
      return [
        atMost(
          `${title}, known token: CPU to the open route`,
          KNOWN_CPU[framework],
          highest(own, 'cpuToUnprotected'),
        ),
        atLeast(throughput, KNOWN_THROUGHPUT[framework], lowest(own, 'throughputToUnread')),
      ];
    }),
    atLeast(`Known token: throughput to ${FAST_CACHE}, any cell`, 1, lowest(leads, 'lead')),
  ];
}

function throughputOf(contestant, { framework, algorithm }, rows) {
  const row = rows.find(
    (one) => one.contestant === contestant && one.framework === framework && one.algorithm === algorithm,
  );
  return row?.throughputToUnread;
}

function newTokenGoals(rows) {
  const cold = rows.filter(({ temperature }) => temperature === 'cold');
  const toFastest = ofProduct(cold).map((row) => {
    const fast = cold.filter(
      ({ contestant, algorithm, inFlight }) =>
        FAST_VERIFIERS.includes(contestant) && algorithm === row.algorithm && inFlight === row.inFlight,
    );
    return { ratio: row.cpuMicros / lowest(fast, 'cpuMicros') };
  });
  return [
    ...Object.entries(NEW_CPU).map(([algorithm, limit]) => {
      const own = ofProduct(cold).filter((row) => row.algorithm === algorithm);
      return atMost(
        `${algorithm}, new token: CPU to the bare check, one and 64 in flight`,
        limit,
        highest(own, 'cpuToCryptoVerify'),
      );
    }),
    atMost(`New token: CPU to ${FAST_VERIFIERS.join(' and ')}, any cell`, 1, highest(toFastest, 'ratio')),
  ];
}

/** The best of all that is measured, packages for the job and libraries under hand-written glue. */
function newTokenHttpGoals(rows) {
  const cold = rows.filter(({ temperature }) => temperature === 'cold');
  const leads = ofProduct(cold).map((row) => {
    const others = cold.filter(
      ({ kind, framework, algorithm }) =>
        (kind === 'middleware' || kind === 'library') &&
        framework === row.framework &&
        algorithm === row.algorithm,
    );
    return { lead: row.throughputToUnread / highest(others, 'throughputToUnread') };
  });
  const goal = 'New tokens over HTTP: throughput to the best of all others, any cell';
  return [atLeast(goal, NEW_THROUGHPUT_TO_BEST, lowest(leads, 'lead'))];
}

function flatGoals({ keys = [], issuers = [] }) {
  const of = (rows, variant) => ofProduct(rows).filter((row) => row.variant === variant);
  return [
    atMost('100 keys: CPU to one', 1.25, highest(of(keys, '100'), 'toFirst')),
    atMost('100 keys in turn: CPU to one', 1.25, highest(of(keys, '100, each in turn'), 'toFirst')),
    atMost('1,000 issuers: CPU to one', 1.25, highest(of(issuers, '1000'), 'toFirst')),
  ];
}

function heapGoals(rows) {
  const [first, ...others] = rows;
  const varied = others.at(-1);
  const garbage = others.at(-2);
  const last = others.at(-3);
  return [
    atMost(`Heap after ${first?.after ?? '10,000 distinct tokens'}`, 8 * 2 ** 20, first?.bytes, megabytes),
    atMost(
      `Its growth until ${last?.after ?? 'more'}`,
      NO_GROWTH_BYTES,
      last?.bytes - first?.bytes,
      megabytes,
    ),
    atMost(`Its growth by ${garbageOf(garbage)}`, NO_GROWTH_BYTES, garbage?.bytes - last?.bytes, megabytes),
    atMost(
      `Heap after ${varied?.after ?? 'tokens with varied scopes'}`,
      8 * 2 ** 20,
      varied?.bytes,
      megabytes,
    ),
  ];
}

function garbageOf(row) {
  return row?.after.replace('and ', '') ?? 'garbage tokens';
}

function strangerGoals({ floods = [], refusals = [] }) {
  const own = refusals.filter(({ sort }) => sort === 'product');
  const expired = own.filter(({ kind }) => kind === 'expired, of a trusted issuer');
  const garbage = own.filter(({ group }) => group === 'garbage');
  const flood = ofProduct(floods)[0];
  return [
    atMost(`Fetches that ${flood?.tokens ?? '10,000'} unknown kids cause`, 1, flood?.fetches, String),
    atMost('Refusing garbage: CPU to jose, any kind', 1.25, highest(garbage, 'toJose')),
    atMost('Refusing an expired token: CPU to jose', 0.25, highest(expired, 'toJose')),
  ];
}

function kindGoals(rows) {
  const of = (kind) => rows.filter((row) => row.kind === kind);
  return [
    atMost(
      "DPoP, known token: CPU to the proof's bare check, any cell",
      DPOP_CPU,
      highest(of('DPoP, known token'), 'toReference'),
    ),
    atMost(
      'DPoP, new token: CPU to both bare checks, any cell',
      DPOP_CPU,
      highest(of('DPoP, new token'), 'toReference'),
    ),
    atMost('A known opaque token: CPU to a known JWT', 1, highest(of('opaque, known'), 'toReference')),
  ];
}

function ofProduct(rows) {
  return rows.filter(({ contestant }) => contestant === PRODUCT);
}

function highest(rows, figure) {
  const values = figures(rows, figure);
  return values.length > 0 ? Math.max(...values) : undefined;
}

function lowest(rows, figure) {
  const values = figures(rows, figure);
  return values.length > 0 ? Math.min(...values) : undefined;
}

function figures(rows, figure) {
  return rows.map((row) => row[figure]).filter((value) => Number.isFinite(value));
}

function atMost(goal, limit, value, write = ratio) {
  return judged(goal, `≤ ${write(limit)}`, value, value <= limit, write);
}

function atLeast(goal, limit, value, write = ratio) {
  return judged(goal, `≥ ${write(limit)}`, value, value >= limit, write);
}

function judged(goal, limit, value, isMet, write) {
  const isMeasured = Number.isFinite(value);
  return { goal, limit, measured: isMeasured ? write(value) : '–', isMet: isMeasured ? isMet : undefined };
}
