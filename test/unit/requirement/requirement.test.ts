import { describe, expect, it } from 'vitest';
import {
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  checkRequirementShape,
  type Requirement,
  requiredScopes,
  requirementOfAnyScope,
  requirementOfAuthentication,
  requirementOfAuthorizationDetails,
  requirementOfClaims,
  requirementOfScopes,
} from '../../../src/requirement/requirement.js';

const MEMBERS = 'allScopes, anyScope, claims, authentication, authorizationDetails';
const NEEDS = `a requirement needs one of ${MEMBERS}`;

/** What is said of a wrong list of authentication context classes. */
const LIST_OF_VALUES = (got: string): string =>
  `option "requireAuthentication.acrValues" takes a list of at least one value without spaces, quotes and backslashes, got ${got}`;

/** A value as a caller without types may pass it. */
const untyped = <T>(value: unknown): T => value as T;

describe.each([
  ['requirementOfScopes', requirementOfScopes, 'allScopes', 'requireScope'],
  ['requirementOfAnyScope', requirementOfAnyScope, 'anyScope', 'requireAnyScope'],
] as const)('%s', (_, make, member, name) => {
  it('keeps the scopes in order and without repetition', { tags: ['SCP-02'] }, () => {
    expect(make(['b', 'a', 'b'])).toEqual({ [member]: ['b', 'a'] });
  });

  it("can't be changed afterwards, even through the list it was made from", { tags: ['SCP-12'] }, () => {
    const scopes = ['read'];
    const requirement = make(scopes);
    scopes.pop();
    expect(requirement).toEqual({ [member]: ['read'] });
    expect(Object.isFrozen(requirement)).toBe(true);
    expect(Object.isFrozen(requirement[member])).toBe(true);
  });

  it.each([[[]], [undefined], [null], ['read'], [42], [{ 0: 'read', length: 1 }], [new Set(['read'])]])(
    'refuses %j for a list of scopes',
    { tags: ['SCP-06', 'SCP-12'] },
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
    [null, 'null'],
    [42, 'number'],
    [['read', 'write'], 'a list with string: spread it (...scopes)'],
    [{ scope: 'read' }, 'object'],
  ])('refuses the scope %j', { tags: ['BRR-20', 'SCP-12'] }, (scope, got) => {
    expect(() => make(untyped(['read', scope]))).toThrow(
      new TypeError(
        `${name} takes scopes without spaces, quotes and backslashes (RFC 6749, section 3.3), one per argument; got ${got}`,
      ),
    );
  });

  it('refuses a list with a hole', { tags: ['SCP-12'] }, () => {
    const scopes: string[] = [];
    scopes[1] = 'read';
    expect(() => make(scopes)).toThrow(TypeError);
  });

  it('names the function that the application called', { tags: ['SCP-12'] }, () => {
    expect(() => make([], '@RequireScope')).toThrow(new TypeError('@RequireScope needs at least one scope'));
  });
});

describe('requirementOfClaims', () => {
  it('keeps the predicate', { tags: ['SCP-12'] }, () => {
    const predicate = () => true;
    expect(requirementOfClaims(predicate)).toEqual({ claims: predicate });
  });

  it.each([
    [undefined, 'undefined'],
    [true, 'boolean'],
    [{ tenant: 'acme' }, 'object'],
    ['tenant', 'string'],
  ])('refuses %j for a predicate', { tags: ['SCP-12'] }, (predicate, got) => {
    expect(() => requirementOfClaims(untyped<ClaimsPredicate>(predicate))).toThrow(
      new TypeError(`requireClaims takes a function, got ${got}`),
    );
  });
});

