import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ClientCredentialsOptions, createClientCredentials } from '../../../src/client/index.js';
import { checkClientOptions } from '../../../src/client/options.js';

const issuer = 'https://auth.example.com';
const good = { issuer, clientId: 'order-service', clientSecret: 'canary' };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const withKey = { issuer, clientId: 'order-service', privateKey };

describe('createClientCredentials refuses', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'option "options" takes an object, got undefined'],
    [
      'an unknown option',
      { ...good, secret: 'canary' },
      'unknown option "secret" in options; did you mean clientSecret? Known are issuer,',
    ],
    [
      'no issuer and no endpoint',
      { ...good, issuer: undefined },
      'option "issuer" takes an absolute https URL',
    ],
    ['http', { ...good, issuer: 'http://auth.example.com' }, 'option "issuer" takes an absolute https URL'],
    ['an issuer with a query', { ...good, issuer: `${issuer}?a` }, 'option "issuer" takes'],
    [
      'an endpoint over http',
      { ...good, tokenEndpoint: 'http://auth.example.com/token' },
      'option "tokenEndpoint" takes',
    ],
    [
      'an endpoint with a fragment',
      { ...good, tokenEndpoint: `${issuer}/token#a` },
      'option "tokenEndpoint" takes',
    ],
    [
      'a wrong issuer beside an endpoint',
      { ...good, issuer: 'x', tokenEndpoint: `${issuer}/token` },
      'option "issuer" takes',
    ],
    [
      'metadata over http',
      { ...good, metadataUrl: 'http://auth.example.com/metadata' },
      'option "metadataUrl" takes an absolute https URL',
    ],
    [
      'metadata and an endpoint',
      { ...good, metadataUrl: `${issuer}/metadata`, tokenEndpoint: `${issuer}/token` },
      'option "metadataUrl" does not go with tokenEndpoint, which needs no metadata',
    ],
    [
      'metadata without an issuer',
      { ...good, issuer: undefined, metadataUrl: `${issuer}/metadata` },
      'option "issuer" takes an absolute https URL',
    ],
    [
      'no client id',
      { ...good, clientId: '' },
      'option "clientId" takes a non-empty string, got an empty string',
    ],
    [
      'no credential',
      { issuer, clientId: 'a' },
      'option "options" takes one of clientSecret, privateKey, clientAssertion and certificate, got none',
    ],
    [
      'two credentials',
      { ...good, privateKey },
      'option "options" takes one of clientSecret, privateKey, clientAssertion and certificate, got clientSecret and privateKey',
    ],
    [
      'an empty secret',
      { ...good, clientSecret: '' },
      'option "clientSecret" takes a non-empty string, got an empty string',
    ],
    [
      'a secret from a file with a line break at its end',
      { ...good, clientSecret: 'canary\n' },
      'option "clientSecret" ends with a line break',
    ],
    [
      'a secret with the line break of Windows',
      { ...good, clientSecret: 'canary\r\n' },
      'option "clientSecret" ends with a line break',
    ],
    [
      'a client id with a line break at its end',
      { ...good, clientId: 'canary\n' },
      'option "clientId" ends with a line break',
    ],
    ...['\n', '\t', '\0', '\x1b', '\x7f'].flatMap((character) =>
      ['clientId', 'clientSecret'].map((name): [string, unknown, string] => [
        `a ${name} with the character ${JSON.stringify(character)}`,
        { ...good, [name]: `canary${character}canary` },
        `option "${name}" has a control character`,
      ]),
    ),
    [
      'an unknown method',
      { ...good, authenticationMethod: 'client_secret_jwt' },
      'option "authenticationMethod" takes',
    ],
    [
      'a method for a key, with a secret',
      { ...good, authenticationMethod: 'private_key_jwt' },
      'option "authenticationMethod" does not go with clientSecret',
    ],
    [
      'a method for a secret, with a key',
      { ...withKey, authenticationMethod: 'client_secret_post' },
      'option "authenticationMethod" does not go with privateKey',
    ],
    ['a key id without key', { ...good, keyId: 'a' }, 'option "keyId" needs privateKey'],
    ['an algorithm without key', { ...good, algorithm: 'ES256' }, 'option "algorithm" needs privateKey'],
    [
      'an assertion audience without key',
      { ...good, assertionAudience: 'issuer' },
      'option "assertionAudience" needs privateKey',
    ],
    [
      'an unknown assertion audience',
      { ...withKey, assertionAudience: 'both' },
      'option "assertionAudience" takes',
    ],
    [
      'assertions for an unknown issuer',
      { clientId: 'a', privateKey, tokenEndpoint: `${issuer}/token` },
      'option "privateKey" needs "issuer"',
    ],
    ['an empty scope', { ...good, scope: '' }, 'option "scope" takes scopes separated by single spaces'],
    ['two spaces', { ...good, scope: 'a  b' }, 'option "scope" takes'],
    ['a scope with a quote', { ...good, scope: ['a"b'] }, 'option "scope" takes'],
    ['an empty list of scopes', { ...good, scope: [] }, 'option "scope" takes'],
    ['a scope that is a number', { ...good, scope: 7 }, 'option "scope" takes'],
    [
      'a relative resource',
      { ...good, resource: '/stock' },
      'option "resource" takes an absolute URI without fragment',
    ],
    ['a resource with a fragment', { ...good, resource: `${issuer}/#a` }, 'option "resource" takes'],
    ['a resource with a space', { ...good, resource: 'https://a.example/ b' }, 'option "resource" takes'],
    ['two resources', { ...good, resource: [issuer, issuer] }, 'option "resource" takes'],
    ['an empty audience', { ...good, audience: '' }, 'option "audience" takes'],
    [
      'parameters as a list',
      { ...good, parameters: ['a'] },
      'option "parameters" takes an object with strings',
    ],
    ['a parameter that is a number', { ...good, parameters: { a: 7 } }, 'option "parameters.a" takes'],
    ['an empty parameter', { ...good, parameters: { a: '' } }, 'option "parameters.a" takes'],
    ['no origins', { ...good, origins: [] }, 'option "origins" takes a list of origins'],
    ['an origin over http', { ...good, origins: ['http://a.example'] }, 'option "origins" takes'],
    [
      'an origin over http that another one is allowed for',
      { ...good, origins: ['http://a.example'], allowInsecureRequests: ['http://b.example'] },
      'option "origins" takes a list of origins',
    ],
    [
      'several origins over http',
      { ...good, origins: ['http://a.example', 'http://b.example'], allowInsecureRequests: true },
      'option "origins" takes one plain http origin at most',
    ],
    [
      'several origins over http, each of them allowed',
      {
        ...good,
        origins: ['https://c.example', 'http://a.example', 'http://a.example:8080'],
        allowInsecureRequests: ['http://a.example', 'http://a.example:8080'],
      },
      'option "origins" takes one plain http origin at most',
    ],
    ...[
      '*',
      '*.example.com',
      'https://*',
      'https://*.example.com',
      'https://api-*.example.com',
      'https://a.example:*',
      'https://a.example/*',
      'http://*',
      'http://*.internal',
      'https://.example.com',
      '.example.com',
    ].map((origin): [string, unknown, string] => [
      `the wildcard ${origin}`,
      { ...good, origins: ['https://a.example', origin], allowInsecureRequests: true },
      'option "origins" takes full origins: wildcards are not supported',
    ]),
    [
      'a wildcard that plain http is allowed for',
      { ...good, allowInsecureRequests: ['http://*.internal'] },
      'option "allowInsecureRequests[0]" takes an http origin',
    ],
    [
      'a path that plain http is allowed for',
      { ...good, allowInsecureRequests: ['http://a.internal/x'] },
      'option "allowInsecureRequests[0]" takes an http origin',
    ],
    [
      'an https origin that plain http is allowed for',
      { ...good, allowInsecureRequests: ['https://a.internal'] },
      'option "allowInsecureRequests[0]" takes an http origin',
    ],
    [
      'nothing that plain http is allowed for',
      { ...good, allowInsecureRequests: [] },
      'option "allowInsecureRequests" takes true, false or a list of http origins',
    ],
    [
      'an endpoint over http that another origin is allowed for',
      { ...good, tokenEndpoint: 'http://auth.internal/token', allowInsecureRequests: ['http://a.internal'] },
      'option "tokenEndpoint" takes',
    ],
    ['an origin with a path', { ...good, origins: ['https://a.example/stock'] }, 'option "origins" takes'],
    [
      'an origin with a default port',
      { ...good, origins: ['https://a.example:443'] },
      'option "origins" takes',
    ],
    [
      'a flag that is a string',
      { ...good, requireAllScopes: 'yes' },
      'option "requireAllScopes" takes true or false',
    ],
    [
      'a lifetime of 0',
      { ...good, defaultLifetimeSeconds: 0 },
      'option "defaultLifetimeSeconds" takes a number from 1',
    ],
    [
      'a time limit of 0',
      { ...good, timeoutSeconds: 0 },
      'option "timeoutSeconds" takes a number from 0.001 to 60',
    ],
    ['milliseconds', { ...good, timeoutSeconds: 5000 }, 'option "timeoutSeconds" takes'],
    ['a fetch that is none', { ...good, fetch: {} }, 'option "fetch" takes a function'],
    ['a clock that is none', { ...good, clock: 7 }, 'option "clock" takes a function'],
    ['a number for random', { ...good, random: 0.5 }, 'option "random" takes a function'],
  ])('%s', (_what, options, message) => {
    const create = () => createClientCredentials(options as ClientCredentialsOptions);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
    expect(create).not.toThrow(/canary/);
  });

  it.each([
    'grant_type',
    'scope',
    'resource',
    'audience',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
  ])('the further parameter %s', { tags: ['CLI-01', 'CLI-04', 'CLI-22'] }, (name) => {
    expect(() => createClientCredentials({ ...good, parameters: { [name]: 'password' } })).toThrow(
      `option "parameters" cannot have "${name}", which other options set`,
    );
  });
});

