import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResourceServerOptions } from '../../src/index.js';
import { parseChallenges } from '../../src/testing/contract/parse-challenge.js';
import { encodePart, hmacJws, signedJws } from '../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import type { Running } from '../http/harnesses/harness.js';
import { harnesses } from '../http/harnesses/index.js';
import type { RawRequest } from '../support/http-client.js';
import { type KeepAliveClient, keepAliveClient } from '../support/keep-alive-client.js';
import { repeats } from '../support/size.js';

/** Requests per run of the tests, shared between the frameworks. fast-check prints the seed of a failure. */
const REQUESTS = repeats(10_000);
/**
 * Under Node's limit of 16 KiB for all header fields of a request, so that it is the resource server that
 * answers.
 */
const MAX_LINE_LENGTH = 14_000;

const ISSUER = 'https://issuer.example.com';
/** Named at run time, with another key. */
const TENANT = 'https://tenant.example.com';
const AUDIENCE = 'https://api.example.com';
const FAR = 4_102_444_800; // the year 2100

const key = await generateSigningKey('ES256', 'key');
const tenantKey = await generateSigningKey('ES256', 'key');
const foreign = await generateSigningKey('ES256', 'key');
/** The issuers that the application was asked about while a request was decided. */
const asked: string[] = [];
const options: ResourceServerOptions = {
  issuer: [
    { issuer: ISSUER, jwks: { keys: [key.jwk] } },
    (iss) => {
      asked.push(iss);
      if (iss === TENANT) return { issuer: TENANT, jwks: { keys: [tenantKey.jwk] } };
      return iss === `${ISSUER}/` ? { issuer: ISSUER, jwks: { keys: [key.jwk] } } : undefined;
    },
  ],
  audience: AUDIENCE,
  bearerMethods: ['header', 'body', 'query'],
};
const header = { alg: 'ES256', typ: 'at+jwt', kid: 'key' };
const claims = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'alice',
  client_id: 'web',
  exp: FAR,
  scope: 'read:inventory',
};
const valid = signedJws(header, claims, key);

type Member = readonly [name: string, json: string];

const membersOf = (object: object): readonly Member[] =>
  Object.entries(object).map(([name, value]) => [name, JSON.stringify(value)]);