describe('requirementOfAuthentication', () => {
  it('keeps levels in order of preference, and the age', { tags: ['STP-02', 'STP-03'] }, () => {
    expect(requirementOfAuthentication({ acrValues: ['gold', 'silver', 'gold'], maxAgeSeconds: 0 })).toEqual({
      authentication: { acrValues: ['gold', 'silver'], maxAgeSeconds: 0 },
    });
  });

  it('includes the scopes that the route requires', { tags: ['STP-05'] }, () => {
    expect(requirementOfAuthentication({ maxAgeSeconds: 300, scopes: ['write', 'write'] })).toStrictEqual({
      authentication: { maxAgeSeconds: 300 },
      allScopes: ['write'],
    });
    expect(requirementOfAuthentication({ acrValues: ['gold'] })).toStrictEqual({
      authentication: { acrValues: ['gold'] },
    });
  });

  it('cannot be changed afterwards', { tags: ['STP-02'] }, () => {
    const acrValues = ['gold'];
    const { authentication } = requirementOfAuthentication({ acrValues });
    acrValues.push('bronze');
    expect(authentication).toEqual({ acrValues: ['gold'] });
    expect(Object.isFrozen(authentication)).toBe(true);
    expect(Object.isFrozen(authentication?.acrValues)).toBe(true);
  });

  it.each([
    [undefined, 'option "requireAuthentication" takes an object, got undefined'],
    ['gold', 'option "requireAuthentication" takes an object, got string'],
    [{}, 'requireAuthentication needs acrValues or maxAgeSeconds'],
    [{ scopes: ['read'] }, 'requireAuthentication needs acrValues or maxAgeSeconds'],
    [
      { maxAge: 300 },
      'unknown option "maxAge" in requireAuthentication; did you mean maxAgeSeconds? Known are acrValues, maxAgeSeconds, scopes',
    ],
    [
      { maxAgeSeconds: -1 },
      'option "requireAuthentication.maxAgeSeconds" takes a number from 0 to 31536000, got -1',
    ],
    [
      { maxAgeSeconds: 300_000_000 },
      'option "requireAuthentication.maxAgeSeconds" takes a number from 0 to 31536000, got 300000000',
    ],
    [{ maxAgeSeconds: 1.5 }, 'option "requireAuthentication.maxAgeSeconds" takes a whole number, got number'],
    [
      { maxAgeSeconds: Number.NaN },
      'option "requireAuthentication.maxAgeSeconds" takes a number from 0 to 31536000, got NaN',
    ],
    [
      { maxAgeSeconds: '300' },
      'option "requireAuthentication.maxAgeSeconds" takes a number from 0 to 31536000, got string',
    ],
    [{ acrValues: 'gold' }, LIST_OF_VALUES('string')],
    [{ acrValues: [] }, LIST_OF_VALUES('an empty list')],
    [{ acrValues: ['silver gold'] }, LIST_OF_VALUES('a list with string')],
    [{ acrValues: ['silver', 'gold"'] }, LIST_OF_VALUES('a list with string')],
    [{ acrValues: ['"'] }, LIST_OF_VALUES('a list with string')],
    [{ acrValues: ['gold\r\nX: y'] }, LIST_OF_VALUES('a list with string')],
    [{ acrValues: [1] }, LIST_OF_VALUES('a list with number')],
    // A hole counts as undefined, which a token without `acr` would equal.
    [{ acrValues: new Array(1) }, LIST_OF_VALUES('a list with undefined')],
    [{ maxAgeSeconds: 300, scopes: [] }, 'requireAuthentication.scopes needs at least one scope'],
  ])('refuses %j: %s', { tags: ['STP-02', 'STP-03'] }, (options, message) => {
    expect(() => requirementOfAuthentication(untyped(options))).toThrow(new TypeError(message));
  });
});

describe('requirementOfAuthorizationDetails', () => {
  it('keeps the predicate', { tags: ['STP-08'] }, () => {
    const predicate = () => true;
    expect(requirementOfAuthorizationDetails(predicate)).toEqual({ authorizationDetails: predicate });
  });

  it.each([[undefined], ['payment'], [[{ type: 'payment' }]]])(
    'refuses %j for a predicate',
    { tags: ['STP-08'] },
    (predicate) => {
      expect(() =>
        requirementOfAuthorizationDetails(untyped<AuthorizationDetailsPredicate>(predicate)),
      ).toThrow('requireAuthorizationDetails takes a function');
    },
  );
});

describe('requiredScopes', () => {
  it('names each scope once, and never offline_access', { tags: ['BRR-25', 'MCP-05'] }, () => {
    const requirements: Requirement[] = [
      { allScopes: ['read', 'offline_access'] },
      { anyScope: ['write', 'read'] },
      { claims: () => true },
      { authentication: { maxAgeSeconds: 1 }, allScopes: ['pay'] },
    ];
    expect(requiredScopes(requirements, {})).toEqual(['read', 'write', 'pay']);
    expect(requiredScopes([], {})).toEqual([]);
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
    [{ authentication: { acrValues: ['gold'] } }],
    [{ authentication: { maxAgeSeconds: 0 }, allScopes: ['read'] }],
    [{ authorizationDetails: () => true }],
    [requirementOfAuthentication({ maxAgeSeconds: 300 })],
    [requirementOfAuthorizationDetails(() => true)],
  ])('accepts %j', { tags: ['SCP-12'] }, (requirement) => {
    expect(() => checkRequirementShape(requirement)).not.toThrow();
  });

  it.each([
    [undefined, 'a requirement is an object, got undefined'],
    [null, 'a requirement is an object, got null'],
    ['read', 'a requirement is an object, got string'],
    [() => true, 'a requirement is an object, got function'],
    [{}, NEEDS],
    [[], NEEDS],
    [Object.create({ allScopes: ['read'] }), NEEDS],
    [{ allScopes: undefined }, NEEDS],
    [{ scopes: ['read'] }, `unknown member "scopes" of a requirement; it takes ${MEMBERS}`],
    [
      { allScopes: ['read'], anyscope: ['read'] },
      `unknown member "anyscope" of a requirement; it takes ${MEMBERS}`,
    ],
    [['read'], `unknown member "0" of a requirement; it takes ${MEMBERS}`],
    [{ allScopes: [] }, 'allScopes needs at least one scope'],
    [{ anyScope: [] }, 'anyScope needs at least one scope'],
    [{ allScopes: 'read' }, 'allScopes needs at least one scope'],
    [{ allScopes: null }, 'allScopes needs at least one scope'],
    [{ allScopes: ['read'], anyScope: [] }, 'anyScope needs at least one scope'],
    [{ claims: true }, 'claims takes a function, got boolean'],
    [{ claims: { tenant: 'acme' } }, 'claims takes a function, got object'],
    [{ authentication: {} }, 'authentication needs acrValues or maxAgeSeconds'],
    [{ authentication: 300 }, 'option "authentication" takes an object, got number'],
    [{ authorizationDetails: ['payment'] }, 'authorizationDetails takes a function, got object'],
  ])('refuses %j: %s', { tags: ['SCP-06', 'SCP-12'] }, (requirement, message) => {
    expect(() => checkRequirementShape(untyped(requirement))).toThrow(new TypeError(message));
  });
});
