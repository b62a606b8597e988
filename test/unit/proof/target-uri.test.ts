import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseTargetUri, pathOfTargetUri } from '../../../src/proof/target-uri.js';

describe('normaliseTargetUri', () => {
  it.each([
    ['https://api.example.com/stock/42', 'https://api.example.com/stock/42'],
    ['HTTPS://API.Example.COM/Stock', 'https://api.example.com/Stock'],
    ['https://api.example.com', 'https://api.example.com/'],
    ['https://api.example.com?a=1', 'https://api.example.com/'],
    ['https://api.example.com#top', 'https://api.example.com/'],
    ['https://api.example.com/a?b#c', 'https://api.example.com/a'],
    ['https://api.example.com/a#b?c', 'https://api.example.com/a'],
    ['https://api.example.com/a?\u00e9 ', 'https://api.example.com/a'],
    ['https://api.example.com:443/a', 'https://api.example.com/a'],
    ['http://api.example.com:80/a', 'http://api.example.com/a'],
    ['https://api.example.com:/a', 'https://api.example.com/a'],
    ['https://api.example.com:80/a', 'https://api.example.com:80/a'],
    ['http://api.example.com:443/a', 'http://api.example.com:443/a'],
    ['https://api.example.com:8443/a', 'https://api.example.com:8443/a'],
    ['https://[2001:DB8::1]:443/a', 'https://[2001:db8::1]/a'],
    ['https://[::443]/a', 'https://[::443]/a'],
    ['https://api.example.com/%7euser/%41%2d', 'https://api.example.com/~user/A-'],
    ['https://api.example.com/%e2%82%ac%2F%3a', 'https://api.example.com/%E2%82%AC%2F%3A'],
    ['https://api.example.com/%zz%4', 'https://api.example.com/%zz%4'],
    ['https://api.example.com/a/./b/../c', 'https://api.example.com/a/c'],
    ['https://api.example.com/a/b/.', 'https://api.example.com/a/b/'],
    ['https://api.example.com/a/b/..', 'https://api.example.com/a/'],
    ['https://api.example.com/../../a', 'https://api.example.com/a'],
    ['https://api.example.com/..', 'https://api.example.com/'],
    ['https://api.example.com/a/%2e%2E/b', 'https://api.example.com/b'],
    ['https://api.example.com/a/.../.b/..c', 'https://api.example.com/a/.../.b/..c'],
    ['https://api.example.com//a//../b', 'https://api.example.com//a/b'],
  ])('makes of %s: %s', { tags: ['DPP-12'] }, (url, expected) => {
    expect(normaliseTargetUri(url)).toBe(expected);
  });

  it.each([
    ['https://api.example.com/a', 'https://api.example.com/a/'],
    ['https://api.example.com/a', 'https://api.example.com/A'],
    ['https://api.example.com/a', 'https://api.example.com//a'],
    ['https://api.example.com/a', 'http://api.example.com/a'],
    ['https://api.example.com/a', 'https://api.example.com./a'],
    ['https://api.example.com/a', 'https://api.example.com:0443/a'],
    ['https://api.example.com/a', 'https://user@api.example.com/a'],
    ['https://api.example.com/a/b', 'https://api.example.com/a%2Fb'],
    ['https://api.example.com/a+b', 'https://api.example.com/a%20b'],
    ['https://api.example.com/a|b', 'https://api.example.com/a%7Cb'],
    ['https://api.example.com/a/b', 'https://api.example.com/a\\b'],
    ['https://localhost/a', 'https://127.0.0.1/a'],
    ['https://127.0.0.1/a', 'https://0x7f.1/a'],
  ])('tells %s from %s', { tags: ['DPP-12'] }, (one, other) => {
    expect(normaliseTargetUri(one)).not.toBe(normaliseTargetUri(other));
  });

  it.each([
    '',
    '/a',
    '//api.example.com/a',
    'api.example.com/a',
    'https:',
    'https:/a',
    'https:///a',
    'https://:443/a',
    'https:\\\\api.example.com/a',
    'ftp://api.example.com/a',
    'htu:https://api.example.com/a',
    ' https://api.example.com/a',
    'https://api.example.com/a ',
    'https://api.example.com/a\n',
    'https://api.exa\tmple.com/a',
    'https://api.example.com/\u00e9',
    'https://\u00e9.example.com/',
    '*',
  ])('takes %j for no target URI', { tags: ['DPP-11'] }, (url) => {
    expect(normaliseTargetUri(url)).toBeUndefined();
  });

  it('changes nothing the second time', { tags: ['DPP-12'] }, () => {
    const path = fc.string({ unit: fc.constantFrom(...'/.%2eEfF41aZ~-+;='), maxLength: 20 });
    fc.assert(
      fc.property(path, (text) => {
        const once = normaliseTargetUri(`https://api.example.com/${text}`) ?? '';
        expect(new URL(once).origin).toBe('https://api.example.com');
        // Decoding may make a new sequence of the digits behind it, which stays as it is.
        if (!/%25/i.test(text)) expect(normaliseTargetUri(once)).toBe(once);
      }),
    );
  });
});

describe('pathOfTargetUri', () => {
  it.each([
    ['https://api.example.com/a/%7e/../b?c', '/a/%7e/../b'],
    ['https://api.example.com', ''],
    ['*', undefined],
    ['/a', undefined],
  ])('finds in %s: %s', { tags: ['DPP-13'] }, (url, path) => {
    expect(pathOfTargetUri(url)).toBe(path);
  });
});
