import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../src/decision.js';
import { createResourceServer, type ResourceServer } from '../../src/resource-server.js';
import type { Algorithm } from '../../src/terms.js';
import { type Part, signedJws } from '../../src/testing/forged-jws.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import { readClaim } from '../../src/token/claims.js';
import { checkClaims } from '../../src/verification/jwt.js';
import { reasonOf, requestWith } from '../support/outcome.js';
import { AUDIENCE, ISSUER, resolvedIssuer } from '../support/resolved-issuer.js';
import { repeats } from '../support/size.js';

// A busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

const NOW = 1_900_000_000;
const TOLERANCE = 5;
const key = await generateSigningKey('ES256', 'key');
const server = createResourceServer({
  issuer: { issuer: ISSUER, jwks: { keys: [key.jwk] } },
  audience: AUDIENCE,
  clock: () => NOW * 1000,
  clockToleranceSeconds: TOLERANCE,
});
const header = { alg: 'ES256', kid: 'key', typ: 'at+jwt' };
const claims = { iss: ISSUER, aud: AUDIENCE, exp: NOW + 300, sub: 'alice', client_id: 'web', scope: 'read' };

const decide = async (token: string, by: ResourceServer = server): Promise<Decision> =>
  by.authenticate(requestWith(`Bearer ${token}`));
const decideSigned = (signedHeader: Part, content: Part) => decide(signedJws(signedHeader, content, key));

