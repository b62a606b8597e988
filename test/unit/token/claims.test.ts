import { describe, expect, it } from 'vitest';
import type { TrustedIssuer } from '../../../src/options/trusted-issuer.js';
import {
  dropAbsentClaims,
  readActor,
  readAudience,
  readClaim,
  wronglyTypedClaims,
} from '../../../src/token/claims.js';
import { checkClaims } from '../../../src/verification/jwt.js';
import { hintOf, reasonOf } from '../../support/outcome.js';
import { AUDIENCE, ISSUER, resolvedIssuer } from '../../support/resolved-issuer.js';

const NOW = 1_900_000_000;

interface Circumstances {
  readonly now?: number;
  readonly tolerance?: number;
  readonly issuer?: Partial<TrustedIssuer>;
}

/** Why good claims with some changed are refused; `undefined` removes a claim. */
function refusal(changes: Record<string, unknown>, { now = NOW, tolerance = 0, issuer }: Circumstances = {}) {
  const changed: Record<string, unknown> = { iss: ISSUER, aud: AUDIENCE, exp: NOW + 300, ...changes };
  const claims = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined));
  dropAbsentClaims(claims);
  return reasonOf(() => checkClaims(claims, 'at+jwt', resolvedIssuer(issuer), now, tolerance));
}

describe('times', () => {
  it.each([
    { exp: NOW + 1, tolerance: 0, expected: undefined },
    { exp: NOW + 0.001, tolerance: 0, expected: undefined },
    { exp: NOW, tolerance: 0, expected: 'expired' },
    { exp: NOW - 0.001, tolerance: 0, expected: 'expired' },
    { exp: NOW, tolerance: 5, expected: undefined },
    { exp: NOW - 4.999, tolerance: 5, expected: undefined },
    { exp: NOW - 5, tolerance: 5, expected: 'expired' },
    { exp: NOW - 299, tolerance: 300, expected: undefined },
    { exp: NOW - 300, tolerance: 300, expected: 'expired' },
  ])(
    'exp $exp with tolerance $tolerance: $expected',
    { tags: ['ATP-05', 'JWT-23', 'OPS-19'] },
    ({ exp, tolerance, expected }) => {
      expect(refusal({ exp }, { tolerance })).toBe(expected);
    },
  );

  it.each([
    { nbf: NOW - 1, tolerance: 0, expected: undefined },
    { nbf: NOW, tolerance: 0, expected: undefined },
    { nbf: NOW + 0.001, tolerance: 0, expected: 'not_yet_valid' },
    { nbf: NOW + 5, tolerance: 5, expected: undefined },
    { nbf: NOW + 5.001, tolerance: 5, expected: 'not_yet_valid' },
    { nbf: -NOW, tolerance: 0, expected: undefined },
  ])(
    'nbf $nbf with tolerance $tolerance: $expected',
    { tags: ['ATP-09', 'OPS-19'] },
    ({ nbf, tolerance, expected }) => {
      expect(refusal({ nbf }, { tolerance })).toBe(expected);
    },
  );

  it.each([
    { iat: NOW - 1, tolerance: 0, expected: undefined },
    { iat: NOW, tolerance: 0, expected: undefined },
    { iat: NOW + 0.001, tolerance: 0, expected: 'issued_in_future' },
    { iat: NOW + 5, tolerance: 5, expected: undefined },
    { iat: NOW + 5.001, tolerance: 5, expected: 'issued_in_future' },
  ])(
    'iat $iat with tolerance $tolerance: $expected',
    { tags: ['ATP-08', 'OPS-19'] },
    ({ iat, tolerance, expected }) => {
      expect(refusal({ iat }, { tolerance })).toBe(expected);
    },
  );

  it('requires exp', { tags: ['ATP-05'] }, () => {
    expect(refusal({ exp: undefined })).toBe('missing_claim');
  });

  it.each([0, -0, -1, 1, 1.5, -NOW])('treats exp %d as expired', { tags: ['JWT-22'] }, (exp) => {
    expect(refusal({ exp })).toBe('expired');
  });

  it.each(['exp', 'nbf', 'iat'])(
    'refuses a %s that is not a finite number',
    { tags: ['JWT-21', 'ATP-07'] },
    (name) => {
      const values: readonly unknown[] = [
        String(NOW),
        '',
        true,
        [],
        [NOW],
        {},
        { valueOf: NOW },
        Infinity,
        -Infinity,
        1e300,
      ];
      for (const value of values) expect(refusal({ [name]: value })).toBe('invalid_claim');
    },
  );

  it('accepts fractions, and numbers as long as they are exact', { tags: ['JWT-21'] }, () => {
    expect(refusal({ exp: NOW + 0.5, iat: NOW - 0.5, auth_time: 0.25 })).toBeUndefined();
    expect(refusal({ exp: Number.MAX_SAFE_INTEGER })).toBeUndefined();
    expect(refusal({ exp: 2 ** 53 })).toBe('invalid_claim');
  });

  it('refuses when the clock does not tell the time', { tags: ['OPS-09'] }, () => {
    expect(refusal({}, { now: Number.NaN })).toBe('expired');
  });
});

