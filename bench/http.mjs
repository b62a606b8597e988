import { startChild } from './children.mjs';
import { contestantsOf, remembers } from './contestants/index.mjs';
import { GENERATOR, sendLoad } from './load/load.mjs';
import { coldPools, warmPool } from './pools.mjs';
import { inStarts, medianOver, sizeOf } from './rounds.mjs';
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
/** Known tokens, in round 0: a service runs for days, and a process costs more in its first seconds. */
const WARM_UP_FACTOR = 4;
/** In round 0, for those that have verified next to nothing in the warm cells, where the others verified more than this. */
const COLD_WARM_UP_FACTOR = 8;

/**
 * What protecting a route costs over HTTP on loopback. Each server has a process of its own, several times over, with tokens of one algorithm;
 * within a framework they take turns.
 *
 * @returns {{ generator: string, rows: object[], faults: object[] }} a row per framework, contestant, algorithm and temperature
 */
export async function measureHttp(issuer, options, say) {
  const rows = [];
  const faults = [];
  for (const algorithm of options.httpAlgorithms) {
    const cells = cellsOf(algorithm, issuer, options);
    for (const framework of Object.keys(FRAMEWORKS)) {
      const start = async (count) => {
        say(`HTTP: ${FRAMEWORKS[framework]}, ${algorithm}, start ${count}`);
        const routes = await startRoutes(framework, issuer);
        const { fit, unfit } = await judgeAll(routes, issuer, algorithm);
        if (count === 1) faults.push(...unfit.map((row) => ({ framework, ...row })));
        return { entries: fit, stop: () => stopRoutes(routes) };
      };
      const measured = await inStarts(options, cells, start, measureRoute);
      for (const { cell, rounds, entries } of measured)
        for (const { name, kind } of entries)
          rows.push({
            contestant: name,
            kind,
            framework,
            algorithm,
            temperature: cell.temperature,
            ...summarise(rounds, name),
          });
    }
  }
  return { ...sizeOf(options), generator: GENERATOR, rows, faults };
}

async function startRoutes(framework, issuer) {
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
  return routes;
}

async function stopRoutes(routes) {
  await Promise.all([...new Set(routes.map(({ child }) => child))].map((child) => child.stop()));
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

/**
 * What each route gets in each round, known tokens and then new ones. Made once for all servers, which know nothing of each other.
 */
function cellsOf(algorithm, issuer, { httpSeconds, httpColdTokens }) {
  const inTurn = warmPool(issuer, algorithm);
  const leadInKnown = Array.from({ length: LEAD_IN.warm }, () => inTurn[0]);
  const theOne = inTurn.slice(0, 1);
  const known = (round, { isInTurn }) => ({
    leadIn: leadInKnown,
    tokens: isInTurn ? inTurn : theOne,
    seconds: httpSeconds * (round > 0 ? 1 : WARM_UP_FACTOR),
  });
  const leadIn = coldPools(issuer, algorithm, LEAD_IN.cold);
  const pool = coldPools(issuer, algorithm, httpColdTokens, COLD_WARM_UP_FACTOR);
  const unknown = (round, { needsWarmUp }) => ({
    leadIn: leadIn(round),
    tokens: round > 0 || needsWarmUp ? pool(round) : leadIn(round),
    seconds: httpSeconds,
    once: true,
  });
  return [
    { temperature: 'warm', load: known },
    // New tokens are in turn anyway.
    { temperature: 'cold', load: unknown, takes: ({ isInTurn }) => !isInTurn },
  ];
}

async function measureRoute(route, round, cell) {
  const { child, url, sendsToken } = route;
  const { leadIn, ...load } = cell.load(round, route);
  await sendLoad({ url, tokens: leadIn, once: true });
  await child.ask('begin');
  const { count, failed, perSecond } = await sendLoad({
    url,
    ...(sendsToken ? load : { seconds: load.seconds }),
  });
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