/** Names that mean something to JavaScript or to JOSE. */
const name = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
    'toJSON',
    'length',
  ),
  fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'jku', 'x5c', 'zip', 'enc', 'cty'),
  fc.constantFrom(
    'nonce',
    'at_hash',
    'cnf',
    'token_use',
    'azp',
    'scp',
    'roles',
    'nbf',
    'iat',
    'amr',
    'acr',
    'events',
  ),
  fc.string(),
);
/** JSON text of any value, including what `JSON.stringify` never writes. */
const jsonText = fc.oneof(
  fc.json(),
  fc.constantFrom('1e999', '-1e999', '1E400', '-0', '1e-400', '123456789012345678901234567890', '0.1e1'),
  fc.nat({ max: 2000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
  fc.nat({ max: 800 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  fc.constantFrom(String.raw`"\ud800"`, String.raw`"\u0000"`, String.raw`"\ud83d\udd11"`, '"ﬀ"'),
);
/** JSON text of an object, in which names may be repeated. */
const objectText = (members: readonly (readonly [string, string])[]): string =>
  `{${members.map(([member, value]) => `${JSON.stringify(member)}:${value}`).join(',')}}`;
const noise = fc.array(fc.tuple(name, jsonText), { maxLength: 4 });

describe('any claims that the issuer signs', () => {
  const around = (earliest: number, latest: number) => {
    const range = { min: NOW + earliest, max: NOW + latest };
    return fc.oneof(fc.integer(range), fc.double({ ...range, noNaN: true }));
  };
  const orNoise = <T>(good: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: fc.jsonValue() });
  const members = fc.record(
    {
      iss: orNoise(fc.constantFrom(ISSUER, ISSUER, ISSUER, `${ISSUER}/`)),
      aud: orNoise(fc.constantFrom<unknown>(AUDIENCE, [AUDIENCE], [AUDIENCE, 'urn:other'], 'urn:other', [])),
      exp: orNoise(around(-10, 20)),
      nbf: orNoise(around(-20, 10)),
      iat: orNoise(around(-20, 10)),
      sub: orNoise(fc.string()),
      client_id: orNoise(fc.string()),
      scope: orNoise(fc.string()),
      jti: orNoise(fc.string()),
    },
    { requiredKeys: ['iss', 'aud', 'exp'] },
  );

  /** What RFC 9068 §4 and the documentation say, in other words than the code. */
  function mustHold(content: Record<string, unknown>): boolean {
    const { iss, aud, exp, nbf, iat, client_id, scope } = content;
    const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    const isDate = (value: unknown): value is number =>
      typeof value === 'number' && Math.abs(value) < 2 ** 53;
    return (
      iss === ISSUER &&
      audience.every((one) => typeof one === 'string') &&
      audience.includes(AUDIENCE) &&
      isDate(exp) &&
      exp > NOW - TOLERANCE &&
      [nbf, iat].every(
        (date) => (date ?? undefined) === undefined || (isDate(date) && date <= NOW + TOLERANCE),
      ) &&
      ['undefined', 'string'].includes(client_id === null ? 'undefined' : typeof client_id) &&
      !['number', 'boolean'].includes(typeof scope)
    );
  }

  it('are accepted exactly when the rules say so', {
    tags: ['ATP-02', 'ATP-03', 'ATP-05', 'ATP-07'],
  }, async () => {
    const seen = { allowed: 0, denied: 0 };
    await fc.assert(
      fc.asyncProperty(members, async (content) => {
        const { kind } = await decideSigned(header, content);
        const parsed: Record<string, unknown> = JSON.parse(JSON.stringify(content));
        expect(kind).toBe(mustHold(parsed) ? 'allowed' : 'denied');
        seen[kind] += 1;
      }),
      { numRuns: repeats(2_000) },
    );
    expect(Math.min(seen.allowed, seen.denied)).toBeGreaterThan(repeats(100));
  });

  it('yield a decision, whatever else they say', { tags: ['JWT-32', 'OPS-10', 'OPS-11'] }, async () => {
    const text = fc.oneof(
      fc.json(),
      noise.map((extra) =>
        objectText([...Object.entries(claims).map(([k, v]) => [k, JSON.stringify(v)] as const), ...extra]),
      ),
      noise.map(objectText),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        const decision = await decideSigned(header, content);
        if (decision.kind === 'denied') expect([401]).toContain(decision.answer.status);
        else expect(Object.getPrototypeOf(decision.auth?.claims)).toBe(Object.prototype);
        expect(Reflect.get({}, 'polluted')).toBeUndefined();
      }),
      { numRuns: repeats(1_500) },
    );
  });
});

describe('any header that the issuer signs', () => {
  it('yields a decision', { tags: ['JWT-32', 'OPS-10', 'OPS-11'] }, async () => {
    const good = Object.entries(header).map(([k, v]) => [k, JSON.stringify(v)] as const);
    const text = fc.oneof(
      fc.json(),
      noise.map((extra) => objectText([...extra, ...good])),
      noise.map((extra) => objectText([...good, ...extra])),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (signed) => {
        const decision = await decideSigned(signed, claims);
        if (decision.kind === 'denied') expect(decision.answer.status).toBe(401);
        else expect(decision.auth?.header.alg).toBe('ES256');
      }),
      { numRuns: repeats(1_500) },
    );
  });
});

