import autocannon from 'autocannon';

const CONNECTIONS = 64;
/** The slowest contestants would take minutes for all tokens. */
const LONGEST_MS = 4000;

/** The load generator for where wrk is not installed. Each connection has its share of the tokens. */
export async function sendLoad({ url, tokens, seconds, once = false }) {
  const requestsOf = share(tokens);
  let connection = 0;
  const startedAt = performance.now();
  const run = autocannon({
    url,
    connections: CONNECTIONS,
    setupClient: (client) => client.setRequests(requestsOf(connection++)),
    sampleInt: 20, // autocannon ends at the end of a sample
    ...(once ? { amount: tokens.length } : { duration: seconds }),
  });
  const answers = { count: 0, refused: 0, lastAt: startedAt };
  run.on('response', (_client, status) => {
    answers.count += 1;
    if (status !== 200) answers.refused += 1;
    answers.lastAt = performance.now();
  });
  const limit = setTimeout(() => run.stop(), LONGEST_MS);
  const { errors } = await run;
  clearTimeout(limit);
  const { count, refused, lastAt } = answers;
  return { count, failed: refused + errors, perSecond: (count * 1000) / (lastAt - startedAt) };
}

function share(tokens) {
  if (tokens === undefined) return () => [{ method: 'GET' }];
  const size = Math.ceil(tokens.length / CONNECTIONS);
  return (connection) =>
    tokens
      .slice(connection * size, (connection + 1) * size)
      .map((token) => ({ method: 'GET', headers: { authorization: `Bearer ${token}` } }));
}
