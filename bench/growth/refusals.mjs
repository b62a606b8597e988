import { judgeAll } from '../in-process.mjs';
import { inRounds, medianOver } from '../rounds.mjs';
import { garbage, mint, refusable, withUnknownKid } from '../tokens.mjs';

const ALGORITHM = 'ES256';
const IN_FLIGHT = 64;
const REFERENCE = 'jose by hand';

/** What refusing costs, by kind of token, beside jose. */
export async function measureRefusals(contestants, issuer, { rounds: count, refusals }, say) {
  const { fit } = await judgeAll(contestants, issuer, ALGORITHM);
  const key = issuer.keys[ALGORITHM];
  const rows = [];
  for (const [kind, make] of Object.entries({ ...garbage, ...refusable })) {
    say(`growth: refusing, ${kind}`);
    const group = Object.hasOwn(garbage, kind) ? 'garbage' : 'refusable';
    const makeMany = (size) => Array.from({ length: size }, () => make(key, issuer.trust.issuer));
    const refusing = await thoseThatRefuse(fit, makeMany(1));
    let tokens = [];
    let madeIn;
    const rounds = await inRounds(count, refusing, ({ child }, round) => {
      if (madeIn !== round) tokens = makeMany(refusals);
      madeIn = round;
      return child.ask('measureRefusing', { algorithm: ALGORITHM, tokens, inFlight: IN_FLIGHT });
    });
    rows.push(
      ...fit.map(({ name, kind: sort }) => ({
        contestant: name,
        sort,
        kind,
        group,
        ...summarise(rounds, name),
      })),
    );
  }
  return rows;
}

async function thoseThatRefuse(contestants, tokens) {
  const refusing = [];
  for (const contestant of contestants) {
    const [{ accepted }] = await contestant.child.ask('judge', { algorithm: ALGORITHM, tokens });
    if (!accepted) refusing.push(contestant);
  }
  return refusing;
}

function summarise(rounds, name) {
  if (!rounds[0].has(name)) return { accepts: true };
  return {
    cpuMicros: medianOver(rounds, (round) => round.get(name).cpuMicros),
    toJose: medianOver(rounds, (round) => round.get(name).cpuMicros / round.get(REFERENCE).cpuMicros),
    perSecond: medianOver(rounds, (round) => 1e6 / round.get(name).wallMicros),
  };
}

/** How often the issuer is asked for its keys when tokens name keys that it does not have. */
export async function measureFloods(contestants, issuer, { unknownKids, floodMs }, say) {
  const { fit } = await judgeAll(contestants, issuer, ALGORITHM);
  const key = issuer.keys[ALGORITHM];
  const tokens = withUnknownKid(unknownKids, key, issuer.trust.issuer);
  const rows = [];
  for (const { name, kind, child } of fit) {
    say(`growth: unknown keys, ${name}`);
    // Loads the keys, if they are not loaded.
    await child.ask('judge', { algorithm: ALGORITHM, tokens: [mint(key, issuer.trust.issuer)] });
    const before = issuer.fetches;
    const { calls, seconds } = await child.ask('flood', {
      algorithm: ALGORITHM,
      tokens,
      inFlight: IN_FLIGHT,
      limitMs: floodMs,
    });
    rows.push({
      contestant: name,
      kind,
      tokens: calls,
      perSecond: calls / seconds,
      fetches: issuer.fetches - before,
    });
  }
  return rows;
}