describe('types', () => {
  it('refuses a client_id that is not a string', { tags: ['ATP-07'] }, () => {
    for (const value of [42, 0, true, [], ['alice'], {}])
      expect(refusal({ client_id: value })).toBe('invalid_claim');
    for (const value of ['alice', '']) expect(refusal({ client_id: value })).toBeUndefined();
  });

  it.each(['sub', 'jti', 'acr', 'amr', 'auth_time'])(
    'takes a %s of another type for none',
    {
      tags: ['ATP-07'],
    },
    (name) => {
      for (const value of [true, {}, { valueOf: 1 }, [42], [['pwd']], Number.POSITIVE_INFINITY]) {
        const claims: Record<string, unknown> = { [name]: value, other: value };
        dropAbsentClaims(claims);
        expect(claims).toEqual({ other: value });
        expect(refusal({ [name]: value })).toBeUndefined();
      }
      const good = { sub: 'alice', jti: '', acr: '1', amr: ['pwd', 'otp'], auth_time: 0.25 };
      const kept: Record<string, unknown> = { ...good };
      dropAbsentClaims(kept);
      expect(kept).toEqual(good);
    },
  );

  it('takes null for an absent claim, save for a binding', { tags: ['ATP-07'] }, () => {
    expect(
      refusal({ nbf: null, iat: null, sub: null, client_id: null, scope: null, azp: null }),
    ).toBeUndefined();
    expect(refusal({ exp: null })).toBe('missing_claim');
    expect(refusal({ aud: null })).toBe('aud_mismatch');
    const claims: Record<string, unknown> = { cnf: null, nonce: null, tenant: null };
    dropAbsentClaims(claims);
    expect(claims).toEqual({ cnf: null, tenant: null });
  });

  it('takes an empty list of audiences for none', { tags: ['ATP-03', 'ATP-20'] }, () => {
    expect(refusal({ aud: [] })).toBe('aud_mismatch');
    expect(refusal({ aud: [], client_id: 'web' }, { issuer: { clientIds: ['web'] } })).toBeUndefined();
  });

  it.each([42, 0, true, false])('refuses the scope %j', { tags: ['ATP-07'] }, (scope) => {
    expect(refusal({ scope })).toBe('invalid_claim');
  });

  it.each([[['read']], [{ read: true }], [null], ['read'], ['']])(
    'leaves the scope %j to the check of scopes',
    { tags: ['SCP-04'] },
    (scope) => {
      expect(refusal({ scope })).toBeUndefined();
    },
  );

  it.each(
    [
      ...['orders', '{"sub":"orders"}', '', 42, true, false, [], [{ sub: 'orders' }], {}, { sub: null }],
      ...[{ act: { sub: 'orders' } }, { sub: 42 }, { sub: ['orders'] }, { client_id: false }],
      ...[
        { sub: 'orders', iss: {} },
        { sub: 'orders', client_id: 7 },
      ],
    ].map((act) => ({ act })),
  )('refuses the actor $act, which says that somebody acts and not who', { tags: ['ATP-07'] }, ({ act }) => {
    expect(refusal({ act })).toBe('invalid_claim');
    expect(refusal({ act }, { issuer: { isAccessToken: () => true } })).toBe('invalid_claim');
  });

  it.each(
    [
      ...[undefined, null, { sub: 'orders' }, { client_id: 'orders', iss: null }, { email: 'a@b.c' }],
      ...[
        { sub: 'orders', act: 'who acted before is history' },
        { sub: 'orders', act: { sub: 42 } },
      ],
    ].map((act) => ({ act })),
  )('takes the actor $act', { tags: ['ATP-07'] }, ({ act }) => {
    expect(refusal({ act })).toBeUndefined();
  });

  it('does not take members of every object for claims', { tags: ['OPS-11'] }, () => {
    const inherited = { toString: 42, constructor: 42, valueOf: 'x', hasOwnProperty: null };
    expect(refusal(inherited)).toBeUndefined();
  });
});

