import { describe, expect, it } from 'vitest';
import { closestTo } from '../../../src/lib/closest.js';

const SERVER = [
  ...['issuer', 'audience', 'algorithms', 'clockToleranceSeconds', 'tokenType', 'bearerMethods', 'optional'],
  ...['realm', 'cache', 'keys', 'dpop', 'baseUrl', 'mtls', 'isRevoked', 'revocationTimeoutSeconds'],
  ...['resource', 'errors', 'allowInsecureRequests', 'fetch', 'clock'],
];
const CLIENT = [
  ...['issuer', 'tokenEndpoint', 'metadataUrl', 'clientId', 'clientSecret', 'privateKey', 'keyId', 'scope'],
  ...['resource', 'audience', 'parameters', 'origins', 'timeoutSeconds', 'requireAllScopes', 'clock'],
];

describe('closestTo', () => {
  it.each([
    ['clockTolerance', 'clockToleranceSeconds'],
    ['clockTolerenceSeconds', 'clockToleranceSeconds'],
    ['clock_tolerance_seconds', 'clockToleranceSeconds'],
    ['isser', 'issuer'],
    ['isseur', 'issuer'],
    ['Issuer', 'issuer'],
    ['audeince', 'audience'],
    ['audiences', 'audience'],
    ['token_type', 'tokenType'],
    ['revoked', 'isRevoked'],
    ['allowInsecureRequest', 'allowInsecureRequests'],
    ['baseURL', 'baseUrl'],
  ])('finds what %s means among the options of a resource server', (word, meant) => {
    expect(closestTo(word, SERVER)).toBe(meant);
  });

  it.each([
    ['client_id', 'clientId'],
    ['secret', 'clientSecret'],
    ['scopes', 'scope'],
    ['timeout', 'timeoutSeconds'],
    ['tokenEndpiont', 'tokenEndpoint'],
    ['endpoint', 'tokenEndpoint'],
    ['orgins', 'origins'],
  ])('finds what %s means among the options of a client', (word, meant) => {
    expect(closestTo(word, CLIENT)).toBe(meant);
  });

  it.each([
    'leeway',
    'foo',
    'tokens',
    'jwks',
    'ttl',
    'user',
    'secretOrKey',
    'log',
    'is',
    'x',
    '',
    'constructor',
  ])('makes no nonsense of %s', (word) => {
    expect(closestTo(word, SERVER)).toBeUndefined();
  });

  it('says nothing if several are as near', () => {
    expect(closestTo('client', CLIENT)).toBeUndefined();
    expect(closestTo('timeoutSecond', ['timeoutSeconds', 'timeoutSecondA'])).toBeUndefined();
  });

  it('takes no code for the misspelling of another one', { tags: ['JWT-03'] }, () => {
    const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'];
    for (const other of ['HS256', 'ES256K', 'RS255', 'RS2566'])
      expect(closestTo(other, algorithms)).toBeUndefined();
    expect(closestTo('rs-256', algorithms)).toBe('RS256');
    expect(closestTo('edsa', algorithms)).toBe('EdDSA');
  });
});
