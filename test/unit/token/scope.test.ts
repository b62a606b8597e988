import { describe, expect, it } from 'vitest';
import { isScopeToken, parseScopes } from '../../../src/token/scope.js';

describe('parseScopes', () => {
  it.each([
    ['read', ['read']],
    ['read write', ['read', 'write']],
    ['write read', ['write', 'read']],
    ['read read write read', ['read', 'write']],
    [
      'read:inventory https://api.example.com/.default',
      ['read:inventory', 'https://api.example.com/.default'],
    ],
    ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~", ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~"]],
  ])('reads %j as %j', { tags: ['SCP-01', 'SCP-02'] }, (claim, expected) => {
    expect(parseScopes(claim)).toEqual(expected);
  });

  it.each([
    ['', []],
    [' ', []],
    ['  read  write  ', ['read', 'write']],
    ['read,write', ['read,write']],
    ['read\twrite', []],
    ['read\nwrite', []],
    ['read\u00a0write', []],
    ['read "write"', ['read']],
    ['read wri\\te', ['read']],
    ['read schreiben-für-alle', ['read']],
    ['read \u0000', ['read']],
  ])("drops what isn't a scope token from %j: %j", { tags: ['SCP-03'] }, (claim, expected) => {
    expect(parseScopes(claim)).toEqual(expected);
  });

  it.each([
    [
      ['read', 'write'],
      ['read', 'write'],
    ],
    [['read write'], []],
    [['read', 1, null, ['write'], {}, 'read'], ['read']],
    [[], []],
  ])('takes the array %j element by element: %j', { tags: ['SCP-08'] }, (claim, expected) => {
    expect(parseScopes(claim)).toEqual(expected);
  });

  it('reads the value of SCIM objects, and nothing else of them', {
    tags: ['ATP-14'],
  }, () => {
    const roles = [
      { value: 'reader', display: 'Reader' },
      'writer',
      { value: 'a b' },
      { value: 1 },
      { display: 'x' },
    ];
    expect(parseScopes(roles)).toEqual(['reader', 'writer']);
  });

  it.each([undefined, null, 42, true, {}, { read: true }, { length: 1, 0: 'read' }, () => 'read'])(
    'reads no scope from %j',
    { tags: ['SCP-04', 'SCP-05'] },
    (claim) => {
      expect(parseScopes(claim)).toEqual([]);
    },
  );
});

describe('isScopeToken', () => {
  it('allows exactly the characters of RFC 6749 §3.3', { tags: ['BRR-20', 'SCP-03'] }, () => {
    const allowed: number[] = [];
    for (let code = 0; code < 0x180; code += 1)
      if (isScopeToken(String.fromCharCode(code))) allowed.push(code);
    const printable = Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => 0x21 + index);
    expect(allowed).toEqual(printable.filter((code) => code !== 0x22 && code !== 0x5c));
  });

  it.each(['', 'a b', 'a\n', '\na', 42, null, ['a']])('refuses %j', { tags: ['BRR-20'] }, (value) => {
    expect(isScopeToken(value)).toBe(false);
  });
});
