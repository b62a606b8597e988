import fc from 'fast-check';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { createResourceServer, type RequestView } from '../../src/index.js';
import { selfSignedCertificate } from '../../src/testing/certificate.js';
import { parseChallenge } from '../../src/testing/contract/parse-challenge.js';
import { proofParts } from '../../src/testing/dpop-key.js';
import { encodePart, hmacJws, signedJws } from '../../src/testing/forged-jws.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import { undecodableCertificate } from '../support/certificates.js';
import { repeats } from '../support/size.js';

/** Forged proofs per run of the tests. fast-check prints the seed of a failure. */
const PROOFS = repeats(10_000);
const URL = 'https://api.example.com/stock/42';
const NOW = 1_893_456_000;
const clock = () => NOW * 1000;

const issuer = await createTestIssuer({ clock });
const key = await generateSigningKey('ES256', 'key');
const foreign = await generateSigningKey('ES256', 'foreign');
const { header } = proofParts(key, { url: URL, token: 'x' }, NOW);
const jkt = await calculateJwkThumbprint(key.jwk);
const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt } });
const { claims } = proofParts(key, { url: URL, token }, NOW);
const valid = signedJws(header, claims, key);
const server = createResourceServer(issuer.options);
const certified = await Promise.all(
  (['ES256', 'ES384', 'RS256', 'Ed25519'] as const).map((algorithm) => generateSigningKey(algorithm, 'x')),
);

type Member = readonly [name: string, json: string];

const membersOf = (object: object): readonly Member[] =>
  Object.entries(object).map(([name, value]) => [name, JSON.stringify(value)]);