/** JSON text of an object, in which names may be repeated: then the last one counts. */
const textOf = (members: readonly Member[]): string =>
  `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;

const anyName = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
    'toJSON',
    'valueOf',
  ),
  fc.constantFrom(
    'alg',
    'kid',
    'typ',
    'jwk',
    'jku',
    'x5u',
    'x5c',
    'zip',
    'enc',
    'cty',
    'iss',
    'aud',
    'exp',
    'scope',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const anyJson = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '1e999',
    '-1e999',
    '-0',
    '1e-400',
    '123456789012345678901234567890',
    'null',
    '""',
    '[]',
    '{}',
  ),
  fc.constantFrom(
    String.raw`"\ud800"`,
    String.raw`"\u0000"`,
    '"\u{1f511}"',
    '"ﬀ\u0301"',
    '{"__proto__":{"x":1}}',
  ),
  fc.nat({ max: 1500 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
  fc.nat({ max: 500 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
);
const noise = fc.array(fc.tuple(anyName, anyJson), { maxLength: 3 });

/** What makes a token bad, whatever else it says: comes last, and so counts. */
const badClaim = fc.constantFrom<Member>(
  ['exp', '1'],
  ['exp', '0'],
  ['exp', '-1e15'],
  ['exp', '1e999'],
  ['exp', '"4102444800"'],
  ['exp', 'null'],
  ['nbf', '4102444800'],
  ['iat', '4102444800'],
  ['iss', `"${ISSUER}/"`],
  ['iss', `"${TENANT}"`],
  ['iss', `"${TENANT}/"`],
  ['iss', `"${TENANT}\\u0000"`],
  ['iss', `"https://${'a'.repeat(2000)}.example.com"`],
  ['iss', `["${ISSUER}"]`],
  ['iss', '{"__proto__":"x"}'],
  ['aud', '"https://other.example.com"'],
  ['aud', '[]'],
  ['aud', `["${AUDIENCE}",{}]`],
  ['client_id', '42'],
  ['cnf', '{}'],
  ['scope', '"read"'],
  ['scope', '["read:inventory"]'],
  ['scope', '{"read:inventory":true}'],
);
const badParameter = fc.constantFrom<Member>(
  ['alg', '"none"'],
  ['alg', '"HS256"'],
  ['alg', '["ES256"]'],
  ['alg', '"ES384"'],
  ['alg', '{"toString":"ES256"}'],
  ['typ', '"dpop+jwt"'],
  ['typ', 'null'],
  ['kid', '"__proto__"'],
  ['kid', '["key"]'],
  ['kid', '1e999'],
  ['crit', '[]'],
  ['crit', '["exp"]'],
  ['b64', 'false'],
);

const genuineButBad = fc
  .tuple(noise, badClaim)
  .map(([others, bad]) =>
    signedJws(textOf([...others, ...membersOf(header)]), textOf([...membersOf(claims), ...others, bad]), key),
  );
const genuineWithBadHeader = fc
  .tuple(noise, badParameter)
  .map(([others, bad]) =>
    signedJws(textOf([...membersOf(header), ...others, bad]), textOf(membersOf(claims)), key),
  );
const forged = noise.map((others) =>
  signedJws(textOf([...others, ...membersOf(header)]), textOf([...others, ...membersOf(claims)]), foreign),
);
/** Each issuer is asked about, unless something else is wrong, or the name itself. */
const byInventedIssuer = fc
  .tuple(
    fc.oneof(fc.webUrl(), fc.string({ unit: 'binary', maxLength: 40 })),
    fc.option(badClaim.filter(([name]) => name !== 'iss')),
    fc.option(badParameter),
  )
  .map(([iss, inClaims, inHeader]) =>
    signedJws(
      textOf([...membersOf(header), ...(inHeader === null ? [] : [inHeader])]),
      textOf([...membersOf({ ...claims, iss }), ...(inClaims === null ? [] : [inClaims])]),
      key,
    ),
  );
const anyObjects = fc.tuple(noise, noise).map(([one, other]) => signedJws(textOf(one), textOf(other), key));
const withHmac = fc
  .constantFrom('HS256', 'HS384', 'HS512', 'none', 'ES256')
  .map((alg) => hmacJws({ ...header, alg }, claims, JSON.stringify(key.jwk)));
const anyBytes = fc
  .array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 6 })
  .map((segments) => segments.map(encodePart).join('.'));

/** Changes to the text of the valid token, one to three. */
const edit: fc.Arbitrary<(token: string) => string> = fc.oneof(
  fc.tuple(fc.nat(), fc.constantFrom(...'Aa0-_.=+/~ ,"\\%\t\u00e9')).map(
    ([at, other]) =>
      (token: string) =>
        token.slice(0, at % token.length) + other + token.slice((at % token.length) + 1),
  ),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 40 })).map(
    ([at, length]) =>
      (token: string) =>
        token.slice(0, at % token.length) + token.slice((at % token.length) + length),
  ),
  fc.constantFrom<(token: string) => string>(
    (token) => `${token}.`,
    (token) => `.${token}`,
    (token) => `${token}=`,
    (token) => `${token}.${token}`,
    (token) => token + token,
    (token) => token.toUpperCase(),
    (token) => token.split('.').reverse().join('.'),
    (token) => token.split('.').slice(0, 2).join('.'),
    (token) => `${token.split('.').slice(0, 2).join('.')}.`,
    (token) => token.replaceAll('.', '..'),
    (token) => Buffer.from(token).toString('base64'),
    (token) => Buffer.from(token).toString('hex'),
    (token) => encodeURIComponent(token).replaceAll('.', '%2E'),
    (token) =>
      token
        .split('.')
        .map((segment) => Buffer.from(segment, 'base64url').toString('base64'))
        .join('.'),
    (token) =>
      token
        .split('.')
        .map((segment) => encodePart(`${Buffer.from(segment, 'base64url').toString()} `))
        .join('.'),
  ),
);
const mutated = fc
  .array(edit, { minLength: 1, maxLength: 3 })
  .map((edits) => edits.reduce((token, change) => change(token), valid))
  .filter((token) => token.trim() !== valid);

const hostileToken = fc.oneof(
  { weight: 4, arbitrary: mutated },
  { weight: 4, arbitrary: genuineButBad },
  { weight: 3, arbitrary: genuineWithBadHeader },
  { weight: 1, arbitrary: forged },
  { weight: 1, arbitrary: byInventedIssuer },
  { weight: 1, arbitrary: anyObjects },
  { weight: 1, arbitrary: withHmac },
  { weight: 1, arbitrary: anyBytes },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'abcXYZ019-._~+/=') }) },
);

/** Everything that Node sends in a header value, with white space trimmed on the way. */
const headerText = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)),
    fc.constant('\t'),
  ),
  maxLength: 60,
});
/** Lines with the valid token in them, none of which is `Bearer`, spaces and the token. */
const misplaced = fc.constantFrom(
  `Bearer\t${valid}`,
  `Bearer \t${valid}`,
  `Bearer, ${valid}`,
  `Bearer:${valid}`,
  `Bearer=${valid}`,
  `Bearer "${valid}"`,
  `Bearer token="${valid}"`,
  `Bearer ${valid} ${valid}`,
  `Bearer ${valid}, Bearer ${valid}`,
  `Bearer ${valid},`,
  `Bearer ${valid};`,
  `Bearer Bearer ${valid}`,
  `BearerX ${valid}`,
  `Bearer\u00a0${valid}`,
  `Token ${valid}`,
  `JWT ${valid}`,
  `DPoP ${valid}`,
  `Basic ${Buffer.from(`web:${valid}`).toString('base64')}`,
  `, Bearer ${valid}`,
  valid,
);
const authorization = fc.oneof(
  { weight: 8, arbitrary: hostileToken.map((token) => [`Bearer ${token}`]) },
  { weight: 2, arbitrary: headerText.map((text) => [text]) },
  { weight: 1, arbitrary: headerText.map((text) => [`Bearer ${text}`]) },
  { weight: 1, arbitrary: misplaced.map((line) => [line]) },
  { weight: 1, arbitrary: fc.tuple(misplaced, headerText) },
  { weight: 1, arbitrary: fc.constant([`Bearer ${valid}`, `Bearer ${valid}`]) },
  { weight: 1, arbitrary: headerText.map((text) => [`Bearer ${valid}`, text]) },
);

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
const inHeader: fc.Arbitrary<RawRequest> = authorization.map((lines) => ({
  path: '/stock/42',
  headers: lines.map((line) => ['Authorization', clip(line)] as const),
}));
const inQuery: fc.Arbitrary<RawRequest> = fc
  .tuple(hostileToken, fc.constantFrom('access_token', 'access%5Ftoken', 'access_token[]', '?access_token'))
  .map(([token, name]) => ({
    path: `/stock/42?a=%&${name}=${encodeURIComponent(clip(token)).slice(0, MAX_LINE_LENGTH)}`,
  }));
const inBody: fc.Arbitrary<RawRequest> = fc
  .tuple(
    hostileToken,
    fc.constantFrom('access_token', 'access_token[]', 'access_token[__proto__]', '__proto__'),
  )
  .map(([token, name]) => ({
    method: 'POST',
    path: '/orders',
    headers: [FORM],
    body: `${name}=${encodeURIComponent(token)}`,
  }));
const hostileRequest = fc.oneof(
  { weight: 8, arbitrary: inHeader },
  { weight: 1, arbitrary: inQuery },
  { weight: 1, arbitrary: inBody },
);

/** The application is asked about the issuer of a token that could be valid, and about nothing else. */
function expectWellFormed(hostile: RawRequest, iss: string): void {
  expect(iss).toMatch(/^\P{Cc}{1,1000}$/u);
  expect(iss).not.toBe(ISSUER);
  const [, ...segments] = /([\w-]+)\.([\w-]+)\.[\w-]*/.exec(JSON.stringify(hostile)) ?? [];
  const [ofHeader, ofClaims] = segments.map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  expect(ofHeader).toMatchObject({ alg: expect.stringMatching(/^[REP]S\d{3}$|^Ed/) });
  expect(ofHeader).not.toHaveProperty('crit');
  expect(ofClaims.iss).toBe(iss);
  expect(ofClaims.exp).toBeGreaterThan(Date.now() / 1000 - 60);
}

function clip(line: string): string {
  return line.slice(0, MAX_LINE_LENGTH);
}

/** How often the application was asked about an issuer, in all frameworks together. */
let questions = 0;

describe.each(harnesses)('$name', ({ start }) => {
  let running: Running;
  let client: KeepAliveClient;

  beforeAll(async () => {
    running = await start(options);
    client = keepAliveClient(running.url);
  });

  afterAll(async () => {
    client.close();
    await running.close();
  });

  const welcome: RawRequest = { path: '/stock/42', headers: [['Authorization', `Bearer ${valid}`]] };

  it('refuses every hostile request, and none with a server error', {
    tags: ['JWT-32', 'OPS-09', 'OPS-10'],
    timeout: 60_000,
  }, async () => {
    expect((await client.send(welcome)).status).toBe(200);
    await fc.assert(
      fc.asyncProperty(hostileRequest, async (hostile) => {
        asked.length = 0;
        const { status, lines } = await client.send(hostile);
        for (const iss of asked) expectWellFormed(hostile, iss);
        questions += asked.length;
        expect([400, 401, 403]).toContain(status);
        // A framework's own parser may refuse a body before anybody looks for a token.
        if (status === 400 && hostile.body !== undefined) return;
        const challenges = parseChallenges(lines('www-authenticate'));
        expect(challenges.map(({ scheme }) => scheme)).toEqual(
          status === 403 ? ['Bearer'] : ['Bearer', 'DPoP'],
        );
        for (const { parameters } of challenges) expect(parameters).toMatchObject({ realm: 'api' });
      }),
      { numRuns: Math.ceil(REQUESTS / harnesses.length) },
    );
    expect((await client.send(welcome)).status).toBe(200);
    expect(running.handled()).toBe(2);
  });
});

it('has had some of them ask the application about an issuer', () => {
  expect(questions).toBeGreaterThan(0);
});
