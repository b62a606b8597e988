import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createResourceServer } from 'oauth-resource-server';
import { newSocket, requestWith } from '../contestants/middleware-call.mjs';
import { authenticating } from '../contestants/product.mjs';
import { measure } from '../measure.mjs';
import { newInEachRound } from '../pools.mjs';
import { inRounds, medianOver } from '../rounds.mjs';
import {
  AUDIENCE,
  CLIENT,
  createSigningKey,
  mint,
  mintProof,
  SCOPE,
  signatureParameters,
  thumbprintOf,
} from '../tokens.mjs';

const ISSUER = 'https://issuer.example.com';
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const IN_FLIGHT = [1, 64];
/** Where the requests of `requestWith` go. */
const TARGET = 'http://inventory.example.com/stock/42';
const WARM_TOKENS = 64;
/** So that no code is left to compile. */
const WARM_UP_FACTOR = 40;

/** What a token costs that is more, or less, than a signed bearer token: bound to a key, or opaque. */
export async function measureKinds(options) {
  const rows = [];
  for (const algorithm of ALGORITHMS) {
    for (const inFlight of IN_FLIGHT) rows.push(...(await measureBound(algorithm, inFlight, options)));
  }
  rows.push(await measureOpaque(options));
  return rows;
}

/** A request with DPoP needs the signature of the proof checked each time, and that of the access token the first time. */
async function measureBound(algorithm, inFlight, { rounds: count, growthTokens }) {
  const key = createSigningKey(algorithm);
  const client = createSigningKey(algorithm);
  const operation = authenticating(
    createResourceServer({ issuer: { issuer: ISSUER, jwks: { keys: [key.jwk] } }, audience: AUDIENCE }),
  );
  const checkOne = signatureCheck(client);
  const checkOther = signatureCheck(key);
  const newToken = () => mint(key, ISSUER, { cnf: { jkt: thumbprintOf(client) } });
  const known = newToken();
  const pairsWith = (tokenOf) => (size) =>
    Array.from({ length: size }, () => {
      const token = tokenOf();
      return { token, proof: mintProof(client, TARGET, token) };
    });
  const pairs = {
    new: newInEachRound(pairsWith(newToken), growthTokens, WARM_UP_FACTOR),
    known: newInEachRound(
      pairsWith(() => known),
      growthTokens,
      WARM_UP_FACTOR,
    ),
  };
  // A service sends its token over one connection.
  const socket = newSocket();
  const requests = (all) =>
    all.map(({ token, proof }) => requestWith(token, { scheme: 'DPoP', dpop: proof, socket }));

  const entries = [
    { name: 'new token', of: 'new', operation, prepare: requests },
    { name: 'its two checks', of: 'new', operation: bothChecks(checkOther, checkOne), prepare: asTheyAre },
    { name: 'known token', of: 'known', operation, prepare: requests },
    { name: 'its one check', of: 'known', operation: ({ proof }) => checkOne(proof), prepare: asTheyAre },
  ];
  const rounds = await inRounds(count, entries, ({ operation, of, prepare }, round) => {
    return measure(operation, prepare(pairs[of](round)), { inFlight });
  });
  const cell = { algorithm, inFlight };
  return [
    { kind: 'DPoP, new token', ...cell, ...compared(rounds, 'new token', 'its two checks') },
    { kind: 'DPoP, known token', ...cell, ...compared(rounds, 'known token', 'its one check') },
  ];
}

/** The bare, synchronous check of a JWS. */
function signatureCheck({ jwk, algorithm }) {
  const { digest, key } = signatureParameters(algorithm, createPublicKey({ key: jwk, format: 'jwk' }));
  return (jws) => {
    const end = jws.lastIndexOf('.');
    const signature = Buffer.from(jws.slice(end + 1), 'base64url');
    if (!verify(digest, Buffer.from(jws.slice(0, end)), key, signature)) throw new Error('a bad signature');
  };
}

function bothChecks(ofToken, ofProof) {
  return ({ token, proof }) => {
    ofToken(token);
    ofProof(proof);
  };
}

function asTheyAre(inputs) {
  return inputs;
}

/** What the issuer said of an opaque token and is remembered, beside a JWT that is. */
async function measureOpaque({ rounds: count, warmMs }) {
  const endpoint = await startIntrospection();
  try {
    const key = createSigningKey('ES256');
    const jwks = { keys: [key.jwk] };
    const introspection = {
      endpoint: endpoint.url,
      clientId: 'inventory',
      clientSecret: 'secret',
      cacheSeconds: 3600,
    };
    const asking = { issuer: { issuer: ISSUER, jwks, introspection }, audience: AUDIENCE };
    const entries = [
      { name: 'opaque', operation: operationOf(asking), tokens: repeat((index) => `opaque-${index}`) },
      {
        name: 'JWT',
        operation: operationOf({ issuer: { issuer: ISSUER, jwks }, audience: AUDIENCE }),
        tokens: repeat(() => mint(key, ISSUER)),
      },
    ];
    const rounds = await inRounds(count, entries, ({ operation, tokens }) =>
      measure(
        operation,
        tokens.map((token) => requestWith(token)),
        { inFlight: 1, minimumMs: warmMs },
      ),
    );
    return { kind: 'opaque, known', algorithm: '', inFlight: 1, ...compared(rounds, 'opaque', 'JWT') };
  } finally {
    endpoint.close();
  }
}

function operationOf(options) {
  return authenticating(createResourceServer(options));
}

/** Few tokens, many times. */
function repeat(make) {
  const few = Array.from({ length: WARM_TOKENS }, (_, index) => make(index));
  return Array.from({ length: 16 }, () => few).flat();
}

async function startIntrospection() {
  const server = createServer((_request, response) => {
    const now = Math.floor(Date.now() / 1000);
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({
        active: true,
        iss: ISSUER,
        aud: AUDIENCE,
        sub: CLIENT,
        client_id: CLIENT,
        token_type: 'Bearer',
        iat: now,
        exp: now + 3600,
        scope: SCOPE,
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/introspect`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function compared(rounds, name, reference) {
  return {
    cpuMicros: medianOver(rounds, (round) => round.get(name).cpuMicros),
    toReference: medianOver(rounds, (round) => round.get(name).cpuMicros / round.get(reference).cpuMicros),
    reference,
  };
}
