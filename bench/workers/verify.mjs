import { answerWith } from '../children.mjs';
import { loadContestant } from '../contestants/index.mjs';
import { measure, refusing } from '../measure.mjs';

/** One contestant in a process of its own: it makes its verifiers once and is then asked for rounds. */
const state = { module: undefined, options: undefined, trust: undefined, verifiers: new Map() };

answerWith({
  async start({ contestant, trust }) {
    Object.assign(state, { module: await loadContestant(contestant), options: contestant.options, trust });
  },

  /** What becomes of each token: whether it is accepted, or why not. */
  async judge({ algorithm, tokens }) {
    const verify = await verifierFor(algorithm);
    const verdicts = [];
    for (const token of tokens) verdicts.push(await judge(verify, prepare(token)));
    return verdicts;
  },

  async measure({ algorithm, tokens, ...how }) {
    return measure(await verifierFor(algorithm), tokens.map(prepare), how);
  },

  async measureRefusing({ algorithm, tokens, ...how }) {
    return measure(refusing(await verifierFor(algorithm)), tokens.map(prepare), how);
  },

  /** Refuses as many of the tokens as it can within a time. */
  async flood({ algorithm, tokens, inFlight, limitMs }) {
    const refuse = refusing(await verifierFor(algorithm));
    const inputs = tokens.map(prepare);
    const startedAt = performance.now();
    let calls = 0;
    const lane = async () => {
      while (calls < inputs.length && performance.now() - startedAt < limitMs) await refuse(inputs[calls++]);
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return { calls, seconds: (performance.now() - startedAt) / 1000 };
  },
});

async function verifierFor(algorithm) {
  const { module, options, trust, verifiers } = state;
  if (!verifiers.has(algorithm)) {
    verifiers.set(
      algorithm,
      await module.inProcess({ ...trust, algorithm, pem: trust.pems[algorithm] }, options),
    );
  }
  return verifiers.get(algorithm);
}

function prepare(token) {
  return state.module.prepare?.(token) ?? token;
}

async function judge(verify, input) {
  try {
    await verify(input);
    return { accepted: true };
  } catch (error) {
    return { accepted: false, why: String(error?.message ?? error) };
  }
}
