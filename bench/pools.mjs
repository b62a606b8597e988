import { mintMany } from './tokens.mjs';

/** One for each connection, or each operation in flight. */
const WARM_TOKENS = 64;

/** The same few tokens in every round. */
export function warmPool({ keys, trust }, algorithm) {
  return mintMany(WARM_TOKENS, keys[algorithm], trust.issuer);
}

/** In each round tokens that nobody has seen before. */
export function coldPools({ keys, trust }, algorithm, count, warmUpFactor) {
  return newInEachRound((size) => mintMany(size, keys[algorithm], trust.issuer), count, warmUpFactor);
}

/**
 * In each round something new, the same for all who ask in that round. Round 0, to warm up, may have more, since a contestant with a cache verifies only
 * these.
 */
export function newInEachRound(make, count, warmUpFactor = 1) {
  const pools = new Map();
  return (round) => {
    if (!pools.has(round)) pools.set(round, make(round === 0 ? count * warmUpFactor : count));
    return pools.get(round);
  };
}
