import { createServer } from 'node:http';
import { ALGORITHMS, AUDIENCE, createSigningKey, SCOPE } from './tokens.mjs';

const JWKS_PATH = '/.well-known/jwks.json'; // where get-jwks looks

/**
 * An issuer with one key per algorithm, on an ephemeral port of the loopback interface. It counts the fetches of its keys.
 */
export async function startIssuer() {
  const keys = Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, createSigningKey(algorithm)]));
  const jwks = { keys: Object.values(keys).map(({ jwk }) => jwk) };
  let fetches = 0;
  const server = createServer((request, response) => {
    if (request.url === JWKS_PATH) fetches += 1;
    response.setHeader('Content-Type', 'application/json');
    response.statusCode = request.url === JWKS_PATH ? 200 : 404;
    response.end(request.url === JWKS_PATH ? JSON.stringify(jwks) : '{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    keys,
    /** What a contestant is told of it. Plain data, since it goes to child processes. */
    trust: {
      issuer: url,
      audience: AUDIENCE,
      scope: SCOPE,
      jwksUri: `${url}${JWKS_PATH}`,
      jwks,
      pems: Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, keys[algorithm].pem])),
    },
    get fetches() {
      return fetches;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
