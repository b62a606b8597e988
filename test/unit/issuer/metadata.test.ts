import { describe, expect, it } from 'vitest';
import {
  type DiscoveryOptions,
  discoverMetadata,
  IssuerMismatch,
  metadataUrls,
} from '../../../src/issuer/metadata.js';
import { DocumentInvalid, DocumentUnavailable } from '../../../src/lib/fetch.js';
import { createResourceServer } from '../../../src/resource-server.js';
import { type Page, simulateWeb } from '../../support/simulated-web.js';

const issuer = 'https://auth.example.com';
const jwksUri = 'https://auth.example.com/jwks';
const oauth = 'https://auth.example.com/.well-known/oauth-authorization-server';
const openid = 'https://auth.example.com/.well-known/openid-configuration';
const good = { issuer, jwks_uri: jwksUri };

function discover(
  pages: Readonly<Record<string, Page>>,
  of = issuer,
  options: Partial<DiscoveryOptions> = {},
) {
  const { fetch, visited } = simulateWeb(pages);
  const { signal } = new AbortController();
  const defaults = { fetch, signal, metadataUrl: undefined, allowInsecureRequests: false, timeoutSeconds: 5 };
  return { visited, metadata: discoverMetadata(of, { ...defaults, ...options }) };
}

describe('metadataUrls', () => {
  it.each([
    [
      'https://h',
      ['https://h/.well-known/oauth-authorization-server', 'https://h/.well-known/openid-configuration'],
    ],
    [
      'https://h/',
      ['https://h/.well-known/oauth-authorization-server', 'https://h/.well-known/openid-configuration'],
    ],
    [
      'https://h:8443/t1',
      [
        'https://h:8443/.well-known/oauth-authorization-server/t1',
        'https://h:8443/.well-known/openid-configuration/t1',
        'https://h:8443/t1/.well-known/openid-configuration',
      ],
    ],
    [
      'https://h/t1/',
      [
        'https://h/.well-known/oauth-authorization-server/t1',
        'https://h/.well-known/openid-configuration/t1',
        'https://h/t1/.well-known/openid-configuration',
      ],
    ],
    [
      'https://h/realms/a%20b/x',
      [
        'https://h/.well-known/oauth-authorization-server/realms/a%20b/x',
        'https://h/.well-known/openid-configuration/realms/a%20b/x',
        'https://h/realms/a%20b/x/.well-known/openid-configuration',
      ],
    ],
  ])('of %s are %j', { tags: ['KEY-04', 'KEY-05'] }, (identifier, expected) => {
    expect(metadataUrls(identifier)).toEqual(expected);
  });
});

