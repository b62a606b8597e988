import { startChild } from './children.mjs';
import { contestantsOf, remembers } from './contestants/index.mjs';
import { GENERATOR, sendLoad } from './load/load.mjs';
import { coldPools, warmPool } from './pools.mjs';
import { inRounds, medianOver } from './rounds.mjs';
import { CLIENT, forgeries, mint } from './tokens.mjs';

/** Also their names on paper. */
export const FRAMEWORKS = { express: 'Express 5', fastify: 'Fastify 5', nestjs: 'NestJS 12' };
export const UNPROTECTED = 'unprotected, no token sent';
export const UNREAD = 'unprotected, token not read';
const PRODUCT = 'oauth-resource-server';
/** Its tokens come over any connection, as behind a proxy. */
export const IN_TURN = `${PRODUCT}, 64 tokens in turn`;

/** The server has waited while the others had their turns, and its code has left the processor's caches: so its first requests don't count. */
const LEAD_IN = { warm: 4096, cold: 1024 };
/** In round 0, for those that have verified next to nothing in the warm cells, where the others verified more than this. */
const WARM_UP_FACTOR = 8;

/**
 * What protecting a route costs over HTTP on loopback. Each server has a process of its own; within a framework they take turns.
 *
 * @returns {{ generator: string, rows: object[], faults: object[] }} a row per framework, contestant, algorithm and temperature
 */
export async function measureHttp(issuer, options, say) {
  const loadOf = createLoads(issuer, options);
  const rows = [];
  const faults = [];
  for (const framework of Object.keys(FRAMEWORKS)) {
    const result = await measureFramework(framework, issuer, loadOf, options, say);
    rows.push(...result.rows);
    faults.push(...result.faults);
  }
  return { generator: GENERATOR, rows, faults };
}

async function measureFramework(framework, issuer, loadOf, options, say) {
  const open = await startServer({ framework });
  const routes = [
    { ...open, name: UNPROTECTED, kind: 'reference', sendsToken: false },
    { ...open, name: UNREAD, kind: 'reference', sendsToken: true },
  ];
  for (const contestant of contestantsOf(framework)) {
    const server = await startServer({ framework, contestant, trust: issuer.trust });
    routes.push({ ...contestant, ...server, sendsToken: true, needsWarmUp: remembers(contestant) });
    if (contestant.name === PRODUCT)
      routes.push({ ...contestant, ...server, name: IN_TURN, sendsToken: true, isInTurn: true });
  }
  try {
    const rows = [];
    const faults = [];
    for (const algorithm of options.httpAlgorithms) {
      const { fit, unfit } = await judgeAll(routes, issuer, algorithm);
      faults.push(...unfit.map((row) => ({ framework, ...row })));
      for (const temperature of ['warm', 'cold']) {
        say(`HTTP: ${FRAMEWORKS[framework]}, ${algorithm} ${temperature}`);
        const cell = { framework, algorithm, temperature };
        // New tokens are in turn anyway.
        const measured = fit.filter(({ isInTurn }) => !isInTurn || temperature === 'warm');
        rows.push(...(await measureCell(measured, cell, loadOf(cell), options)));
      }
    }
    return { rows, faults };
  } finally {
    await Promise.all([...new Set(routes.map(({ child }) => child))].map((child) => child.stop()));
  }
}

async function startServer(what) {
  const child = startChild('./workers/serve.mjs', ['--expose-gc']);
  const { port } = await child.ask('start', what);
  return { child, url: `http://127.0.0.1:${port}/stock/42` };
}

async function judgeAll(routes, issuer, algorithm) {
  const fit = [];
  const unfit = [];
  for (const route of routes) {
    if (route.algorithms !== undefined && !route.algorithms.includes(algorithm)) continue;
    const fault = route.kind === 'reference' ? undefined : await faultOf(route, issuer, algorithm);
    if (fault === undefined) fit.push(route);
    else unfit.push({ contestant: route.name, algorithm, fault });
  }
  return { fit, unfit };
}

/**
 * What keeps a contestant from being measured: what it lets through, or doesn't; undefined if nothing does.
 *
 * @param header of the tokens, if not the usual one
 */
