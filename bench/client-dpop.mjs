// What proofs of possession cost a client: calls of an API with a bearer token, the same calls with DPoP, and the bearer
// calls with a bare signature before each, taken in turns in one process. A signature in a loop of its own would be too
// cheap: there the processor has nothing else in its caches. `node bench/client-dpop.mjs [rounds]`, after `npm run build`.
import { generateKeyPairSync, sign } from 'node:crypto';
import { createClientCredentials } from '../dist/src/client/index.js';

const GOAL = 1.3;
const CALLS = 2000;
const rounds = Number(process.argv[2] ?? 21);
const API = 'https://inventory.example.com';
const PATH = `${API}/stock/42`;
const ALGORITHMS = {
  ES256: { key: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), digest: 'sha256' },
  EdDSA: { key: () => generateKeyPairSync('ed25519'), digest: null },
  RS256: { key: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), digest: 'sha256' },
};

let isMet = true;
for (const [algorithm, { key, digest }] of Object.entries(ALGORITHMS)) {
  const { privateKey } = key();
  const bearer = createClient('Bearer', undefined);
  const dpop = createClient('DPoP', { key: privateKey, algorithm });
  const message = Buffer.alloc(500, 'a'); // as long as a proof
  const kinds = {
    bearer: () => bearer.fetch(PATH),
    dpop: () => dpop.fetch(PATH),
    signed: () => {
      sign(digest, message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return bearer.fetch(PATH);
    },
  };
  const costs = { bearer: [], dpop: [], signed: [] };
  for (let round = -2; round < rounds; round += 1)
    for (const [kind, run] of Object.entries(kinds)) {
      const cost = await microsecondsPerCall(run);
      if (round >= 0) costs[kind].push(cost); // the first ones warm up
    }
  const ratios = costs.bearer.map((cost, round) => (costs.dpop[round] - cost) / (costs.signed[round] - cost));
  const ratio = median(ratios);
  isMet &&= ratio <= GOAL;
  const figures = Object.entries(costs).map(([kind, values]) => `${kind} ${median(values).toFixed(1)} µs`);
  console.log(`${algorithm}: ${figures.join(', ')}; proof to signature ${ratio.toFixed(2)} (goal: ${GOAL})`);
}
if (!isMet) process.exitCode = 1;

/** A client with a token, of an API that is a function. */
function createClient(type, dpop) {
  const granted = JSON.stringify({ access_token: 'x'.repeat(900), token_type: type, expires_in: 3600 });
  return createClientCredentials({
    issuer: 'https://auth.example.com',
    tokenEndpoint: 'https://auth.example.com/token',
    clientId: 'order-service',
    clientSecret: 'secret',
    resource: API,
    fetch: async (input) => new Response(String(input) === PATH ? '{}' : granted),
    ...(dpop === undefined ? {} : { dpop }),
  });
}

/** Processor time, the garbage collector's included. */
async function microsecondsPerCall(run) {
  const before = process.cpuUsage();
  for (let call = 0; call < CALLS; call += 1) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}