describe('the defaults', () => {
  it('are safe', () => {
    expect(checkClientOptions(good, {})).toMatchObject({
      issuer,
      tokenEndpoint: undefined,
      credential: { kind: 'secret', method: undefined },
      requestedScopes: [],
      origins: [],
      requireAllScopes: false,
      defaultLifetimeSeconds: 60,
      timeoutSeconds: 5,
      runtime: { allowInsecureRequests: false, clockToleranceSeconds: 0 },
    });
  });

  it.each([' a b ', 'ü€😀', '\u0085', '\ufeffa'])('let %j be an id and a secret', (text) => {
    const { clientId, credential } = checkClientOptions({ issuer, clientId: text, clientSecret: text }, {});
    expect([clientId, credential]).toEqual([text, expect.objectContaining({ clientSecret: text })]);
  });

  it('include the origin of the resource, if a token may be sent there', { tags: ['CLI-19'] }, () => {
    const origins = (resource: string, more = {}) =>
      checkClientOptions({ ...good, resource, ...more }, {}).origins;
    expect(origins('https://inventory.example.com/v1?tenant=a')).toEqual(['https://inventory.example.com']);
    expect(origins('http://127.0.0.1:3000')).toEqual(['http://127.0.0.1:3000']);
    expect(origins('http://inventory.internal')).toEqual([]);
    expect(origins('http://inventory.internal', { allowInsecureRequests: true })).toEqual([
      'http://inventory.internal',
    ]);
    const allowInsecureRequests = ['http://inventory.internal'];
    expect(origins('http://inventory.internal/v1', { allowInsecureRequests })).toEqual(allowInsecureRequests);
    expect(origins('http://inventory.internal:81', { allowInsecureRequests })).toEqual([]);
    expect(origins('https://*.example.com')).toEqual([]);
    expect(origins('urn:example:inventory')).toEqual([]);
    expect(origins('https://a.example', { origins: ['https://b.example'] })).toEqual(['https://b.example']);
  });

  it('let one origin over http be named, and leave the rest with https', { tags: ['CLI-19'] }, () => {
    const origins = ['http://inventory:8080', 'https://inventory.example.com', 'http://127.0.0.1:3000'];
    const named = { ...good, origins, allowInsecureRequests: ['http://inventory:8080'] };
    expect(checkClientOptions(named, {}).origins).toEqual(origins);
    for (const other of ['issuer', 'tokenEndpoint', 'metadataUrl'])
      expect(() => checkClientOptions({ ...named, [other]: 'http://inventory:8081/x' }, {})).toThrow(other);
    const both = { ...named, allowInsecureRequests: ['http://inventory:8080', 'http://auth:8080'] };
    const tokenEndpoint = 'http://auth:8080/token';
    expect(checkClientOptions({ ...both, tokenEndpoint }, {}).tokenEndpoint).toBe(tokenEndpoint);
  });

  it('ask the process for time and randomness', () => {
    const { runtime, random } = checkClientOptions(good, {});
    const before = Date.now();
    expect(runtime.clock()).toBeGreaterThanOrEqual(before);
    expect(runtime.clock()).toBeLessThanOrEqual(Date.now());
    const numbers = Array.from({ length: 20 }, random);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(new Set(numbers).size).toBeGreaterThan(1);
  });

  it('look the global fetch up at each request', async () => {
    const { fetch } = checkClientOptions(good, {}).runtime;
    const original = globalThis.fetch;
    const stub: typeof globalThis.fetch = async () => new Response('stubbed');
    globalThis.fetch = stub;
    try {
      expect(await (await fetch('https://a.example')).text()).toBe('stubbed');
    } finally {
      globalThis.fetch = original;
    }
  });
});

it('writes each parameter once, and none empty', { tags: ['CLI-01'] }, () => {
  const { parameters } = checkClientOptions(
    {
      ...good,
      scope: ['read:inventory', 'write:orders', 'read:inventory'],
      resource: 'https://inventory.example.com',
      audience: 'inventory',
      parameters: { organization: 'shop' },
    },
    {},
  );
  expect([...parameters]).toEqual([
    ['resource', 'https://inventory.example.com'],
    ['audience', 'inventory'],
    ['organization', 'shop'],
  ]);
});
