import { describe, expect, it } from 'vitest';
import { describeDifference, isSameElsewhere, suggestIssuer } from '../../../src/lib/difference.js';

describe('describeDifference', () => {
  it.each([
    ['https://a.example', 'https://a.example/', 'trailing slash'],
    ['https://a.example/t/', 'https://a.example/t', 'trailing slash'],
    ['https://A.example', 'https://a.example', 'upper and lower case'],
    [' https://a.example', 'https://a.example', 'spaces'],
    ['http://a.example', 'https://a.example', 'http and https'],
    ['https://a.example:443', 'https://a.example', 'two spellings of one URL'],
    ['https://a.example/one', 'https://a.example/two', 'the path'],
    ['https://a.example:8443', 'https://a.example', 'the port'],
    ['http://localhost:8080/realms/shop', 'http://127.0.0.1:8080/realms/shop', 'localhost and 127.0.0.1'],
    ['http://[::1]:8080', 'http://localhost:8080/', '[::1] and localhost'],
    [
      'http://keycloak:8080/realms/shop',
      'http://localhost:8080/realms/shop',
      '"keycloak" looks like the name',
    ],
    ['http://auth-server', 'https://sso.example.com', '"auth-server" looks like the name'],
    ['http://host.docker.internal:4400', 'http://127.0.0.1:4400', '"host.docker.internal" looks like'],
    [
      'http://sso.default.svc.cluster.local/t',
      'https://sso.example.com/t',
      '"sso.default.svc.cluster.local"',
    ],
  ])('tells how %s differs from %s', (one, other, words) => {
    expect(describeDifference(one, other)).toContain(words);
    const turned = words.includes(' and ') ? '' : words;
    expect(describeDifference(other, one)).toContain(turned);
  });

  it.each([
    ['https://a.example', 'https://b.example'],
    ['orders', 'inventory'],
    ['https://a.example', 'https://a.example.attacker.example'],
    ['http://keycloak:8080/realms/shop', 'http://localhost:8080/realms/other'],
    [`https://a.example/${'x'.repeat(2048)}`, `https://a.example/${'x'.repeat(2047)}`],
  ])('knows nothing to say of %s and %s', (one, other) => {
    expect(describeDifference(one, other)).toBeUndefined();
  });
});

describe('isSameElsewhere', () => {
  const configured = Array.from({ length: 1000 }, (_, index) => `https://sso.example.com/realms/t${index}`);

  it('finds the one of many that has the same path', () => {
    expect(isSameElsewhere('http://localhost:8080/realms/t999', configured)).toBe(true);
    expect(isSameElsewhere('http://localhost:8080/realms/t1000', configured)).toBe(false);
    expect(isSameElsewhere('http://localhost:8080/t999', configured)).toBe(false);
  });

  it.each([
    `https://${'a'.repeat(12_000)}`,
    `https://a:${'1'.repeat(12_000)}x`,
    `https://a:${'1'.repeat(2000)}x`,
    `https://[${':'.repeat(2000)}`,
    `https://a/${'b'.repeat(12_000)}`,
  ])('is quick with %.12s…', (sent) => {
    // Looking at every host and port would take longer than a test may.
    for (let round = 0; round < 1000; round += 1) expect(isSameElsewhere(sent, configured)).toBe(false);
  });
});

describe('suggestIssuer', () => {
  it.each([
    ['https://a.example/', 'https://a.example', /^configure the issuer exactly as .* write it$/],
    ['http://keycloak:8080', 'http://localhost:8080', /^configure .*, set metadataUrl$/],
    ['https://evil.example', 'https://a.example', /^is this the right server\?/],
    ['https://login.example/{tenantid}/v2.0', 'https://login.example/common/v2.0', /one of your tenant$/],
  ])('says what to do about metadata of %s in place of %s', (named, configured, advice) => {
    expect(suggestIssuer(named, configured)).toMatch(advice);
  });
});
