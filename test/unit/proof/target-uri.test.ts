import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeTargetUri, requestTargetUri } from '../../../src/proof/target-uri.js';

describe('normalizeTargetUri', () => {
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
    ['https://api.example.com/a/./b/../c', 'https://api.example.com/a/c'],
    ['https://api.example.com/a/b/.', 'https://api.example.com/a/b/'],
    ['https://api.example.com/a/b/..', 'https://api.example.com/a/'],
    ['https://api.example.com/../../a', 'https://api.example.com/a'],
    ['https://api.example.com/..', 'https://api.example.com/'],
    ['https://api.example.com/a/%2e%2E/b', 'https://api.example.com/b'],
    ['https://api.example.com/a/.../.b/..c', 'https://api.example.com/a/.../.b/..c'],
    ['https://api.example.com//a//../b', 'https://api.example.com//a/b'],
  ])('makes of %s: %s', { tags: ['DPP-12'] }, (url, expected) => {
    expect(normalizeTargetUri(url)).toBe(expected);
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
    expect(normalizeTargetUri(one)).not.toBe(normalizeTargetUri(other));
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
    'https://api.example.com/%',
    'https://api.example.com/%zz',
    'https://api.example.com/a/%4',
    'https://api.example.com/%%37Ejoe',
    'https://api.example.com/%u0041',
    'https://%zz.example.com/',
    'https://\u00e9.example.com/',
    '*',
  ])('takes %j for no target URI', { tags: ['DPP-11'] }, (url) => {
    expect(normalizeTargetUri(url)).toBeUndefined();
  });

  it('changes nothing the second time', { tags: ['DPP-12'] }, () => {
    const path = fc.string({ unit: fc.constantFrom(...'/.%2eEfF41aZ~-+;='), maxLength: 20 });
    fc.assert(
      fc.property(path, (text) => {
        const once = normalizeTargetUri(`https://api.example.com/${text}`);
        if (once === undefined) return;
        expect(new URL(once).origin).toBe('https://api.example.com');
        expect(normalizeTargetUri(once)).toBe(once);
      }),
    );
  });
});

it('depends on no query, which keeps a URL from being taken as it is', { tags: ['DPP-12'] }, () => {
  const authority = fc.constantFrom(
    'a.example',
    'A.example',
    'a:80',
    'a:443',
    'a:',
    'a:8443',
    'a:080',
    '[::1]',
    'u@a',
  );
  const path = fc.string({ unit: fc.constantFrom(...'/.%2eEfF41aZ~-+;=:@\u00e9 '), maxLength: 12 });
  const url = fc.tuple(fc.constantFrom('http', 'https', 'HTTP', 'ftp'), authority, path);
  fc.assert(
    fc.property(url, ([scheme, host, rest]) => {
      const plain = `${scheme}://${host}/${rest}`;
      expect(normalizeTargetUri(plain)).toBe(normalizeTargetUri(`${plain}?`));
      expect(requestTargetUri(plain, undefined)).toBe(requestTargetUri(`${plain}?`, undefined));
    }),
    { numRuns: 20_000 },
  );
});

describe('requestTargetUri', () => {
  it.each([
    ['https://api.example.com/a/%7e/b?c=/../', undefined, 'https://api.example.com/a/~/b'],
    ['https://api.example.com/users/%6de', undefined, 'https://api.example.com/users/me'],
    ['https://api.example.com', undefined, 'https://api.example.com/'],
    ['http://localhost/a', 'https://api.example.com/v1', 'https://api.example.com/v1/a'],
    ['http://localhost/a/.../.b/..c', undefined, 'http://localhost/a/.../.b/..c'],
    ['*', undefined, undefined],
    ['*', 'https://api.example.com/v1', undefined],
    ['/a', undefined, undefined],
    ['https://api.example.com/%zz', undefined, undefined],
    // Some routers take what follows the first slash for the path, wherever that is.
    ['https://api.example.com?/b', undefined, undefined],
    ['https://api.example.com#/b', 'https://api.example.com/v1', undefined],
    ['http://[2001:DB8::1]:8080/b', 'https://api.example.com/v1', 'https://api.example.com/v1/b'],
    // Nor do they agree on where a strange host ends.
    ['http://h:80abc/b', 'https://api.example.com/v1', undefined],
    ['http://h:1:2/b', 'https://api.example.com/v1', undefined],
    ['http://u@h/b', 'https://api.example.com/v1', undefined],
    ['http://h;x/b', 'https://api.example.com/v1', undefined],
    ['http:///b', 'https://api.example.com/v1', undefined],
    ['foo://h/b', 'https://api.example.com/v1', undefined],
    ['HTTP://h/b', 'https://api.example.com/v1', undefined],
  ])('is, for %s below %s: %s', { tags: ['DPP-13'] }, (url, baseUrl, expected) => {
    expect(requestTargetUri(url, baseUrl)).toBe(expected);
  });

  it.each([
    '/a/../b',
    '/./b',
    '/..',
    '/b/.',
    '/a/%2e%2e/b',
    '/a/.%2E/b',
    '/a/%2E/b',
    '/../other-api/b',
    '//../b',
  ])('is none for dot segments, which routers would see: %s', { tags: ['DPP-11', 'DPP-12'] }, (path) => {
    expect(requestTargetUri(`https://api.example.com${path}`, undefined)).toBeUndefined();
    expect(requestTargetUri(`http://localhost${path}`, 'https://api.example.com/v1')).toBeUndefined();
  });

  it('is that of a proof for /stock only for targets that every router takes to /stock', {
    tags: ['DPP-11', 'DPP-12'],
  }, () => {
    const piece = fc.constantFrom(
      ...[
        'stock',
        'st',
        'ock',
        'orders',
        '/',
        '/',
        '//',
        '.',
        '..',
        '../',
        './',
        '%2e',
        '%2E',
        '%2f',
        '%73',
        '%',
        '%%37',
      ],
      ...[
        '%5c',
        '\\',
        ';',
        '..;/',
        '?',
        '#',
        '%00',
        '%3f',
        '%252e',
        '~',
        '%7e',
        '7E',
        ':443',
        '@',
        'S',
        '%53',
        '+',
        '*',
      ],
    );
    const path = fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join('')}`);
    const proven = normalizeTargetUri('https://api.example.com/stock');
    const runs = {
      numRuns: 100_000,
      examples: [['/stock'], ['/%73tock'], ['/x/../stock'], ['/stock?x=/../a']],
    };
    let opened = 0;
    fc.assert(
      fc.property(path, (target) => {
        for (const [url, baseUrl] of [
          [`https://api.example.com${target}`],
          [`http://localhost${target}`, 'https://api.example.com'],
        ]) {
          if (requestTargetUri(url ?? '', baseUrl) !== proven) continue;
          opened += 1;
          expect(decodeURIComponent(target.split(/[?#]/, 1)[0] ?? '')).toBe('/stock');
        }
      }),
      { ...runs, examples: runs.examples as [string][] },
    );
    expect(opened).toBeGreaterThan(6);
  });
});