/** JSON text of an object, in which names may be repeated: then the last one counts. */
const textOf = (members: readonly Member[]): string =>
  `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
/** A proof with members before the right ones, which count for nothing, and behind them, which do. */
const proofOf = (before: readonly Member[], inHeader: readonly Member[], inClaims: readonly Member[]) =>
  signedJws(
    textOf([...before, ...membersOf(header), ...inHeader]),
    textOf([...before, ...membersOf(claims), ...inClaims]),
    key,
  );

const anyName = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'then', 'toJSON', 'kid', 'jku', 'x5c', 'nonce'),
  fc.string({ unit: 'binary', maxLength: 8 }).filter((name) => !['crit', 'b64'].includes(name)),
);
const anyJson = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom('1e999', '-0', 'null', '""', '[]', '{}', String.raw`"\ud800"`, '{"__proto__":{"x":1}}'),
  fc.nat({ max: 400 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
);
const noise = fc.array(fc.tuple(anyName, anyJson), { maxLength: 3 });
const notText = fc.constantFrom('null', '0', '[]', '{}', 'true', '""', '["GET"]', '{"toString":"GET"}');

const badParameter = fc.oneof(
  fc.tuple(fc.constant('typ'), fc.oneof(notText, fc.constantFrom('"jwt"', '"at+jwt"', '"DPOP+JWT"'))),
  fc.tuple(fc.constant('alg'), fc.oneof(notText, fc.constantFrom('"none"', '"HS256"', '"ES384"', '"es256"'))),
  fc.tuple(fc.constant('jwk'), fc.oneof(notText, badKey())),
  fc.tuple(fc.constant('crit'), anyJson),
  fc.constant<Member>(['b64', 'false']),
);
const otherText = fc.string({ maxLength: 30 }).map((text) => JSON.stringify(`x${text}`));
const badClaim = fc.oneof(
  fc.tuple(fc.constantFrom('jti', 'htm', 'htu', 'ath'), notText),
  fc.tuple(fc.constantFrom('htm', 'htu', 'ath'), otherText),
  fc.tuple(
    fc.constant('iat'),
    fc.oneof(
      fc.constantFrom('1e999', '-1e999', '"0"', 'null', '[]', '{}', '0', '-1', '1e300'),
      fc.integer({ min: -1e9, max: NOW - 61 }).map(String),
      fc.integer({ min: NOW + 6, max: 1e12 }).map(String),
    ),
  ),
  fc.tuple(
    fc.constant('htu'),
    fc
      .constantFrom(
        `${URL}/`,
        `${URL}%2f`,
        `${URL}x`,
        'https://api.example.com',
        'http://api.example.com/stock/42',
      )
      .map((htu) => JSON.stringify(htu)),
  ),
);

const badHeader = fc.tuple(noise, badParameter).map(([before, bad]) => proofOf(before, [bad], []));
const byCertificate = fc.tuple(noise, certifiedKey()).map(([before, bad]) => proofOf(before, bad, []));
const badClaims = fc.tuple(noise, badClaim).map(([before, bad]) => proofOf(before, [], [bad]));
const byAnother = noise.map((before) =>
  signedJws(textOf([...before, ...membersOf(header)]), textOf(membersOf(claims)), foreign),
);
const ofAnother = noise.map((before) => {
  const parts = proofParts(foreign, { url: URL, token }, NOW);
  return signedJws(textOf([...before, ...membersOf(parts.header)]), textOf(membersOf(parts.claims)), foreign);
});
const withHmac = fc
  .constantFrom('HS256', 'none', 'ES256')
  .map((alg) => hmacJws({ ...header, alg }, claims, JSON.stringify(header.jwk)));
const anyBytes = fc
  .array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 6 })
  .map((segments) => segments.map(encodePart).join('.'));
const edited = fc
  .tuple(
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.string({ unit: fc.constantFrom(...'Aa0-_.=+/~ ,"\u00e9'), maxLength: 3 }),
  )
  .map(([at, length, text]) => {
    const start = at % valid.length;
    return valid.slice(0, start) + text + valid.slice(start + length);
  })
  .filter((text) => text !== valid);

const forgedProof = fc.oneof(
  { weight: 4, arbitrary: badClaims },
  { weight: 4, arbitrary: badHeader },
  { weight: 2, arbitrary: byCertificate },
  { weight: 4, arbitrary: edited },
  { weight: 1, arbitrary: byAnother },
  { weight: 1, arbitrary: ofAnother },
  { weight: 1, arbitrary: withHmac },
  { weight: 1, arbitrary: anyBytes },
  { weight: 1, arbitrary: fc.constant(token) },
);
const forgedLines = fc.oneof(
  { weight: 9, arbitrary: forgedProof.map((proof) => [proof]) },
  { weight: 1, arbitrary: forgedProof.map((proof) => [valid, proof]) },
  { weight: 1, arbitrary: fc.constantFrom([], [valid, valid], [`${valid},${valid}`], [`DPoP ${valid}`]) },
);

/** A request with the bound token and these `DPoP` lines. */
function requestWith(lines: readonly string[]): RequestView {
  const fields: Readonly<Record<string, readonly string[]>> = {
    authorization: [`DPoP ${token}`],
    dpop: lines,
  };
  return { method: 'GET', url: URL, header: (name) => fields[name] };
}

describe('a resource server', () => {
  it('refuses every forged proof, and never breaks', {
    tags: ['DPP-04', 'DPP-08', 'JWT-32', 'OPS-10'],
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(forgedLines, async (lines) => {
        const decision = await server.authenticate(requestWith(lines));
        if (decision.kind === 'allowed') throw new Error('accepted');
        expect(decision.answer.status).toBe(401);
        const challenges = [decision.answer.headers['WWW-Authenticate'] ?? []].flat().map(parseChallenge);
        expect(challenges.map(({ scheme, parameters }) => [scheme, parameters.error])).toEqual([
          ['Bearer', undefined],
          ['DPoP', decision.error.error],
        ]);
      }),
      { numRuns: PROOFS },
    );
    expect((await server.authenticate(requestWith([valid]))).kind).toBe('allowed');
    expect((await server.authenticate(requestWith([valid]))).kind).toBe('denied');
  });
});

/** An algorithm, and a jwk whose key is only in certificates: genuine ones, or of an unknown kind of key. */
function certifiedKey(): fc.Arbitrary<readonly Member[]> {
  const undecodable = undecodableCertificate(key).toString('base64');
  return fc.constantFrom(...certified).chain((one) => {
    const { kty, crv } = one.jwk;
    const own = selfSignedCertificate(one, 'client').toString('base64');
    const x5c = fc.array(fc.constantFrom(own, undecodable, 'MAA='), { minLength: 1, maxLength: 2 });
    const [alg, others] = [fc.constant(one.algorithm), { kty: fc.constant(kty), crv: fc.constant(crv) }];
    return fc
      .record({ ...others, alg, x5t: anyName, x5c }, { requiredKeys: ['x5c'] })
      .map((jwk) => membersOf({ alg: one.algorithm, jwk }));
  });
}

function badKey(): fc.Arbitrary<string> {
  const { d } = key.privateKey.export({ format: 'jwk' });
  const changes = fc.constantFrom<object>(
    { d },
    { d: '' },
    { k: 'x' },
    { kty: 'oct', k: 'c2VjcmV0' },
    { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
    { kty: '__proto__' },
    { crv: 'P-384' },
    { crv: 'Ed25519' },
    { x: undefined },
    { x: '' },
    { x: 'AAAA' },
    { y: 'A'.repeat(43) },
    { y: 42 },
    { x: [Object(header.jwk).x] },
    { y: [Object(header.jwk).y] },
    { use: 'enc' },
    { key_ops: ['sign'] },
    { alg: 'ES512' },
  );
  return changes.map((change) => JSON.stringify({ ...Object(header.jwk), ...change }));
}
