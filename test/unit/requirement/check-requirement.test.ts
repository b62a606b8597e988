import { describe, expect, it } from 'vitest';
import type { Auth } from '../../../src/auth.js';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import { authorizationDetailsOf, checkRequirements } from '../../../src/requirement/check-requirement.js';
import type { ClaimsPredicate, Requirement } from '../../../src/requirement/requirement.js';
import { fakeAuth } from '../../../src/testing/index.js';
import { listenTo } from '../../support/listen-to.js';

const auth = fakeAuth({ scopes: ['read:inventory', 'write'], claims: { tenant: 'acme' } });
const NOW = 1_900_000_000;
const runtime = { clock: () => NOW * 1000, clockToleranceSeconds: 5 };
const terms = { runtime, impliedScopes: Object.create(null) };
const refusal = (requirement: Requirement, caller: Auth | undefined = auth) =>
  checkRequirements(caller, [requirement], terms)?.error.reason;

describe('scopes', () => {
  it.each<[Requirement]>([
    [{ allScopes: ['write'] }],
    [{ allScopes: ['write', 'read:inventory'] }],
    [{ anyScope: ['admin', 'write'] }],
    [{ allScopes: ['read:inventory'], anyScope: ['admin', 'write'] }],
  ])('meet %j', { tags: ['SCP-02', 'SCP-06'] }, (requirement) => {
    expect(refusal(requirement)).toBeUndefined();
  });

  it.each<[Requirement]>([
    [{ allScopes: ['admin'] }],
    [{ allScopes: ['write', 'admin'] }],
    [{ anyScope: ['admin', 'other'] }],
    [{ allScopes: ['read:inventory', 'admin'], anyScope: ['write'] }],
    [{ allScopes: ['write'], anyScope: ['admin'] }],
    [{ allScopes: ['read'] }],
    [{ allScopes: ['read:'] }],
    [{ allScopes: ['read:inventory:all'] }],
    [{ allScopes: ['READ:INVENTORY'] }],
    [{ allScopes: ['read.inventory'] }],
    [{ allScopes: ['.*'] }],
    [{ allScopes: ['*'] }],
    [{ anyScope: ['read', 'wri', 'writer', 'WRITE'] }],
    [{ allScopes: ['constructor'] }],
    [{ allScopes: ['length'] }],
  ])('do not meet %j', { tags: ['SCP-01', 'SCP-06'] }, (requirement) => {
    expect(refusal(requirement)).toBe('insufficient_scope');
  });

  it.each<[Requirement]>([[{ allScopes: ['read'] }], [{ anyScope: ['read'] }]])(
    'are none where the token grants none: %j',
    { tags: ['SCP-05', 'ATP-15'] },
    (requirement) => {
      expect(refusal(requirement, fakeAuth())).toBe('insufficient_scope');
    },
  );

  it('are not taken from roles and permissions', { tags: ['SCP-09'] }, () => {
    const claims = { roles: ['admin'], permissions: ['admin'], scp: 'admin' };
    expect(refusal({ allScopes: ['admin'] }, fakeAuth({ claims }))).toBe('insufficient_scope');
  });
});

describe('a request without credentials', () => {
  it.each<[Requirement]>([
    [{ allScopes: ['read'] }],
    [{ anyScope: ['read'] }],
    [{ claims: () => true }],
    [{ authentication: { maxAgeSeconds: 300 } }],
    [{ authorizationDetails: () => true }],
  ])('meets nothing, and is asked for credentials: %j', { tags: ['BRR-13', 'BRR-31'] }, (requirement) => {
    const error = checkRequirements(undefined, [requirement], terms)?.error;
    expect(error).toMatchObject({ status: 401, reason: 'missing_credentials', error: undefined });
  });
});

