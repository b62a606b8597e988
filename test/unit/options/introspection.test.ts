import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createResourceServer, type IntrospectionOptions } from '../../../src/index.js';
import type { TrustedIssuer } from '../../../src/options/trusted-issuer.js';

const issuer = 'https://issuer.example.com';
const audience = 'https://api.example.com';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const client = { clientId: 'inventory-api', clientSecret: 'a-very-secret-secret' };
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string; // PEM is text

/** Builds a resource server; wrong options are wrong on purpose. */
function build(introspection: unknown): void {
  createResourceServer({
    issuer: { issuer, introspection: introspection as IntrospectionOptions },
    audience,
  }).close();
}

function messageOf(introspection: unknown): string {
  try {
    build(introspection);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return String(error);
  }
  throw new Error('was not refused');
}

describe('the option introspection', () => {
  it.each<[string, object]>([
    ['a secret', client],
    ['a secret in the body', { ...client, authenticationMethod: 'client_secret_post' }],
    ['a key', { clientId: 'api', privateKey, keyId: 'key-1', algorithm: 'ES256' }],
    ['a key as PEM', { clientId: 'api', privateKey: pem, authenticationMethod: 'private_key_jwt' }],
    ['a key as JWK', { clientId: 'api', privateKey: privateKey.export({ format: 'jwk' }) }],
    ['an access token', { clientId: 'api', accessToken: () => 'token' }],
    ['a client certificate', { clientId: 'api', authenticationMethod: 'tls_client_auth' }],
    [
      'a self-signed client certificate',
      { clientId: 'api', authenticationMethod: 'self_signed_tls_client_auth' },
    ],
    ['an endpoint on loopback', { ...client, endpoint: 'http://127.0.0.1:4400/introspect' }],
    ['a function', { endpoint: () => ({ active: false }) }],
    [
      'a function with a policy',
      { endpoint: () => ({ active: false }), tokens: ['opaque', 'jwt'], cacheSeconds: 0, claims: ['tenant'] },
    ],
    ['the longest times', { ...client, cacheSeconds: 3600, negativeCacheSeconds: 10, cooldownSeconds: 3600 }],
  ])('takes %s', { tags: ['INT-02'] }, (_name, introspection) => {
    expect(() => build(introspection)).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    [
      'no credentials',
      { clientId: 'api' },
      'issuer.introspection" takes one of clientSecret, privateKey, clientAssertion, accessToken and certificate, got none',
    ],
    ['two credentials', { ...client, privateKey }, 'got clientSecret and privateKey'],
    [
      'a secret with a line break at its end',
      { ...client, clientSecret: 'a-very-secret-secret\n' },
      'issuer.introspection.clientSecret" ends with a line break',
    ],
    [
      'an id with a line break at its end',
      { ...client, clientId: 'inventory-api\r\n' },
      'issuer.introspection.clientId" ends with a line break',
    ],
    [
      'a secret and a certificate',
      { ...client, authenticationMethod: 'tls_client_auth' },
      'got clientSecret and certificate',
    ],
    [
      'no client',
      { clientSecret: 'x' },
      '"issuer.introspection.clientId" takes a non-empty string, got undefined',
    ],
    ['an empty secret', { ...client, clientSecret: '' }, 'clientSecret" takes a non-empty string'],
    ['a secret that is a number', { ...client, clientSecret: 7 }, 'got number'],
    [
      'a key from a function and an algorithm that is none',
      { clientId: 'api', privateKey: () => '', algorithm: 'HS256' },
      'algorithm" takes',
    ],
    [
      'a method that needs a key',
      { ...client, authenticationMethod: 'private_key_jwt' },
      'authenticationMethod" does not go with clientSecret',
    ],
    [
      'a method for an access token',
      { clientId: 'api', accessToken: () => 't', authenticationMethod: 'client_secret_basic' },
      'does not go with accessToken',
    ],
    ['an unknown method', { ...client, authenticationMethod: 'none' }, 'authenticationMethod" takes'],
    ['a key id without key', { ...client, keyId: 'k' }, 'issuer.introspection.keyId" needs privateKey'],
    ['an algorithm without key', { ...client, algorithm: 'RS256' }, 'algorithm" needs privateKey'],
    ['a key that is none', { clientId: 'api', privateKey: 'x' }, 'option "issuer.introspection.privateKey"'],
    [
      'an algorithm that the key is not for',
      { clientId: 'api', privateKey, algorithm: 'RS256' },
      'option "issuer.introspection.algorithm"',
    ],
    ['plain http', { ...client, endpoint: 'http://as.example.com/introspect' }, 'endpoint" takes an'],
    [
      'an endpoint that is no URL',
      { ...client, endpoint: '/introspect' },
      'endpoint" takes an absolute https',
    ],
    [
      'an endpoint with a user name',
      { ...client, endpoint: 'https://a:b@as.example.com/' },
      'endpoint" takes',
    ],
    ['an unknown name', { ...client, clientID: 'x' }, 'unknown option "clientID" in issuer.introspection'],
    [
      'credentials for a function',
      { ...client, endpoint: () => ({}) },
      'unknown option "clientId" in issuer.introspection',
    ],
    [
      'a string',
      'https://as.example.com/introspect',
      'issuer.introspection" takes an object, got "https://as.example.com/introspect"',
    ],
    ['null', null, 'issuer.introspection" takes an object, got null'],
    ['no kind of tokens', { ...client, tokens: [] }, 'tokens" takes a list of at least one of opaque, jwt'],
    ['an unknown kind of tokens', { ...client, tokens: ['all'] }, 'tokens" takes'],
    [
      'milliseconds for seconds',
      { ...client, cacheSeconds: 30_000 },
      'cacheSeconds" takes a number from 0 to 3600',
    ],
    ['a negative cache of minutes', { ...client, negativeCacheSeconds: 60 }, 'number from 0 to 10, got 60'],
    ['no time at all', { ...client, timeoutSeconds: 0 }, 'timeoutSeconds" takes a number from 0.001 to 60'],
    ['an endless pause', { ...client, cooldownSeconds: Number.POSITIVE_INFINITY }, 'cooldownSeconds" takes'],
    ['a member that has to be there', { ...client, mayBeAbsent: ['active'] }, 'mayBeAbsent" takes a list'],
    ['claims that are no list', { ...client, claims: 'tenant' }, 'claims" takes a list'],
    ['a flag that is none', { ...client, signedResponse: 'yes' }, 'signedResponse" takes true or false'],
  ])('refuses %s', { tags: ['INT-03', 'INT-02'] }, (_name, introspection, message) => {
    expect(messageOf(introspection)).toContain(message);
  });

  it('says nothing of a secret that is in the wrong place', { tags: ['OPS-02'] }, () => {
    const secret = 'a-very-secret-secret';
    for (const wrong of [
      { clientId: [secret], clientSecret: secret },
      { clientId: 'api', privateKey: secret },
      { clientId: 'api', clientSecret: secret, authenticationMethod: secret },
      { clientId: 'api', clientSecret: secret, endpoint: secret },
    ])
      expect(messageOf(wrong)).not.toContain(secret);
  });

  it('lets one issuer be asked about opaque tokens, since they do not say who issued them', {
    tags: ['INT-23'],
  }, () => {
    const asked = (name: string, tokens: readonly ('opaque' | 'jwt')[]): TrustedIssuer => ({
      issuer: `https://${name}.example.com`,
      introspection: { ...client, tokens },
    });
    const build = (...issuers: readonly TrustedIssuer[]) =>
      createResourceServer({ issuer: issuers, audience });
    expect(() => build(asked('one', ['opaque']), asked('other', ['opaque', 'jwt']))).toThrow(
      /several issuers that introspect opaque tokens/,
    );
    expect(() => build(asked('one', ['opaque']), asked('other', ['jwt'])).close()).not.toThrow();
  });
});
