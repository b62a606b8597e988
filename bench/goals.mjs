import { FRAMEWORKS } from './http.mjs';
import { megabytes, micros, ratio } from './tables.mjs';

const PRODUCT = 'oauth-resource-server';
const JWT_BEARER = 'express-oauth2-jwt-bearer';
const CPU_GOALS = { express: 1.2, fastify: 1.35, nestjs: 1.25 };
const THROUGHPUT_GOALS = { express: 0.9, fastify: 0.8, nestjs: 0.85 };
const LEAD_OVER_PEERS = 4;
const THREAD_GOALS = { RS256: 1.1, ES256: 0.75, EdDSA: 0.3 };
/** What counts as no growth: the collector and the compiler never leave a heap as it was. */
const NO_GROWTH_BYTES = 0.5 * 2 ** 20;

/**
 * What the package promises, and what was measured. Where several cells count, the worst of them.
 *
 * @returns {{ goal: string, limit: string, measured: string, isMet: boolean | undefined }[]} `isMet` is undefined where nothing was measured
 */
export function judgeGoals({ http, 'in-process': inProcess, growth }) {
  return [
    ...httpGoals(http?.rows ?? []),
    ...warmGoals(inProcess?.rows ?? []),
    ...coldGoals(inProcess?.rows ?? [], http?.rows ?? []),
    ...flatGoals(growth?.figures ?? {}),
    ...heapGoals(growth?.figures.heap ?? []),
    ...strangerGoals(growth?.figures ?? {}),
    ...kindGoals(growth?.figures.kinds ?? []),
  ];
}

function httpGoals(rows) {
  const warm = rows.filter(({ temperature }) => temperature === 'warm');
  return Object.entries(FRAMEWORKS).flatMap(([framework, title]) => {
    const inFramework = warm.filter((row) => row.framework === framework);
    const own = ofProduct(inFramework);
    const leads = own.map((row) => leadOverPeers(row, inFramework));
    return [
      atMost(
        `${title}, warm: CPU to the unprotected route`,
        CPU_GOALS[framework],
        highest(own, 'cpuToUnprotected'),
      ),
      atLeast(
        `${title}, warm: throughput to the route that leaves the token unread`,
        THROUGHPUT_GOALS[framework],
        lowest(own, 'throughputToUnread'),
      ),
      atLeast(`${title}, warm: throughput to the best peer`, LEAD_OVER_PEERS, lowest(leads, 'lead')),
    ];
  });
}

/** A peer is a package for the same job. What an application builds itself around a library is in the tables. */
function leadOverPeers({ algorithm, throughputToUnread }, rows) {
  const peers = rows.filter((row) => row.kind === 'middleware' && row.algorithm === algorithm);
  return { lead: throughputToUnread / highest(peers, 'throughputToUnread') };
}

function warmGoals(rows) {
  const warm = ofProduct(rows).filter(({ temperature }) => temperature === 'warm');
  const rs256 = warm.filter(({ algorithm }) => algorithm === 'RS256');
  return [
    atMost('A hit in process, CPU', 5, highest(warm, 'cpuMicros'), micros),
    atMost('A hit in process, CPU to crypto.verify of RS256', 0.1, highest(rs256, 'cpuToCryptoVerify')),
  ];
}

function coldGoals(rows, httpRows) {
  const cold = ofProduct(rows).filter(({ temperature }) => temperature === 'cold');
  const overHttp = httpRows.filter(
    ({ framework, temperature }) => framework === 'express' && temperature === 'cold',
  );
  return [
    atMost('Cold: CPU to jose jwtVerify, any algorithm', 1.1, highest(cold, 'cpuToJose')),
    atMost(`Cold in process: CPU to ${JWT_BEARER}, any cell`, 1, highest(cold, 'cpuToJwtBearer')),
    atMost(`Cold over HTTP: CPU to ${JWT_BEARER}, any cell`, 1, highest(toJwtBearer(overHttp), 'ratio')),
    ...Object.entries(THREAD_GOALS).map(([algorithm, limit]) => {
      const cell = cold.filter((row) => row.algorithm === algorithm && row.inFlight === 64);
      const goal = `Cold, 64 in flight, ${algorithm}: the event loop's CPU to crypto.verify`;
      return atMost(goal, limit, highest(cell, 'threadToCryptoVerify'));
    }),
  ];
}

function toJwtBearer(rows) {
  return ofProduct(rows).map(({ algorithm, cpuMicros }) => {
    const bearer = rows.find((row) => row.contestant === JWT_BEARER && row.algorithm === algorithm);
    return { ratio: cpuMicros / bearer?.cpuMicros };
  });
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
  const garbage = others.at(-1);
  const last = others.at(-2);
  return [
    atMost(`Heap after ${first?.after ?? '10,000 distinct tokens'}`, 8 * 2 ** 20, first?.bytes, megabytes),
    atMost(
      `Its growth until ${last?.after ?? 'more'}`,
      NO_GROWTH_BYTES,
      last?.bytes - first?.bytes,
      megabytes,
    ),
    atMost(`Its growth by ${garbageOf(garbage)}`, NO_GROWTH_BYTES, garbage?.bytes - last?.bytes, megabytes),
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
      'DPoP: CPU to its two signature checks, any cell',
      1.3,
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
