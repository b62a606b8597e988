import { describe, expect, it } from 'vitest';
import {
  type ClaimsPredicate,
  checkRequirementShape,
  type Requirement,
  requirementOfAnyScope,
  requirementOfClaims,
  requirementOfScopes,
} from '../../../src/requirement/requirement.js';

/** A value as a caller without types may pass it. */
const untyped = <T>(value: unknown): T => value as T;

describe.each([
  ['requirementOfScopes', requirementOfScopes, 'allScopes', 'requireScope'],
  ['requirementOfAnyScope', requirementOfAnyScope, 'anyScope', 'requireAnyScope'],
] as const)('%s', (_, make, member, name) => {
  it('SCP-02 keeps the scopes in order and without repetition', () => {
    expect(make(['b', 'a', 'b'])).toEqual({ [member]: ['b', 'a'] });
  });

  it('SCP-12 cannot be changed afterwards, also not by the list it was made of', () => {
    const scopes = ['read'];
    const requirement = make(scopes);
    scopes.pop();
    expect(requirement).toEqual({ [member]: ['read'] });
    expect(Object.isFrozen(requirement)).toBe(true);
    expect(Object.isFrozen(requirement[member])).toBe(true);
  });

  it.each([[[]], [undefined], [null], ['read'], [42], [{ 0: 'read', length: 1 }], [new Set(['read'])]])(
    'SCP-06 SCP-12 refuses %j for a list of scopes',
    (scopes) => {
      expect(() => make(untyped(scopes))).toThrow(new TypeError(`${name} needs at least one scope`));
    },
  );

  it.each([
    ['', '""'],
    ['read write', '"read write"'],
    ['read,"write"', String.raw`"read,\"write\""`],
    ['a\\b', String.raw`"a\\b"`],
    ['für', '"für"'],
    ['read\n', String.raw`"read\n"`],
    [undefined, 'undefined'],
    [null, 'object'],
    [42, 'number'],
    [['read', 'write'], 'object'],
  ])('BRR-20 SCP-12 refuses the scope %j', (scope, got) => {
    expect(() => make(untyped(['read', scope]))).toThrow(
      new TypeError(
        `${name} takes scopes without spaces, quotes and backslashes (RFC 6749, section 3.3), one per argument; got ${got}`,
      ),
    );
  });

  it('SCP-12 refuses a list with a hole', () => {
    const scopes: string[] = [];
    scopes[1] = 'read';
    expect(() => make(scopes)).toThrow(TypeError);
  });

  it('SCP-12 names the function that the application called', () => {
    expect(() => make([], '@RequireScope')).toThrow(new TypeError('@RequireScope needs at least one scope'));
  });
});

describe('requirementOfClaims', () => {
  it('SCP-12 keeps the predicate', () => {
    const predicate = () => true;
    expect(requirementOfClaims(predicate)).toEqual({ claims: predicate });
  });

  it.each([
    [undefined, 'undefined'],
    [true, 'boolean'],
    [{ tenant: 'acme' }, 'object'],
    ['tenant', 'string'],
  ])('SCP-12 refuses %j for a predicate', (predicate, got) => {
    expect(() => requirementOfClaims(untyped<ClaimsPredicate>(predicate))).toThrow(
      new TypeError(`requireClaims takes a function, got ${got}`),
    );
  });
});

describe('checkRequirementShape', () => {
  it.each<[Requirement]>([
    [{ allScopes: ['read'] }],
    [{ anyScope: ['read', 'write'] }],
    [{ claims: () => true }],
    [{ allScopes: ['read'], anyScope: ['write'], claims: () => true }],
    [untyped({ allScopes: ['read'], anyScope: undefined, claims: undefined })],
    [requirementOfScopes(['read'])],
    [requirementOfAnyScope(['read'])],
    [requirementOfClaims(() => true)],
  ])('SCP-12 accepts %j', (requirement) => {
    expect(() => checkRequirementShape(requirement)).not.toThrow();
  });

  it.each([
    [undefined, 'a requirement is an object, got undefined'],
    [null, 'a requirement is an object, got null'],
    ['read', 'a requirement is an object, got string'],
    [() => true, 'a requirement is an object, got function'],
    [{}, 'a requirement needs allScopes, anyScope or claims'],
    [[], 'a requirement needs allScopes, anyScope or claims'],
    [Object.create({ allScopes: ['read'] }), 'a requirement needs allScopes, anyScope or claims'],
    [{ allScopes: undefined }, 'a requirement needs allScopes, anyScope or claims'],
    [
      { scopes: ['read'] },
      'unknown member "scopes" of a requirement; it takes allScopes, anyScope and claims',
    ],
    [
      { allScopes: ['read'], anyscope: ['read'] },
      'unknown member "anyscope" of a requirement; it takes allScopes, anyScope and claims',
    ],
    [['read'], 'unknown member "0" of a requirement; it takes allScopes, anyScope and claims'],
    [{ allScopes: [] }, 'allScopes needs at least one scope'],
    [{ anyScope: [] }, 'anyScope needs at least one scope'],
    [{ allScopes: 'read' }, 'allScopes needs at least one scope'],
    [{ allScopes: null }, 'allScopes needs at least one scope'],
    [{ allScopes: ['read'], anyScope: [] }, 'anyScope needs at least one scope'],
    [{ claims: true }, 'claims takes a function, got boolean'],
    [{ claims: { tenant: 'acme' } }, 'claims takes a function, got object'],
  ])('SCP-06 SCP-12 refuses %j: %s', (requirement, message) => {
    expect(() => checkRequirementShape(untyped(requirement))).toThrow(new TypeError(message));
  });
});