describe('a predicate', () => {
  it('is given the claims and everything else that is known', { tags: ['ATP-15'] }, () => {
    const seen: unknown[] = [];
    const claims: ClaimsPredicate = (...given) => {
      seen.push(...given);
      return true;
    };
    expect(refusal({ claims })).toBeUndefined();
    expect(seen).toEqual([auth.claims, auth]);
  });

  it('tells actors apart, and a direct call, by the outermost act', { tags: ['ATP-13'] }, () => {
    const acted = (act?: object) => fakeAuth({ claims: { act } });
    const byOrders: Requirement = { claims: (_claims, { actor }) => actor?.subject === 'orders' };
    const direct: Requirement = { claims: (_claims, { actor }) => actor === undefined };
    expect(refusal(byOrders, acted({ sub: 'orders', act: { sub: 'shop' } }))).toBeUndefined();
    expect(refusal(byOrders, acted({ sub: 'shop', act: { sub: 'orders' } }))).toBe('claims_not_met');
    expect(refusal(byOrders, acted())).toBe('claims_not_met');
    expect(refusal(direct, acted())).toBeUndefined();
    expect(refusal(direct, acted({ email: 'orders@shop.example' }))).toBe('claims_not_met');
  });

  it.each([
    ['boolean', () => true, undefined, []],
    ['boolean', () => false, 'claims_not_met', []],
    ['undefined', () => undefined, 'claims_not_met', ['undefined']],
    ['null', () => null, 'claims_not_met', ['object']],
    ['one', () => 1, 'claims_not_met', ['number']],
    ['a string', () => 'true', 'claims_not_met', ['string']],
    ['a Boolean object', () => Object(true), 'claims_not_met', ['object']],
    ['a list', () => ['acme'], 'claims_not_met', ['object']],
    ['a function', () => () => true, 'claims_not_met', ['function']],
    ['a promise of true', async () => true, 'claims_not_met', ['promise']],
    ['a promise of an error', () => Promise.reject(new RangeError('acme')), 'claims_not_met', ['promise']],
    [
      'a promise of another make that rejects',
      () =>
        Object.fromEntries([['then', (_: unknown, reject: (e: Error) => void) => reject(new Error('x'))]]),
      'claims_not_met',
      ['promise'],
    ],
  ])(
    'refuses unless it returns true, and a wrong %s is reported',
    { tags: ['OPS-09'] },
    (_, predicate, reason, details) => {
      const warnings = listenTo<WarningMessage>(channels.warning);
      const claims = predicate as unknown as ClaimsPredicate; // as an application without types may write it
      expect(refusal({ claims })).toBe(reason);
      expect(warnings).toEqual(details.map((detail) => ({ source: 'claims', detail })));
    },
  );

  it.each([
    ['an error', new RangeError('acme is not allowed'), 'RangeError'],
    ['a string', 'acme', 'string'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'object'],
  ])(
    'refuses if it throws %s, which is reported without the text',
    { tags: ['OPS-09'] },
    (_, thrown, detail) => {
      const warnings = listenTo<WarningMessage>(channels.warning);
      const claims = (): never => {
        throw thrown;
      };
      expect(refusal({ claims })).toBe('claims_not_met');
      expect(warnings).toEqual([{ source: 'claims', detail }]);
    },
  );

  it('is not asked where a scope is missing', { tags: ['OPS-06'] }, () => {
    let asked = 0;
    const claims = () => {
      asked += 1;
      return true;
    };
    expect(refusal({ allScopes: ['admin'], claims })).toBe('insufficient_scope');
    expect(asked).toBe(0);
  });
});

