import { parseArgs } from 'node:util';
import { ALGORITHMS } from './tokens.mjs';

export const PARTS = ['in-process', 'http', 'glue', 'hono', 'growth'];

/** How much is measured. The default takes a good hour. */
const SIZES = {
  default: {
    rounds: 7,
    starts: 3,
    roundsPerStart: 3,
    coldTokens: 1024,
    warmMs: 120,
    httpSeconds: 1,
    httpColdTokens: 5120,
    httpAlgorithms: ['RS256', 'ES256'],
    glueSeconds: 2,
    growthTokens: 320,
    refusals: 1024,
    unknownKids: 10_000,
    floodMs: 10_000,
    distinctTokens: [10_000, 100_000],
    garbageTokens: 1_000_000,
  },
  full: {
    httpAlgorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    distinctTokens: [10_000, 100_000, 1_000_000],
  },
  /** To see that it works. Its figures say nothing. */
  quick: {
    rounds: 2,
    starts: 1,
    roundsPerStart: 2,
    coldTokens: 128,
    warmMs: 20,
    httpColdTokens: 640,
    httpAlgorithms: ['RS256'],
    glueSeconds: 1,
    growthTokens: 128,
    refusals: 256,
    unknownKids: 500,
    floodMs: 1000,
    distinctTokens: [2000, 4000],
    garbageTokens: 10_000,
  },
};

const USAGE = `node bench/run.mjs [--quick | --full] [--only ${PARTS.join('|')}]… [--algorithm ${ALGORITHMS.join('|')}]… [--write] [--gate]`;

export function readOptions() {
  const { quick, full, only, algorithm, write, gate, help } = parseArguments();
  const unknown = [
    ...only.filter((part) => !PARTS.includes(part)),
    ...algorithm.filter((name) => !ALGORITHMS.includes(name)),
  ];
  if (help || unknown.length > 0 || (quick && full)) {
    console.log(USAGE);
    process.exit(help ? 0 : 1);
  }
  const size = quick ? 'quick' : full ? 'full' : 'default';
  return {
    size,
    ...SIZES.default,
    ...SIZES[size],
    ...(algorithm.length > 0 && { httpAlgorithms: algorithm }),
    parts: only.length > 0 ? only : PARTS,
    write,
    gate,
  };
}

function parseArguments() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      algorithm: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', multiple: true, default: [] },
      write: { type: 'boolean', default: false },
      gate: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return values;
}
