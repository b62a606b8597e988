import { describe, expect, it } from 'vitest';
import { hasPlaceholder, isAcceptableUrl, isIssuerIdentifier } from '../../../src/lib/url.js';

describe('isAcceptableUrl', () => {
  it.each([
    ['https://auth.example.com/jwks?v=1', true, true, true],
    ['HTTPS://AUTH.EXAMPLE.COM/', true, true, true],
    ['https://127.0.0.1/', true, true, true],
    ['http://auth.example.com/', false, false, true],
    ['http://localhost:8080/', false, true, true],
    ['http://LOCALHOST/', false, true, true],
    ['http://sso.localhost/', false, true, true],
    ['http://127.0.0.1/', false, true, true],
    ['http://127.1/', false, true, true],
    ['http://127.255.255.254:1/', false, true, true],
    ['http://[::1]/', false, true, true],
    ['http://[::2]/', false, false, true],
    ['http://128.0.0.1/', false, false, true],
    ['http://localhost.example.com/', false, false, true],
    ['http://localhost@example.com/', false, false, false],
    ['http://127.0.0.1.example.com/', false, false, true],
    ['http://notlocalhost/', false, false, true],
    ['https://user@auth.example.com/', false, false, false],
    ['https://:password@auth.example.com/', false, false, false],
    ['https://auth.example.com/#fragment', false, false, false],
    ['ftp://auth.example.com/', false, false, false],
    ['data:application/json,{}', false, false, false],
    ['javascript:alert(1)', false, false, false],
    ['https://', false, false, false],
    ['https:///path', false, false, false],
    ['https:auth.example.com', false, false, false],
    ['https:/auth.example.com', false, false, false],
    ['https:\\\\auth.example.com', false, false, false],
    ['https://auth.example.com\\path', false, false, false],
    [' https://auth.example.com', false, false, false],
    ['https://auth.example.com ', false, false, false],
    ['https://auth.example.com\n', false, false, false],
    ['https://auth.exam\tple.com', false, false, false],
    ['https://auth.exämple.com', false, false, false],
    ['', false, false, false],
  ])('says of %j: %s, with loopback %s, with http %s', { tags: ['KEY-02', 'KEY-03'] }, (url, ...expected) => {
    const [strict, loopback, insecure] = [
      isAcceptableUrl(url, false, false),
      isAcceptableUrl(url, false),
      isAcceptableUrl(url, true, false),
    ];
    expect([strict, loopback, insecure]).toEqual(expected);
  });

  it.each([undefined, null, 42, new URL('https://auth.example.com'), ['https://auth.example.com']])(
    'takes strings only, not %j',
    { tags: ['KEY-02'] },
    (value) => {
      expect(isAcceptableUrl(value, true)).toBe(false);
    },
  );
});

describe('hasPlaceholder', () => {
  it.each([
    ['https://login.example/{tenantid}/v2.0', true],
    ['https://login.example/%7Btenantid%7d', true],
    ['{\n}', true],
    ['}{', false],
    ['%7d%7b', false],
    ['https://login.example/common', false],
  ])('says of %j: %s', (text, expected) => {
    expect(hasPlaceholder(text)).toBe(expected);
  });
});

describe('isIssuerIdentifier', () => {
  it.each([
    ['https://auth.example.com', true],
    ['https://auth.example.com/tenant/', true],
    ['http://localhost:3000', true],
    ['https://auth.example.com?', false],
    ['https://auth.example.com?a=1', false],
    ['https://auth.example.com#', false],
    ['http://auth.example.com', false],
  ])('says of %j: %s', { tags: ['KEY-02'] }, (issuer, expected) => {
    expect(isIssuerIdentifier(issuer, false)).toBe(expected);
  });
});
