import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { formatChallenge } from '../../src/answer/challenge.js';
import { requirementOfAnyScope, requirementOfScopes } from '../../src/requirement/requirement.js';
import { createResourceServer } from '../../src/resource-server.js';
import { parseChallenge } from '../../src/testing/contract/parse-challenge.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { isScopeToken, parseScopes } from '../../src/token/scope.js';

// A busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

const characters = (isAllowed: (code: number) => boolean): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...Array.from({ length: 0x7f - 0x20 }, (_, index) => index + 0x20)
      .filter(isAllowed)
      .map((code) => String.fromCharCode(code)),
  );
/** RFC 6749 §3.3. */
const scopeToken = fc.string({
  unit: characters((code) => code > 0x20 && code !== 0x22 && code !== 0x5c),
  minLength: 1,
});
const scopes = fc.uniqueArray(scopeToken, { maxLength: 8 });
/** RFC 6750 §3, `error_description`. */
const description = fc.string({ unit: characters((code) => code !== 0x22 && code !== 0x5c), minLength: 1 });
const printable = fc.string({ unit: characters(() => true), minLength: 1 });

describe('scopes', () => {
  it('read back as they were written', { tags: ['SCP-01', 'SCP-02'] }, () => {
    fc.assert(
      fc.property(scopes, (list) => {
        expect(parseScopes(list.join(' '))).toEqual(list);
      }),
    );
  });

  it('are the same in any order and number', { tags: ['SCP-02'] }, () => {
    const shuffled = scopes.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: 2 * list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, repeated]) => {
        expect(new Set(parseScopes(repeated.join(' ')))).toEqual(new Set(list));
      }),
    );
  });

  it('are scope tokens without repetition, whatever the claim', { tags: ['SCP-03', 'SCP-04'] }, () => {
    fc.assert(
      fc.property(fc.anything(), (claim) => {
        const read = parseScopes(claim);
        expect(read.every(isScopeToken)).toBe(true);
        expect(new Set(read).size).toBe(read.length);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (claim) => {
        expect(parseScopes(claim).every((scope) => claim.split(' ').includes(scope))).toBe(true);
      }),
    );
  });

  it('meet a requirement as sets do', { tags: ['SCP-06'] }, async () => {
    const server = createResourceServer((await createTestIssuer()).options);
    const few = fc.uniqueArray(fc.constantFrom('a', 'b', 'ab', 'a:b', 'A'), { maxLength: 5 });
    const required = fc.uniqueArray(fc.constantFrom('a', 'b', 'ab', 'a:b', 'A'), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(few, required, (granted, needed) => {
        const auth = fakeAuth({ scopes: granted });
        const all = server.authorize(auth, requirementOfScopes(needed)).kind;
        const any = server.authorize(auth, requirementOfAnyScope(needed)).kind;
        expect(all === 'allowed').toBe(needed.every((scope) => granted.includes(scope)));
        expect(any === 'allowed').toBe(needed.some((scope) => granted.includes(scope)));
      }),
    );
  });
});

describe('a challenge', () => {
  const parameters = fc.record(
    {
      realm: printable,
      error: fc.constantFrom('invalid_request', 'invalid_token', 'insufficient_scope'),
      error_description: description,
      scope: scopes.filter((list) => list.length > 0).map((list) => list.join(' ')),
    },
    { requiredKeys: ['realm'] },
  );

  it('reads back as what went in', { tags: ['BRR-19', 'BRR-23'] }, () => {
    fc.assert(
      fc.property(parameters, (given) => {
        expect(parseChallenge(formatChallenge('Bearer', given))).toEqual({
          scheme: 'Bearer',
          parameters: given,
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('is one line of printable ASCII whatever goes in', { tags: ['BRR-21', 'OPS-04'] }, () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'\r\n\t",\\=\u0000é ') }),
    );
    fc.assert(
      fc.property(hostile, hostile, (realm, error) => {
        const line = formatChallenge('Bearer', { realm, error });
        expect(line).toMatch(/^[\x20-\x7e]+$/);
        expect(Object.keys(parseChallenge(line).parameters)).toEqual(['realm', 'error']);
      }),
      { numRuns: 1000 },
    );
  });
});
