import { startChild } from './children.mjs';
import { contestantsOf } from './contestants/index.mjs';
import { coldPools, warmPool } from './pools.mjs';
import { inStarts, medianOver, sizeOf } from './rounds.mjs';
import { ALGORITHMS, forgeries, mint } from './tokens.mjs';

const IN_FLIGHT = [1, 64];
/** About as many verifications as the others have behind them from the warm cells, where those with a cache verify nothing. */
const WARM_UP_FACTOR = 32;

/**
 * What it costs to verify a token, without HTTP. Each contestant has a process of its own, several times over, with tokens of one algorithm;
 * they take turns.
 *
 * @returns {{ rows: object[], faults: object[] }} a row per contestant, algorithm, temperature and number in flight
 */
export async function measureInProcess(issuer, options, say) {
  const rows = [];
  const faults = [];
  for (const algorithm of ALGORITHMS) {
    const start = async (count) => {
      say(`in process: ${algorithm}, start ${count}`);
      const contestants = await startVerifiers(contestantsOf('inProcess'), issuer.trust);
      const { fit, unfit } = await judgeAll(contestants, issuer, algorithm);
      if (count === 1) faults.push(...unfit);
      return {
        entries: fit,
        stop: () => Promise.all(contestants.map(({ child }) => child.stop())),
      };
    };
    const cells = cellsOf(algorithm, issuer, options);
    const measured = await inStarts(options, cells, start, ({ child }, round, { inFlight, load }) =>
      child.ask('measure', { algorithm, inFlight, ...load(round) }),
    );
    for (const { cell, rounds, entries } of measured) {
      const { load, ...described } = cell;
      for (const { name, kind } of entries)
        rows.push({ contestant: name, kind, ...described, ...summarise(rounds, name) });
    }
  }
  return { ...sizeOf(options), rows, faults };
}

/** What each contestant gets in each round is made once for all starts, whose processes know nothing of each other. */
function cellsOf(algorithm, issuer, options) {
  return ['warm', 'cold'].flatMap((temperature) =>
    IN_FLIGHT.map((inFlight) => {
      const cell = { algorithm, temperature, inFlight };
      const load =
        temperature === 'warm' ? warmLoads(issuer, cell, options) : coldLoads(issuer, cell, options);
      return { ...cell, load };
    }),
  );
}

/** Starts a process for each. */
export async function startVerifiers(contestants, trust) {
  return Promise.all(
    contestants.map(async (contestant) => {
      const child = startChild('./workers/verify.mjs');
      await child.ask('start', { contestant, trust });
      return { ...contestant, child };
    }),
  );
}

/** Those that accept a valid token and refuse what must be refused, and why the others are not among them. */
export async function judgeAll(contestants, issuer, algorithm) {
  const fit = [];
  const unfit = [];
  for (const contestant of contestants.filter(({ algorithms }) => algorithms.includes(algorithm))) {
    const fault = await faultOf(contestant, issuer, algorithm);
    if (fault === undefined) fit.push(contestant);
    else unfit.push({ contestant: contestant.name, algorithm, fault });
  }
  return { fit, unfit };
}

/** The references look at no claims, or at few: they are no contestants and refuse what they can. */
async function faultOf({ child, kind }, issuer, algorithm) {
  const key = issuer.keys[algorithm];
  const valid = mint(key, issuer.trust.issuer);
  const bad = Object.entries(forgeries(key, issuer.trust.issuer));
  const tokens = [valid, ...bad.map(([, token]) => token), valid];
  const verdicts = await child.ask('judge', { algorithm, tokens });
  for (const { accepted, why } of [verdicts.at(0), verdicts.at(-1)]) {
    if (!accepted) return `does not accept a valid token: ${why}`;
  }
  const mustRefuse = kind === 'reference' ? bad.slice(0, 1) : bad;
  const missed = mustRefuse.find((_, index) => verdicts[index + 1].accepted);
  return missed && `does not refuse ${missed[0]}`;
}

function warmLoads(issuer, { algorithm }, { warmMs }) {
  const few = warmPool(issuer, algorithm);
  // A long pass, so that starting it weighs nothing.
  const tokens = Array.from({ length: 16 }, () => few).flat();
  return () => ({ tokens, minimumMs: warmMs });
}

function coldLoads(issuer, { algorithm }, { coldTokens }) {
  const pool = coldPools(issuer, algorithm, coldTokens, WARM_UP_FACTOR);
  return (round) => ({ tokens: pool(round), minimumMs: 0 });
}

function summarise(rounds, name) {
  const own = (figure) => medianOver(rounds, (round) => round.get(name)[figure]);
  const ratio = (figure, reference, otherFigure = figure) =>
    medianOver(rounds, (round) => round.get(name)[figure] / round.get(reference)[otherFigure]);
  return {
    cpuMicros: own('cpuMicros'),
    threadMicros: own('threadMicros'),
    cpuToCryptoVerify: ratio('cpuMicros', 'crypto.verify'),
    cpuToJose: ratio('cpuMicros', 'jose jwtVerify'),
    // A synchronous verification runs on this thread alone: its whole cost is the event loop's.
    threadToCryptoVerify: ratio('threadMicros', 'crypto.verify'),
    cpuToJwtBearer: rounds[0].has('express-oauth2-jwt-bearer')
      ? ratio('cpuMicros', 'express-oauth2-jwt-bearer')
      : undefined,
  };
}