describe.each<Algorithm>(['ES256', 'RS256', 'PS256', 'EdDSA'])('a valid %s token', async (algorithm) => {
  const issuer = await createTestIssuer({ algorithm, lifetimeSeconds: 86_400 });
  const own = createResourceServer(issuer.options);
  const token = await issuer.token();
  const character = fc.oneof(
    fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
    fc.constantFrom(...'.=+/~ \n\t,"%\u0000é'),
  );
  const position = fc.nat({ max: token.length - 1 });

  it('is accepted', { tags: ['JWT-11', 'ATP-10'] }, async () => {
    expect((await decide(token, own)).kind).toBe('allowed');
  });

  it('is refused with any character replaced, added or removed', { tags: ['JWT-11', 'ATP-10'] }, async () => {
    const edited = fc.oneof(
      fc.tuple(position, character).map(([at, other]) => token.slice(0, at) + other + token.slice(at + 1)),
      fc.tuple(position, character).map(([at, other]) => token.slice(0, at) + other + token.slice(at)),
      position.map((at) => token.slice(0, at) + token.slice(at + 1)),
    );
    await fc.assert(
      fc.asyncProperty(
        edited.filter((text) => text !== token && text.trim() !== token),
        async (text) => {
          expect((await decide(text, own)).kind).toBe('denied');
        },
      ),
      { numRuns: repeats(1_000) },
    );
  });

  it('is refused with any bit of any segment flipped', { tags: ['JWT-08', 'ATP-10'] }, async () => {
    const flipped = fc.tuple(fc.nat({ max: 2 }), fc.nat(), fc.nat({ max: 7 })).map(([index, at, bit]) => {
      const segments = token.split('.');
      const bytes = Buffer.from(segments[index] ?? '', 'base64url');
      const byte = at % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(byte) ^ (1 << bit), byte);
      return segments.with(index, bytes.toString('base64url')).join('.');
    });
    await fc.assert(
      fc.asyncProperty(flipped, async (text) => {
        expect((await decide(text, own)).kind).toBe('denied');
      }),
      { numRuns: repeats(600) },
    );
  });
});

describe('a larger tolerance', () => {
  it('never refuses what a smaller one accepts', { tags: ['JWT-23'] }, () => {
    const offset = fc.oneof(
      fc.integer({ min: -400, max: 400 }),
      fc.double({ min: -400, max: 400, noNaN: true }),
    );
    const tolerance = fc.double({ min: 0, max: 300, noNaN: true });
    fc.assert(
      fc.property(
        fc.record({ exp: offset, nbf: offset, iat: offset }),
        tolerance,
        tolerance,
        (offsets, one, other) => {
          const times = Object.fromEntries(
            Object.entries(offsets).map(([claim, value]) => [claim, NOW + value]),
          );
          const accepts = (seconds: number) =>
            reasonOf(() => checkClaims({ ...claims, ...times }, 'at+jwt', resolvedIssuer(), NOW, seconds)) ===
            undefined;
          if (accepts(Math.min(one, other))) expect(accepts(Math.max(one, other))).toBe(true);
        },
      ),
      { numRuns: repeats(2_000) },
    );
  });
});

describe('readClaim', () => {
  it('finds nothing but what is in the token, at any path', { tags: ['OPS-11'] }, () => {
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue(), { noNullPrototype: false }), path, (content, at) => {
        const found = readClaim(content, at);
        expect(typeof found).not.toBe('function');
        if (found !== undefined) expect(JSON.stringify(content)).toContain(JSON.stringify(found));
      }),
      { numRuns: repeats(2_000) },
    );
  });
});

describe('any act', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom(null, 42, [], {}));
  const act = fc.oneof(
    fc.jsonValue(),
    fc.record(
      { sub: text, iss: text, client_id: text, act: fc.jsonValue(), email: fc.string() },
      { requiredKeys: [] },
    ),
  );

  it('is an actor, or absent, or refused: never a direct call', { tags: ['ATP-07', 'ATP-13'] }, async () => {
    await fc.assert(
      fc.asyncProperty(act, async (value) => {
        const decision = await decideSigned(header, { ...claims, act: value });
        const actor = decision.kind === 'allowed' ? decision.auth?.actor : undefined;
        if (value === null) expect(decision).toMatchObject({ kind: 'allowed', auth: { subject: 'alice' } });
        if (value === null || decision.kind === 'denied') expect(actor).toBeUndefined();
        else expect(actor).toBeDefined();
        if (decision.kind === 'denied') expect(decision.error.reason).toBe('invalid_claim');
        const { sub, iss, client_id } = Object(value);
        for (const [read, written] of [
          [actor?.subject, sub],
          [actor?.issuer, iss],
          [actor?.clientId, client_id],
        ])
          if (actor !== undefined) expect(read).toBe(written ?? undefined);
      }),
      { numRuns: repeats(2000) },
    );
  });
});
