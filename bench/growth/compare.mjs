import { createLocalJWKSet, jwtVerify } from 'jose';
import { createResourceServer } from 'oauth-resource-server';
import { requestWith } from '../contestants/middleware-call.mjs';
import { authenticating } from '../contestants/product.mjs';
import { measure } from '../measure.mjs';
import { inRounds, medianOver } from '../rounds.mjs';
import { AUDIENCE } from '../tokens.mjs';

const WARM_TOKENS = 1000;
const WARM_UP_FACTOR = 4;
const IN_FLIGHT = 64;

/**
 * What verifying costs in several variants of one thing, as ratios to the first.
 *
 * @typedef {{ operation: (input: unknown) => unknown, prepare: (token: string) => unknown }} Verifier
 * @param {{ variant: string, verifiers: Record<string, Verifier>, mint: (index: number) => string }[]} variants the same verifiers in each
 */
export async function compare(variants, { rounds: count, growthTokens, warmMs }) {
  const rows = [];
  for (const temperature of ['warm', 'cold']) {
    const loadOf = (make) => (temperature === 'warm' ? warmLoad(make, warmMs) : coldLoad(make, growthTokens));
    const entries = variants.flatMap(({ variant, verifiers, mint }) =>
      Object.entries(verifiers).map(([contestant, { operation, prepare }]) => ({
        name: `${contestant}: ${variant}`,
        variant,
        contestant,
        first: `${contestant}: ${variants[0].variant}`,
        operation,
        load: loadOf((index) => prepare(mint(index))),
      })),
    );
    const rounds = await inRounds(count, entries, ({ operation, load }, round) => {
      const { inputs, minimumMs } = load(round);
      return measure(operation, inputs, { inFlight: IN_FLIGHT, minimumMs });
    });
    rows.push(...entries.map((entry) => ({ ...describe(entry, rounds), temperature })));
  }
  return rows;
}

function describe({ name, first, variant, contestant }, rounds) {
  return {
    contestant,
    variant,
    cpuMicros: medianOver(rounds, (round) => round.get(name).cpuMicros),
    toFirst: medianOver(rounds, (round) => round.get(name).cpuMicros / round.get(first).cpuMicros),
  };
}

function warmLoad(make, minimumMs) {
  const inputs = Array.from({ length: WARM_TOKENS }, (_, index) => make(index));
  return () => ({ inputs, minimumMs });
}

function coldLoad(make, count) {
  return (round) => ({
    inputs: Array.from({ length: round === 0 ? count * WARM_UP_FACTOR : count }, (_, index) => make(index)),
    minimumMs: 0,
  });
}

/** The product with keys given, which needs no network. */
export function productWith(issuers) {
  const server = createResourceServer({ issuer: issuers, audience: AUDIENCE });
  return { operation: authenticating(server), prepare: requestWith };
}

/** jose with keys given. */
export function joseWith(issuer, jwks) {
  const keys = createLocalJWKSet(jwks);
  return {
    operation: (token) => jwtVerify(token, keys, { issuer, audience: AUDIENCE }),
    prepare: (token) => token,
  };
}