describe('the actor', () => {
  it.each([
    [undefined, undefined],
    [{ sub: 'orders' }, { subject: 'orders' }],
    [
      { sub: 's', iss: 'https://auth.example.com', client_id: 'c', azp: 'other' },
      { subject: 's', issuer: 'https://auth.example.com', clientId: 'c' },
    ],
    [{ email: 'a@b.c', sub: null }, {}],
    [
      { sub: 'outer', act: { sub: 'inner', client_id: 'inner', act: { iss: 'inner' } } },
      { subject: 'outer' },
    ],
    [JSON.parse('{"email":"a@b.c","__proto__":{"sub":"orders","client_id":"orders"}}'), {}],
  ])('is read from %j', { tags: ['ATP-13', 'OPS-11'] }, (act, expected) => {
    const actor = readActor({ sub: 'alice', client_id: 'web', act });
    const nobody = { subject: undefined, issuer: undefined, clientId: undefined };
    expect(actor).toStrictEqual(expected && { ...nobody, ...expected });
    expect(actor === undefined || Object.isFrozen(actor)).toBe(true);
  });
});

describe('the audience', () => {
  it.each([AUDIENCE, [AUDIENCE], ['https://other.example', AUDIENCE], [AUDIENCE, AUDIENCE]])(
    'may be %j',
    { tags: ['ATP-03', 'STP-13'] },
    (aud) => {
      expect(refusal({ aud })).toBeUndefined();
    },
  );

  it.each([
    'https://other.example',
    `${AUDIENCE}/`,
    AUDIENCE.toUpperCase(),
    AUDIENCE.slice(0, -1),
    `${AUDIENCE} `,
    `x ${AUDIENCE}`,
    'https:..api.example.com',
    '.*',
    '',
    [''],
    ['https://other.example', 'https://third.example'],
  ])('may not be %j', { tags: ['ATP-03'] }, (aud) => {
    expect(refusal({ aud })).toBe('aud_mismatch');
  });

  it.each([
    [`${AUDIENCE}/`, true],
    [AUDIENCE.toUpperCase(), true],
    [['https://other.example', `${AUDIENCE}/`], true],
    ['https://other.example', false],
  ])(
    'is compared as it is, and the log tells how little is wrong with %j: %j',
    { tags: ['ATP-03'] },
    (aud, isClose) => {
      const claims = { iss: ISSUER, aud, exp: NOW + 300 };
      const hint = hintOf(() => checkClaims(claims, 'at+jwt', resolvedIssuer(), NOW, 0));
      expect(hint?.includes('only by case or by a trailing slash') === true).toBe(isClose);
    },
  );

  it('may not be absent', { tags: ['ATP-03'] }, () => {
    expect(refusal({ aud: undefined })).toBe('aud_mismatch');
  });

  it.each([[[AUDIENCE, 1]], [[[AUDIENCE]]], [[null]], [{ [AUDIENCE]: true }], [1], [true]])(
    'is refused for its type when it is %j',
    { tags: ['JWT-24'] },
    (aud) => {
      expect(refusal({ aud })).toBe('invalid_claim');
    },
  );

  it('may be any of several identifiers of the issuer, in place of the common ones', {
    tags: ['ATP-03'],
  }, () => {
    const issuer = { audience: ['urn:one', 'urn:two'] };
    expect(refusal({ aud: 'urn:two' }, { issuer })).toBeUndefined();
    expect(refusal({ aud: AUDIENCE }, { issuer })).toBe('aud_mismatch');
  });
});