export async function faultOf({ url }, issuer, algorithm, header) {
  const key = issuer.keys[algorithm];
  const { issuer: iss } = issuer.trust;
  const valid = mint(key, iss, {}, header);
  const bad = { ...forgeries(key, iss, header), 'a request without a token': undefined };
  const scopeless = mint(key, iss, { scope: 'other' }, header);

  if (!(await isServed(url, valid))) return 'does not accept a valid token';
  for (const [name, token] of Object.entries(bad)) {
    const { status } = await get(url, token);
    if (status !== 401 && status !== 400) return `does not refuse ${name}: answers ${status}`;
  }
  const { status } = await get(url, scopeless);
  if (status !== 403) return `does not refuse a token without the scope: answers ${status}`;
  return (await isServed(url, valid)) ? undefined : 'does not accept a valid token again';
}

async function isServed(url, token) {
  const { status, body } = await get(url, token);
  return status === 200 && body.caller === CLIENT;
}

async function get(url, token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers });
  const text = await response.text();
  return { status: response.status, body: response.ok ? JSON.parse(text) : undefined };
}

async function measureCell(routes, cell, load, options) {
  const rounds = await inRounds(options.rounds, routes, (route, round) =>
    measureRoute(route, load(round, route), options.httpSeconds),
  );
  return routes.map(({ name, kind }) => ({ contestant: name, kind, ...cell, ...summarise(rounds, name) }));
}

/** What each route gets in each round, by algorithm and temperature. Made once for all frameworks, whose servers know nothing of each other. */
function createLoads(issuer, { httpAlgorithms, httpSeconds, httpColdTokens }) {
  const loads = new Map();
  for (const algorithm of httpAlgorithms) {
    const inTurn = warmPool(issuer, algorithm);
    const warm = {
      leadIn: Array.from({ length: LEAD_IN.warm }, () => inTurn[0]),
      tokens: inTurn.slice(0, 1),
      inTurn,
      seconds: httpSeconds,
    };
    loads.set(`${algorithm} warm`, () => warm);
    const leadIn = coldPools(issuer, algorithm, LEAD_IN.cold);
    const pool = coldPools(issuer, algorithm, httpColdTokens, WARM_UP_FACTOR);
    loads.set(`${algorithm} cold`, (round, { needsWarmUp }) => ({
      leadIn: leadIn(round),
      tokens: round > 0 || needsWarmUp ? pool(round) : leadIn(round),
      once: true,
    }));
  }
  return ({ algorithm, temperature }) => loads.get(`${algorithm} ${temperature}`);
}

async function measureRoute({ child, url, sendsToken, isInTurn }, { leadIn, inTurn, ...load }, seconds) {
  await sendLoad({ url, tokens: leadIn, once: true });
  await child.ask('begin');
  const sent = { url, ...load, ...(isInTurn && { tokens: inTurn }) };
  const { count, failed, perSecond } = await sendLoad(sendsToken ? sent : { url, seconds });
  const { cpuMicros, threadMicros, delayP99Ms } = await child.ask('end');
  return {
    perSecond,
    failed,
    cpuMicros: cpuMicros / count,
    threadMicros: threadMicros && threadMicros / count,
    delayP99Ms,
  };
}

function summarise(rounds, name) {
  const own = (figure) => medianOver(rounds, (round) => round.get(name)[figure]);
  const ratio = (figure, reference) =>
    medianOver(rounds, (round) => round.get(name)[figure] / round.get(reference)[figure]);
  const failed = rounds.reduce((sum, round) => sum + round.get(name).failed, 0);
  return {
    perSecond: own('perSecond'),
    cpuMicros: own('cpuMicros'),
    delayP99Ms: own('delayP99Ms'),
    cpuToUnprotected: ratio('cpuMicros', UNPROTECTED),
    cpuToUnread: ratio('cpuMicros', UNREAD),
    threadToUnread: ratio('threadMicros', UNREAD),
    throughputToUnread: ratio('perSecond', UNREAD),
    failed,
  };
}
