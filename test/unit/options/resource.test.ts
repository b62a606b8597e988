import { describe, expect, it } from 'vitest';
import { isSignedMetadata } from '../../../src/answer/resource-metadata.js';
import { checkResource } from '../../../src/options/resource.js';
import { signedJws } from '../../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';

const issuers = ['https://auth.example.com', 'https://internal.example.com'];
const resource = 'https://api.example.com/mcp';
const check = (given: unknown, allowInsecureRequests = false) =>
  checkResource(given, issuers, false, allowInsecureRequests);

describe('the resource identifier', () => {
  it.each([
    ['https://api.example.com', 'https://api.example.com/.well-known/oauth-protected-resource'],
    ['https://api.example.com/', 'https://api.example.com/.well-known/oauth-protected-resource'],
    ['https://api.example.com/mcp', 'https://api.example.com/.well-known/oauth-protected-resource/mcp'],
    ['https://api.example.com/mcp/', 'https://api.example.com/.well-known/oauth-protected-resource/mcp/'],
    [
      'https://api.example.com:8443/a/b',
      'https://api.example.com:8443/.well-known/oauth-protected-resource/a/b',
    ],
    ['https://api.example.com?k=v', 'https://api.example.com/.well-known/oauth-protected-resource?k=v'],
    ['https://api.example.com/?k=v', 'https://api.example.com/.well-known/oauth-protected-resource?k=v'],
    [
      'https://api.example.com/a?k=v/w',
      'https://api.example.com/.well-known/oauth-protected-resource/a?k=v/w',
    ],
    ['https://api.example.com/a%20b', 'https://api.example.com/.well-known/oauth-protected-resource/a%20b'],
    ['http://localhost:3000/mcp', 'http://localhost:3000/.well-known/oauth-protected-resource/mcp'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000/.well-known/oauth-protected-resource'],
    ['http://[::1]:3000', 'http://[::1]:3000/.well-known/oauth-protected-resource'],
  ])('publishes %s as it is, at %s', { tags: ['PRM-01', 'PRM-03', 'PRM-08'] }, (identifier, url) => {
    const settings = check(identifier);
    expect(settings).toMatchObject({ identifier, metadataUrl: url });
    expect(url.endsWith(settings?.path ?? '-')).toBe(true);
    expect(settings?.path.startsWith('/.well-known/oauth-protected-resource')).toBe(true);
  });

  it('has scheme and host in lower case, and the rest as it is', { tags: ['MCP-09'] }, () => {
    expect(check('HTTPS://API.Example.COM/MCP?Tenant=A')).toMatchObject({
      identifier: 'https://api.example.com/MCP?Tenant=A',
      path: '/.well-known/oauth-protected-resource/MCP?Tenant=A',
    });
  });

  it.each([
    'http://api.example.com',
    'https://api.example.com#top',
    'https://api.example.com/#',
    'https://api.example.com?',
    'https://user@api.example.com',
    'https://api.example.com:443/mcp',
    'https://api.example.com/a/../b',
    'https://api.example.com/./a',
    'https://api.example.com/"',
    'https://api.example.com/ä',
    'https://api.example.com/a b',
    'https://api.example.com\\a',
    'https://',
    'https:///mcp',
    'api.example.com',
    '/mcp',
    'urn:example:api',
    'ftp://api.example.com',
    '',
    42,
    null,
    true,
  ])('cannot be %j', { tags: ['PRM-03'] }, (identifier) => {
    expect(() => check(identifier)).toThrow(TypeError);
    expect(() => check({ resource: identifier })).toThrow(TypeError);
  });

  it('may be plain http elsewhere only with allowInsecureRequests', { tags: ['PRM-03'] }, () => {
    expect(() => check('http://api:3000')).toThrow('option "resource" takes an absolute https URL');
    expect(check('http://api:3000', true)?.identifier).toBe('http://api:3000');
  });

  it("isn't in the message if it's refused", { tags: ['PRM-13'] }, () => {
    expect(() => check('https://user:secret@api.example.com')).toThrow(/^(?!.*secret)/);
  });
});

describe('the option as an object', () => {
  it("does nothing if it's missing", () => {
    expect(check(undefined)).toBeUndefined();
  });

  it('names every issuer and no scope, for an hour', { tags: ['PRM-05'] }, () => {
    expect(check({ resource })).toEqual({
      identifier: resource,
      metadataUrl: 'https://api.example.com/.well-known/oauth-protected-resource/mcp',
      path: '/.well-known/oauth-protected-resource/mcp',
      scopes: [],
      authorizationServers: issuers,
      members: {},
      signedMetadata: undefined,
      maxAgeSeconds: 3600,
    });
  });

  it('can leave an issuer out, and names none that is not configured', { tags: ['PRM-13'] }, () => {
    const authorizationServers = ['https://auth.example.com'];
    expect(check({ resource, authorizationServers })?.authorizationServers).toEqual(authorizationServers);
    expect(() => check({ resource, authorizationServers: ['https://auth.example.com/'] })).toThrow(
      'option "resource.authorizationServers" takes a list of configured issuers',
    );
  });

  it('leaves empty lists out, but keeps that no scope is to be published', { tags: ['PRM-04'] }, () => {
    expect(
      check({ resource, scopes: [], authorizationDetailsTypes: [], signingAlgorithms: [] }),
    ).toMatchObject({
      scopes: [],
      members: {},
    });
  });

  it.each([
    [{}, 'option "resource" takes an absolute https URL'],
    [{ resource, resource_name: 'x' }, 'unknown option "resource_name" in resource'],
    [[resource], 'option "resource" takes a resource identifier, or an object'],
    [{ resource, name: '' }, 'option "resource.name" takes a non-empty string'],
    [{ resource, documentation: '/docs' }, 'option "resource.documentation" takes an absolute URL'],
    [{ resource, documentation: 'https://u:p@docs.example.com' }, 'option "resource.documentation"'],
    [{ resource, policyUri: 'javascript:alert(1)' }, 'option "resource.policyUri" takes an absolute URL'],
    [{ resource, tosUri: 1 }, 'option "resource.tosUri" takes an absolute URL, got number'],
    [{ resource, scopes: 'read' }, 'option "resource.scopes" takes a list of scopes'],
    [{ resource, scopes: ['read write'] }, 'option "resource.scopes" takes a list of scopes'],
    [{ resource, scopes: [1] }, 'option "resource.scopes" takes a list of scopes'],
    [
      { resource, jwksUri: 'http://api.example.com/keys' },
      'option "resource.jwksUri" takes an absolute https URL',
    ],
    [{ resource, signingAlgorithms: ['none'] }, 'option "resource.signingAlgorithms"'],
    [{ resource, signingAlgorithms: ['NONE'] }, 'option "resource.signingAlgorithms"'],
    [{ resource, authorizationDetailsTypes: [''] }, 'option "resource.authorizationDetailsTypes"'],
    [{ resource, maxAgeSeconds: -1 }, 'option "resource.maxAgeSeconds"'],
    [{ resource, maxAgeSeconds: 1.5 }, 'option "resource.maxAgeSeconds" takes a whole number'],
    [{ resource, signedMetadata: 'x' }, 'option "resource.signedMetadata" takes a function, or a signed JWT'],
    [{ resource, signedMetadata: {} }, 'option "resource.signedMetadata"'],
  ])('refuses %j: %s', { tags: ['PRM-13'] }, (given, message) => {
    expect(() => check(given)).toThrow(TypeError);
    expect(() => check(given)).toThrow(message);
  });
});

describe('signed metadata', async () => {
  const key = await generateSigningKey('Ed25519', 'api');
  const signed = (header: object, claims: object) =>
    signedJws({ alg: 'ES256', ...header }, { ...claims }, key);
  const claims = { iss: 'https://api.example.com', resource };

  it('are a JWT with an issuer', { tags: ['PRM-09'] }, () => {
    expect(isSignedMetadata(signed({}, claims))).toBe(true);
    expect(check({ resource, signedMetadata: signed({}, claims) })?.signedMetadata).toBe(signed({}, claims));
  });

  it.each([
    ['without an issuer', signed({}, { resource })],
    ['with an issuer that is no text', signed({}, { ...claims, iss: 1 })],
    ['with signed metadata inside', signed({}, { ...claims, signed_metadata: 'x' })],
    ['without a signature', `${signed({ alg: 'none' }, claims).split('.').slice(0, 2).join('.')}.`],
    ['with the algorithm none', signed({ alg: 'none' }, claims)],
    ['with an empty signature', `${signed({}, claims).split('.').slice(0, 2).join('.')}.`],
    ['cut off', signed({}, claims).split('.').slice(0, 2).join('.')],
    ['with a header that is no object', `W10.${signed({}, claims).split('.').slice(1).join('.')}`],
    ['as an object', { ...claims }],
    ['as nothing', undefined],
  ])('are none %s', { tags: ['PRM-09'] }, (_name, value) => {
    expect(isSignedMetadata(value)).toBe(false);
  });
});