describe('authentication', () => {
  const SILVER = { acrValues: ['silver', 'gold'] };
  const RECENT = { maxAgeSeconds: 300 };

  it.each<[NonNullable<Requirement['authentication']>, Record<string, unknown>]>([
    [SILVER, { acr: 'silver' }],
    [SILVER, { acr: 'gold' }],
    [RECENT, { auth_time: NOW }],
    [RECENT, { auth_time: NOW - 305 }],
    [RECENT, { auth_time: NOW + 5 }],
    [{ maxAgeSeconds: 0 }, { auth_time: NOW - 5 }],
    [
      { ...SILVER, ...RECENT },
      { acr: 'gold', auth_time: NOW - 300 },
    ],
  ])('lets %j be met by %j', { tags: ['STP-02', 'STP-03'] }, (authentication, claims) => {
    expect(refusal({ authentication }, fakeAuth({ claims }))).toBeUndefined();
  });

  it.each<[NonNullable<Requirement['authentication']>, Record<string, unknown>, string]>([
    [SILVER, {}, 'acr_not_met'],
    [SILVER, { acr: 'bronze' }, 'acr_not_met'],
    [SILVER, { acr: 'Gold' }, 'acr_not_met'],
    [SILVER, { acr: 'silver gold' }, 'acr_not_met'],
    [SILVER, { acr: '' }, 'acr_not_met'],
    [SILVER, { acr: ['gold'] }, 'acr_not_met'],
    [SILVER, { acr: null }, 'acr_not_met'],
    [SILVER, { amr: ['gold'] }, 'acr_not_met'],
    [RECENT, {}, 'authentication_too_old'],
    [RECENT, { auth_time: NOW - 306 }, 'authentication_too_old'],
    [RECENT, { auth_time: NOW + 6 }, 'authentication_too_old'],
    [RECENT, { auth_time: NOW * 1000 }, 'authentication_too_old'],
    [RECENT, { auth_time: String(NOW) }, 'authentication_too_old'],
    [RECENT, { auth_time: null }, 'authentication_too_old'],
    [RECENT, { iat: NOW }, 'authentication_too_old'],
    [RECENT, { iat: NOW, auth_time: NOW - 3600 }, 'authentication_too_old'],
    [{ maxAgeSeconds: 0 }, { auth_time: NOW - 6 }, 'authentication_too_old'],
    [{ ...SILVER, ...RECENT }, { acr: 'gold' }, 'authentication_too_old'],
    [{ ...SILVER, ...RECENT }, { auth_time: NOW }, 'acr_not_met'],
  ])(
    "doesn't let %j be met by %j",
    { tags: ['STP-01', 'STP-04', 'STP-07'] },
    (authentication, claims, reason) => {
      const error = checkRequirements(fakeAuth({ claims }), [{ authentication }], terms)?.error;
      expect(error).toMatchObject({ status: 401, error: 'insufficient_user_authentication', reason });
    },
  );

  it('is not met by a clock that does not work', { tags: ['STP-04'] }, () => {
    const auth = fakeAuth({ claims: { auth_time: NOW } });
    const broken = { ...terms, runtime: { ...runtime, clock: () => Number.NaN } };
    expect(checkRequirements(auth, [{ authentication: RECENT }], broken)?.error.reason).toBe(
      'authentication_too_old',
    );
  });

  it('goes before what else is missing', { tags: ['STP-05'] }, () => {
    expect(refusal({ authentication: RECENT, allScopes: ['admin'], claims: () => false })).toBe(
      'authentication_too_old',
    );
    const recent = fakeAuth({ claims: { auth_time: NOW } });
    expect(refusal({ authentication: RECENT, allScopes: ['admin'] }, recent)).toBe('insufficient_scope');
  });

  it('does not look at the clock where nothing depends on it', () => {
    const clock = () => {
      throw new Error('looked');
    };
    const requirement: Requirement = { allScopes: ['write'], authentication: { acrValues: ['gold'] } };
    const auth = fakeAuth({ scopes: ['write'], claims: { acr: 'gold' } });
    expect(
      checkRequirements(auth, [requirement], { ...terms, runtime: { ...runtime, clock } }),
    ).toBeUndefined();
  });
});

describe('authorization details', () => {
  const details = [{ type: 'payment', amount: 12 }, { type: 'account' }];
  const withDetails = (claim: unknown) => fakeAuth({ claims: { authorization_details: claim } });

  it('are given to the predicate, all of them, with everything else that is known', {
    tags: ['STP-08'],
  }, () => {
    const seen: unknown[] = [];
    const auth = withDetails(details);
    const authorizationDetails = (...given: unknown[]) => {
      seen.push(...given);
      return true;
    };
    expect(refusal({ authorizationDetails }, auth)).toBeUndefined();
    expect(seen).toEqual([details, auth]);
  });

  it.each([[false], [undefined], [1], ['true'], [Promise.resolve(true)]])(
    'are refused if the predicate returns %j',
    { tags: ['STP-09'] },
    (returned) => {
      const authorizationDetails = () => returned as unknown as boolean; // as an application without types may write it
      const error = checkRequirements(withDetails(details), [{ authorizationDetails }], terms)?.error;
      expect(error).toMatchObject({
        status: 403,
        error: 'insufficient_scope',
        reason: 'authorization_details_not_met',
      });
    },
  );

  it('are refused if the predicate throws, and that is reported without the text', {
    tags: ['STP-09'],
  }, () => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const authorizationDetails = (): never => {
      throw new RangeError('payment of 12');
    };
    expect(refusal({ authorizationDetails }, withDetails(details))).toBe('authorization_details_not_met');
    expect(warnings).toEqual([{ source: 'authorizationDetails', detail: 'RangeError' }]);
  });

  it.each([
    [undefined],
    [null],
    [[]],
    ['payment'],
    [{ type: 'payment' }],
    [['payment']],
    [[{}]],
    [[{ type: 1 }]],
    [[{ type: '' }]],
    [[{ type: 'payment' }, null]],
    [[{ type: 'payment' }, ['type']]],
    [[{ type: 'payment' }, { Type: 'account' }]],
    [JSON.stringify(details)],
  ])(
    "grant nothing if they're missing or malformed, without asking the predicate: %j",
    { tags: ['STP-08'] },
    (claim) => {
      let asked = 0;
      const authorizationDetails = () => {
        asked += 1;
        return true;
      };
      expect(refusal({ authorizationDetails }, withDetails(claim))).toBe('authorization_details_not_met');
      expect(asked).toBe(0);
      expect(authorizationDetailsOf(withDetails(claim))).toEqual([]);
    },
  );

  it('can be read by a handler', { tags: ['STP-08'] }, () => {
    expect(authorizationDetailsOf(withDetails(details))).toEqual(details);
    expect(authorizationDetailsOf(fakeAuth())).toEqual([]);
  });
});

