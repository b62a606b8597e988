import { describe, expect, it } from 'vitest';
import type { Auth } from '../../../src/auth.js';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import { checkRequirement, requiredScopes } from '../../../src/requirement/check-requirement.js';
import type { ClaimsPredicate, Requirement } from '../../../src/requirement/requirement.js';
import { fakeAuth } from '../../../src/testing/index.js';
import { listenTo } from '../../support/listen-to.js';

const auth = fakeAuth({ scopes: ['read:inventory', 'write'], claims: { tenant: 'acme' } });
const refusal = (requirement: Requirement, caller: Auth | undefined = auth) =>
  checkRequirement(caller, requirement)?.reason;

describe('scopes', () => {
  it.each<[Requirement]>([
    [{ allScopes: ['write'] }],
    [{ allScopes: ['write', 'read:inventory'] }],
    [{ anyScope: ['admin', 'write'] }],
    [{ allScopes: ['read:inventory'], anyScope: ['admin', 'write'] }],
  ])('SCP-02 SCP-06 meet %j', (requirement) => {
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
  ])('SCP-01 SCP-06 do not meet %j', (requirement) => {
    expect(refusal(requirement)).toBe('insufficient_scope');
  });

  it.each<[Requirement]>([[{ allScopes: ['read'] }], [{ anyScope: ['read'] }]])(
    'SCP-05 ATP-15 are none where the token grants none: %j',
    (requirement) => {
      expect(refusal(requirement, fakeAuth())).toBe('insufficient_scope');
    },
  );

  it('SCP-09 are not taken from roles and permissions', () => {
    const claims = { roles: ['admin'], permissions: ['admin'], scp: 'admin' };
    expect(refusal({ allScopes: ['admin'] }, fakeAuth({ claims }))).toBe('insufficient_scope');
  });
});

describe('a request without credentials', () => {
  it.each<[Requirement]>([[{ allScopes: ['read'] }], [{ anyScope: ['read'] }], [{ claims: () => true }]])(
    'BRR-13 BRR-31 meets nothing, and is asked for credentials: %j',
    (requirement) => {
      const error = checkRequirement(undefined, requirement);
      expect(error).toMatchObject({ status: 401, reason: 'missing_credentials', error: undefined });
    },
  );
});

describe('a predicate', () => {
  it('ATP-15 is given the claims and everything else that is known', () => {
    const seen: unknown[] = [];
    const claims: ClaimsPredicate = (...given) => {
      seen.push(...given);
      return true;
    };
    expect(refusal({ claims })).toBeUndefined();
    expect(seen).toEqual([auth.claims, auth]);
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
  ])('OPS-09 that returns %s refuses unless it is true, and is reported', (_, predicate, reason, details) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const claims = predicate as unknown as ClaimsPredicate; // as an application without types may write it
    expect(refusal({ claims })).toBe(reason);
    expect(warnings).toEqual(details.map((detail) => ({ source: 'claims', detail })));
  });

  it.each([
    ['an error', new RangeError('acme is not allowed'), 'RangeError'],
    ['a string', 'acme', 'string'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'object'],
  ])('OPS-09 that throws %s refuses, and is reported without the text', (_, thrown, detail) => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const claims = (): never => {
      throw thrown;
    };
    expect(refusal({ claims })).toBe('claims_not_met');
    expect(warnings).toEqual([{ source: 'claims', detail }]);
  });

  it('OPS-06 is not asked where a scope is missing', () => {
    let asked = 0;
    const claims = () => {
      asked += 1;
      return true;
    };
    expect(refusal({ allScopes: ['admin'], claims })).toBe('insufficient_scope');
    expect(asked).toBe(0);
  });
});

describe('requiredScopes', () => {
  it.each<[Requirement, readonly string[]]>([
    [{ allScopes: ['a', 'b'] }, ['a', 'b']],
    [{ anyScope: ['a', 'b'] }, ['a', 'b']],
    [{ allScopes: ['a', 'b'], anyScope: ['b', 'c'] }, ['a', 'b', 'c']],
    [{ claims: () => true }, []],
  ])('BRR-25 SCP-11 of %j are %j', (requirement, expected) => {
    expect(requiredScopes(requirement)).toEqual(expected);
  });
});