describe('a token without audience', () => {
  const issuer = { clientIds: ['web', 'app'] };

  it.each(['web', 'app'])('is accepted from the listed client %s', { tags: ['ATP-20'] }, (client) => {
    expect(refusal({ aud: undefined, client_id: client }, { issuer })).toBeUndefined();
  });

  it.each([
    { client_id: 'other' },
    { client_id: 'WEB' },
    { client_id: '' },
    {},
    { azp: 'web' },
    { sub: 'web' },
  ])('is refused when it carries %j', { tags: ['ATP-20'] }, (claims) => {
    expect(refusal({ aud: undefined, ...claims }, { issuer })).toBe('aud_mismatch');
  });

  it('names its client in the claim that the options say', { tags: ['ATP-20'] }, () => {
    const options = { issuer: { ...issuer, clientIdClaim: 'cid' } };
    expect(refusal({ aud: undefined, cid: 'web' }, options)).toBeUndefined();
    expect(refusal({ aud: undefined, cid: ['web'] }, options)).toBe('aud_mismatch');
    expect(refusal({ aud: undefined, client_id: 'web' }, options)).toBe('aud_mismatch');
  });

  it('does not excuse another audience', { tags: ['ATP-20'] }, () => {
    expect(refusal({ aud: 'urn:other', client_id: 'web' }, { issuer })).toBe('aud_mismatch');
  });
});

describe('the strict profile', () => {
  const complete = { sub: 'alice', client_id: 'web', iat: NOW, jti: '1' };
  const issuer = { tokenType: 'at+jwt' } as const;

  it('accepts a token with every claim of RFC 9068', { tags: ['ATP-06'] }, () => {
    expect(refusal(complete, { issuer })).toBeUndefined();
  });

  it.each(['exp', 'sub', 'client_id', 'iat', 'jti'])('requires %s', { tags: ['ATP-06'] }, (name) => {
    expect(refusal({ ...complete, [name]: undefined }, { issuer })).toBe('missing_claim');
  });

  it('requires aud even from an issuer with a list of clients', { tags: ['ATP-06'] }, () => {
    const listed = { ...issuer, clientIds: ['web'] };
    expect(refusal({ ...complete, aud: undefined }, { issuer: listed })).toBe('missing_claim');
  });

  it("isn't the default", { tags: ['ATP-06'] }, () => {
    expect(refusal({})).toBeUndefined();
  });
});

describe('wronglyTypedClaims', () => {
  it('names each claim', { tags: ['ATP-07'] }, () => {
    const claims = { client_id: 1, exp: '1', nbf: '1', iat: '1', scope: 1, act: 'x', sub: 'alice' };
    expect(wronglyTypedClaims(claims)).toEqual(['client_id', 'exp', 'nbf', 'iat', 'scope', 'act']);
  });
});

describe('readAudience', () => {
  it.each([
    [{ aud: 'a' }, ['a']],
    [{ aud: ['a', 'b'] }, ['a', 'b']],
    [{}, []],
    [{ aud: ['a', 1] }, []],
    [{ aud: { a: true } }, []],
  ])('reads %j as %j', { tags: ['JWT-24'] }, (claims, expected) => {
    expect(readAudience(claims)).toEqual(expected);
  });
});

describe('readClaim', () => {
  const claims = {
    scope: 'read',
    realm_access: { roles: ['admin'], nested: { deep: 1 } },
    'urn:example:a.b': 'dotted',
    'a.b': 'name',
    a: { b: 'path' },
    list: ['x'],
    nothing: null,
  };

  it.each([
    ['scope', 'read'],
    ['realm_access.roles', ['admin']],
    ['realm_access.nested.deep', 1],
    ['urn:example:a.b', 'dotted'],
    ['a.b', 'name'],
    ['nothing', null],
  ])('finds %s', { tags: ['SCP-08'] }, (name, expected) => {
    expect(readClaim(claims, name)).toEqual(expected);
  });

  it.each([
    'missing',
    'realm_access.missing',
    'realm_access.roles.0',
    'list.0',
    'list.length',
    'scope.length',
    'nothing.x',
    '',
    '.',
    'a..b',
    'realm_access.',
  ])('finds nothing at %j', { tags: ['SCP-08'] }, (name) => {
    expect(readClaim(claims, name)).toBeUndefined();
  });

  it.each([
    'toString',
    'constructor',
    '__proto__',
    'constructor.name',
    '__proto__.polluted',
    'a.constructor',
  ])('finds nothing at %s, which every object inherits', { tags: ['OPS-11'] }, (name) => {
    expect(readClaim(claims, name)).toBeUndefined();
  });
});