describe('discoverMetadata', () => {
  it('takes the first place that has a good document, and visits no other', {
    tags: ['KEY-05'],
  }, async () => {
    const { metadata, visited } = discover({ [oauth]: good, [openid]: { issuer, jwks_uri: `${jwksUri}2` } });
    expect(await metadata).toEqual({ jwksUri });
    expect(visited).toEqual([oauth]);
  });

  it.each<[string, Page]>([
    ['is missing', () => new Response(null, { status: 404 })],
    ['fails', () => new Response(null, { status: 500 })],
    ['redirects', () => new Response(null, { status: 302, headers: { Location: openid } })],
    ['is a page of the web site', () => new Response('<!doctype html>')],
    ['is a list', () => Response.json([good])],
    [
      'names another issuer',
      { issuer: 'https://evil.example.com', jwks_uri: 'https://evil.example.com/jwks' },
    ],
    ['has no keys', { issuer }],
    ['breaks rules', { ...good, token_endpoint: 7 }],
  ])('goes on to the next place when the first %s', { tags: ['KEY-05'] }, async (_what, page) => {
    const { metadata, visited } = discover({ [oauth]: page, [openid]: good });
    expect(await metadata).toEqual({ jwksUri });
    expect(visited).toEqual([oauth, openid]);
  });

  it.each<[string, Record<string, Page>, typeof DocumentInvalid | typeof DocumentUnavailable]>([
    [
      'an issuer mismatch',
      { [oauth]: { issuer: 'https://evil.example.com' }, [openid]: { issuer } },
      IssuerMismatch,
    ],
    ['an issuer mismatch', { [openid]: { issuer: 'https://evil.example.com' } }, IssuerMismatch],
    ['a bad document', { [oauth]: { issuer } }, DocumentInvalid],
    ['an outage', {}, DocumentUnavailable],
  ])('fails with the most telling failure: %s', { tags: ['KEY-01'] }, async (_what, pages, failure) => {
    await expect(discover(pages).metadata).rejects.toThrow(failure);
  });

  it.each([
    ['https://auth.example.com/', 'https://auth.example.com'],
    ['https://auth.example.com', 'https://auth.example.com/'],
    ['https://auth.example.com', 'https://AUTH.example.com'],
    ['https://auth.example.com', 'https://auth.example.com:443'],
    ['https://auth.example.com', 'http://auth.example.com'],
    ['https://auth.example.com', ' https://auth.example.com'],
  ])('compares %s with %s character by character', { tags: ['KEY-01'] }, async (configured, published) => {
    const document = { ...good, issuer: published };
    await expect(discover({ [oauth]: document, [openid]: document }, configured).metadata).rejects.toThrow(
      IssuerMismatch,
    );
  });

  it.each([
    'http://auth.example.com/jwks',
    'http://localhost/jwks',
    'http://127.0.0.1:8080/jwks',
    'http://[::1]/jwks',
    'HTTP://auth.example.com/jwks',
    'ftp://auth.example.com/jwks',
    'file:///jwks',
    'javascript:alert(1)',
    'https://user:password@auth.example.com/jwks',
    'https://auth.example.com/jwks#fragment',
    '//auth.example.com/jwks',
    '/jwks',
    '',
  ])('metadata from https must not lead to %s', { tags: ['KEY-03'] }, async (uri) => {
    await expect(discover({ [oauth]: { issuer, jwks_uri: uri } }).metadata).rejects.toThrow(DocumentInvalid);
  });

  it.each(['https://keys.example.net/jwks', 'https://auth.example.com:8443/jwks?tenant=1'])(
    'metadata from https may lead to %s',
    { tags: ['KEY-03'] },
    async (uri) => {
      expect(await discover({ [oauth]: { issuer, jwks_uri: uri } }).metadata).toEqual({ jwksUri: uri });
    },
  );

  it.each([
    ['http://localhost:8080/jwks', true],
    ['http://auth.localhost/jwks', true],
    ['http://127.0.0.2/jwks', true],
    ['http://[::1]/jwks', true],
    ['https://auth.example.com/jwks', true],
    ['http://auth.example.com/jwks', false],
    ['http://127.0.0.1.example.com/jwks', false],
    ['http://localhost.example.com/jwks', false],
    ['http://10.0.0.1/jwks', false],
    ['http://169.254.169.254/latest', false],
    ['http://0.0.0.0/jwks', false],
  ])('metadata from http on loopback may lead to %s: %s', { tags: ['KEY-03'] }, async (uri, allowed) => {
    const local = 'http://localhost:9000';
    const page = { issuer: local, jwks_uri: uri };
    const { metadata } = discover({ [`${local}/.well-known/oauth-authorization-server`]: page }, local);
    if (allowed) expect(await metadata).toEqual({ jwksUri: uri });
    else await expect(metadata).rejects.toThrow(DocumentInvalid);
  });

  it('with allowInsecureRequests, http leads to http', { tags: ['KEY-03'] }, async () => {
    const plain = 'http://auth.example.com';
    const page = { issuer: plain, jwks_uri: `${plain}/jwks` };
    const pages = { [`${plain}/.well-known/oauth-authorization-server`]: page };
    const { metadata } = discover(pages, plain, { allowInsecureRequests: true });
    expect(await metadata).toEqual({ jwksUri: `${plain}/jwks` });
  });

  it('with metadataUrl visits nothing else', { tags: ['KEY-05'] }, async () => {
    const metadataUrl = 'https://auth.example.com/metadata';
    const { metadata, visited } = discover({ [oauth]: good }, issuer, { metadataUrl });
    await expect(metadata).rejects.toThrow(DocumentUnavailable);
    expect(visited).toEqual([metadataUrl]);
  });
});

describe('the configured issuer', () => {
  const audience = 'https://api.example.com';

  it.each([
    'http://auth.example.com',
    'http://10.0.0.1',
    'https://auth.example.com?tenant=1',
    'https://auth.example.com/?',
    'https://auth.example.com#fragment',
    'https://auth.example.com/#',
    'https://user@auth.example.com',
    'auth.example.com',
    '/issuer',
    'ftp://auth.example.com',
    '',
  ])('cannot be %s', { tags: ['KEY-02'] }, (identifier) => {
    expect(() => createResourceServer({ issuer: identifier, audience })).toThrow(/^option "issuer" /);
    expect(() => createResourceServer({ issuer: [issuer, identifier], audience })).toThrow(
      /^option "issuer\[1\]" /,
    );
  });

  it.each([
    'https://h',
    'https://h/',
    'https://h:8443/t1',
    'http://localhost:9000',
    'http://127.0.0.1/t',
    'http://[::1]:1',
  ])('can be %s', { tags: ['KEY-02'] }, (identifier) => {
    createResourceServer({ issuer: identifier, audience }).close();
  });

  it('can be http elsewhere only with allowInsecureRequests', { tags: ['KEY-02'] }, () => {
    const plain = 'http://auth.example.com';
    createResourceServer({ issuer: plain, audience, allowInsecureRequests: true }).close();
    expect(() => createResourceServer({ issuer: plain, audience })).toThrow(TypeError);
  });

  it.each(['jwksUri', 'metadataUrl'])('cannot have a plain http %s', { tags: ['KEY-03'] }, (name) => {
    const given = { issuer, [name]: 'http://auth.example.com/document' };
    expect(() => createResourceServer({ issuer: given, audience })).toThrow(`option "issuer.${name}"`);
  });
});