describe('what the challenge names', () => {
  const claims = () => false;
  const wanted = (...requirements: Requirement[]) => checkRequirements(auth, requirements, terms)?.wanted;

  it.each<[Requirement[], readonly string[]]>([
    [[{ allScopes: ['a', 'b'] }], ['a', 'b']],
    [[{ anyScope: ['a', 'b'] }], ['a', 'b']],
    [[{ allScopes: ['a', 'b'], anyScope: ['b', 'c'] }], ['a', 'b', 'c']],
    [[{ claims }], []],
    [[{ allScopes: ['a', 'offline_access'] }], ['a']],
    [
      [{ allScopes: ['a'] }, { allScopes: ['b'] }],
      ['a', 'b'],
    ],
    [
      [{ allScopes: ['write'] }, { allScopes: ['b'] }],
      ['write', 'b'],
    ],
    [
      [{ allScopes: ['a'] }, { anyScope: ['b', 'write'] }],
      ['a', 'b', 'write'],
    ],
    [[{ claims }, { allScopes: ['write'] }], ['write']],
  ])('of %j are the scopes %j', { tags: ['BRR-25', 'SCP-11', 'MCP-05'] }, (requirements, scopes) => {
    expect(wanted(...requirements)).toEqual({ scopes });
  });

  it("are level and age of a step-up, and the scopes only if they're missing too", {
    tags: ['STP-02', 'STP-03', 'STP-05'],
  }, () => {
    const authentication = { acrValues: ['gold'], maxAgeSeconds: 300 };
    expect(wanted({ authentication, allScopes: ['write'] })).toEqual({ ...authentication, scopes: [] });
    expect(wanted({ authentication }, { anyScope: ['admin'] })).toEqual({
      ...authentication,
      scopes: ['admin'],
    });
  });

  it.each<[NonNullable<Requirement['authentication']>[], NonNullable<Requirement['authentication']>]>([
    [
      [{ acrValues: ['gold', 'silver'] }, { acrValues: ['silver', 'gold', 'tin'] }],
      { acrValues: ['gold', 'silver'] },
    ],
    [[{ acrValues: ['gold', 'silver'] }, { acrValues: ['silver'] }], { acrValues: ['silver'] }],
    [[{ acrValues: ['gold'] }, { acrValues: ['silver'] }], { acrValues: ['gold'] }],
    [
      [{ acrValues: ['gold', 'silver'] }, { acrValues: ['gold', 'silver'] }, { acrValues: ['silver'] }],
      { acrValues: ['silver'] },
    ],
    [[{ maxAgeSeconds: 300 }, { maxAgeSeconds: 60 }], { maxAgeSeconds: 60 }],
    [[{ maxAgeSeconds: 300 }, { acrValues: ['gold'] }], { acrValues: ['gold'], maxAgeSeconds: 300 }],
  ])(
    'of the demands %j are those that meet all of them: %j',
    { tags: ['STP-02', 'STP-03'] },
    (demands, expected) => {
      const requirements = demands.map((authentication) => ({ authentication }));
      expect(wanted(...requirements)).toEqual({ ...expected, scopes: [] });
    },
  );

  it('is found before any predicate is called', { tags: ['OPS-06'] }, () => {
    let asked = 0;
    const ask = () => {
      asked += 1;
      return true;
    };
    expect(wanted({ claims: ask }, { authorizationDetails: ask }, { allScopes: ['admin'] })).toBeDefined();
    expect(asked).toBe(0);
  });
});
