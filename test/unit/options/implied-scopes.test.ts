import { describe, expect, it } from 'vitest';
import { checkImpliedScopes } from '../../../src/options/implied-scopes.js';

const check = (given: unknown) => ({ ...checkImpliedScopes(given, 'impliedScopes') });

describe('impliedScopes', () => {
  it('is followed through', { tags: ['SCP-07'] }, () => {
    expect(check({ admin: ['write', 'audit'], write: ['read'], root: ['admin'] })).toEqual({
      write: ['admin', 'root'],
      audit: ['admin', 'root'],
      read: ['admin', 'write', 'root'],
      admin: ['root'],
    });
  });

  it('knows scopes that are called as members of every object are', { tags: ['SCP-07'] }, () => {
    const implied = checkImpliedScopes(JSON.parse('{ "__proto__": ["constructor"] }'), 'impliedScopes');
    expect(implied.constructor).toEqual(['__proto__']);
    expect(implied.toString).toBeUndefined();
  });

  it.each([
    [[], 'takes an object of lists of scopes'],
    [null, 'takes an object of lists of scopes'],
    ['admin', 'takes an object of lists of scopes'],
    [new Map(), 'takes an object of lists of scopes'],
    [{ admin: 'read' }, 'option "impliedScopes.admin" takes a list of scopes, got string'],
    [{ admin: [] }, 'option "impliedScopes.admin" takes a list of scopes'],
    [{ admin: ['read write'] }, 'takes scopes without spaces'],
    [{ admin: [1] }, 'takes scopes without spaces'],
    [{ 'read write': ['read'] }, 'takes scopes without spaces'],
    [{ admin: ['admin'] }, 'has scopes that imply each other, "admin" among them'],
    [{ a: ['b'], b: ['c'], c: ['a'] }, 'has scopes that imply each other, "a" among them'],
  ])('refuses %j', { tags: ['SCP-07'] }, (given, message) => {
    expect(() => check(given)).toThrow(message);
    expect(() => check(given)).toThrow(TypeError);
  });
});
