import { describe, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../../src/errors.js';
import { discover, type MetadataSource, metadataUrls } from '../../../src/issuer/discovery.js';
import type { EndpointName, Metadata } from '../../../src/issuer/metadata-document.js';
import { FetchFailure } from '../../../src/lib/fetch.js';
import type { InsecureRequests } from '../../../src/lib/url.js';
import { createResourceServer } from '../../../src/resource-server.js';
import { stopTimers } from '../../support/protected-api.js';
import { type Page, simulateWeb } from '../../support/simulated-web.js';

const issuer = 'https://auth.example.com';
const jwksUri = 'https://auth.example.com/jwks';
const introspectionEndpoint = 'https://auth.example.com/introspect';
const oauth = 'https://auth.example.com/.well-known/oauth-authorization-server';
const openid = 'https://auth.example.com/.well-known/openid-configuration';
const good = { issuer, jwks_uri: jwksUri };
const status = (code: number) => () => new Response(null, { status: code });
const hang = () => new Promise<Response>(() => undefined);
const refused = () => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) });
};

/** Moves timers on, and lets everything go on that waited for them. */
async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  await new Promise(setImmediate);
}

interface Found {
  readonly visited: readonly string[];
  readonly metadata: Promise<Metadata>;
  jwksUri(): Promise<string>;
}

/** Looks for the `jwks_uri` of an issuer. */
function find(
  pages: Readonly<Record<string, Page>>,
  source: Partial<MetadataSource> = {},
  options: { readonly allowInsecureRequests?: InsecureRequests; readonly signal?: AbortSignal } = {},
): Found {
  const { fetch, visited } = simulateWeb(pages);
  const { allowInsecureRequests = false, signal = new AbortController().signal } = options;
  const metadata = discover(
    { issuer, metadataUrl: undefined, wanted: ['jwks_uri'], ...source },
    { fetch, signal, allowInsecureRequests, timeoutSeconds: 6 },
  );
  return { visited, metadata, jwksUri: async () => (await metadata).endpoint('jwks_uri') };
}

const MISMATCH = { reason: 'issuer_mismatch' };
const INVALID = { kind: 'invalid' };
const OUTAGE = { kind: 'status', status: 404 };

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

describe('discover', () => {
  it('takes the first place that has a good document, and visits no other', {
    tags: ['KEY-05'],
  }, async () => {
    const found = find({ [oauth]: good, [openid]: { issuer, jwks_uri: `${jwksUri}2` } });
    expect(await found.jwksUri()).toBe(jwksUri);
    expect(found.visited).toEqual([oauth]);
  });

  it.each<[string, Page]>([
    ['is missing', status(404)],
    ['fails', status(500)],
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
    const found = find({ [oauth]: page, [openid]: good });
    expect(await found.jwksUri()).toBe(jwksUri);
    expect(found.visited).toEqual([oauth, openid]);
  });

  it.each<[string, Record<string, Page>, object]>([
    [
      'an issuer mismatch',
      { [oauth]: { issuer: 'https://evil.example.com' }, [openid]: { issuer } },
      MISMATCH,
    ],
    ['an issuer mismatch', { [openid]: { issuer: 'https://evil.example.com' } }, MISMATCH],
    ['a bad document', { [oauth]: { issuer } }, INVALID],
    [
      'a server that is out of reach',
      { [openid]: refused },
      { kind: 'unreachable', message: 'ECONNREFUSED' },
    ],
    ['a failure that may pass', { [oauth]: status(503) }, { kind: 'status', status: 503 }],
    ['an outage', {}, OUTAGE],
  ])('fails with the most telling failure: %s', { tags: ['KEY-01'] }, async (_what, pages, failure) => {
    const thrown: unknown = await find(pages).metadata.catch((error) => error);
    expect(thrown).toBeInstanceOf(failure === MISMATCH ? UnavailableError : FetchFailure);
    expect(thrown).toMatchObject(failure);
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
    const found = find({ [oauth]: document, [openid]: document }, { issuer: configured });
    await expect(found.metadata).rejects.toMatchObject(MISMATCH);
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
  ])('refuses metadata from https that lead to %s', { tags: ['KEY-03'] }, async (uri) => {
    await expect(find({ [oauth]: { issuer, jwks_uri: uri } }).metadata).rejects.toMatchObject(INVALID);
  });

  it.each(['https://keys.example.net/jwks', 'https://auth.example.com:8443/jwks?tenant=1'])(
    'accepts metadata from https that lead to %s',
    { tags: ['KEY-03'] },
    async (uri) => {
      expect(await find({ [oauth]: { issuer, jwks_uri: uri } }).jwksUri()).toBe(uri);
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
  ])(
    'decides if metadata from http on loopback may lead to %s: %s',
    { tags: ['KEY-03'] },
    async (uri, allowed) => {
      const local = 'http://localhost:9000';
      const page = { issuer: local, jwks_uri: uri };
      const pages = { [`${local}/.well-known/oauth-authorization-server`]: page };
      const found = find(pages, { issuer: local });
      if (allowed) expect(await found.jwksUri()).toBe(uri);
      else await expect(found.jwksUri()).rejects.toMatchObject(INVALID);
    },
  );

  it('accepts http from http with allowInsecureRequests', { tags: ['KEY-03'] }, async () => {
    const plain = 'http://auth.example.com';
    const page = { issuer: plain, jwks_uri: `${plain}/jwks` };
    const pages = { [`${plain}/.well-known/oauth-authorization-server`]: page };
    const found = find(pages, { issuer: plain }, { allowInsecureRequests: true });
    expect(await found.jwksUri()).toBe(`${plain}/jwks`);
  });

  it('accepts http from http at the listed origins only', { tags: ['KEY-03'] }, async () => {
    const plain = 'http://auth.example.com:8080';
    const listed = { allowInsecureRequests: new Set([plain]) };
    const jwksUris = async (uri: string) => {
      const page = { issuer: plain, jwks_uri: uri };
      const pages = { [`${plain}/.well-known/oauth-authorization-server`]: page };
      return find(pages, { issuer: plain }, listed).jwksUri();
    };
    expect(await jwksUris(`${plain}/jwks`)).toBe(`${plain}/jwks`);
    for (const other of [
      'http://auth.example.com/jwks',
      'http://auth.example.com:80801/jwks',
      'http://evil.com/',
    ])
      await expect(jwksUris(other)).rejects.toMatchObject(INVALID);
  });

  it('visits nothing else with metadataUrl', { tags: ['KEY-05'] }, async () => {
    const metadataUrl = 'https://auth.example.com/metadata';
    const found = find({ [oauth]: good }, { metadataUrl });
    await expect(found.jwksUri()).rejects.toMatchObject(OUTAGE);
    expect(found.visited).toEqual([metadataUrl]);
  });

  it('does not ask a server again that is out of reach', { tags: ['KEY-05'] }, async () => {
    const found = find({ [oauth]: refused, [openid]: good });
    await expect(found.jwksUri()).rejects.toMatchObject({ kind: 'unreachable' });
    expect(found.visited).toEqual([oauth]);
  });

  it('goes on after a share of the time when the first place hangs', {
    tags: ['KEY-05', 'KEY-08'],
  }, async () => {
    stopTimers();
    const found = find({ [oauth]: hang, [openid]: good });
    await pass(1.999);
    expect(found.visited).toEqual([oauth]);
    await pass(0.001); // of 6 seconds for two places and what follows
    expect(await found.jwksUri()).toBe(jwksUri);
    expect(found.visited).toEqual([oauth, openid]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes what comes late from a place that hung, if no other place has it', {
    tags: ['KEY-05'],
  }, async () => {
    stopTimers();
    let answer: (response: Response) => void = () => undefined;
    const slow = () => new Promise<Response>((resolve) => (answer = resolve));
    const found = find({ [oauth]: slow, [openid]: status(404) });
    await pass(5);
    answer(Response.json(good));
    expect(await found.jwksUri()).toBe(jwksUri);
  });

  it('ends what is under way once it has all it wants', async () => {
    stopTimers();
    const signals: (AbortSignal | null | undefined)[] = [];
    const fetch: typeof globalThis.fetch = async (url, init) => {
      signals.push(init?.signal);
      return url === oauth ? hang() : Response.json(good);
    };
    const { signal } = new AbortController();
    const options = { fetch, signal, allowInsecureRequests: false, timeoutSeconds: 6 };
    const metadata = discover({ issuer, metadataUrl: undefined, wanted: ['jwks_uri'] }, options);
    await pass(2);
    await metadata;
    expect(signals.map((each) => each?.aborted)).toEqual([true, true]);
  });

  const both: readonly EndpointName[] = ['jwks_uri', 'introspection_endpoint'];

  it('adds the documents of several places up until all that is wanted is known', {
    tags: ['KEY-05', 'INT-02'],
  }, async () => {
    const pages = {
      [oauth]: { ...good, introspection_endpoint_auth_methods_supported: ['private_key_jwt'] },
      [openid]: {
        issuer,
        jwks_uri: `${jwksUri}2`,
        introspection_endpoint: introspectionEndpoint,
        introspection_endpoint_auth_methods_supported: ['client_secret_post'],
      },
    };
    const found = find(pages, { wanted: both });
    const metadata = await found.metadata;
    expect(metadata.endpoint('jwks_uri')).toBe(jwksUri);
    expect(metadata.endpoint('introspection_endpoint')).toBe(introspectionEndpoint);
    expect(metadata.list('introspection_endpoint_auth_methods_supported')).toEqual(['private_key_jwt']);
    expect(metadata.list('token_endpoint_auth_methods_supported')).toEqual([]);
    expect(found.visited).toEqual([oauth, openid]);
  });

  it('visits one place if that has all that is wanted', { tags: ['KEY-05'] }, async () => {
    const found = find(
      { [oauth]: { ...good, introspection_endpoint: introspectionEndpoint } },
      { wanted: both },
    );
    await found.metadata;
    expect(found.visited).toEqual([oauth]);
  });

  it.each<[string, Page]>([
    ['is missing', status(404)],
    [
      'names another issuer',
      { issuer: 'https://evil.example.com', introspection_endpoint: 'https://evil.example.com' },
    ],
    ['is malformed', { issuer, token_endpoint: 7, introspection_endpoint: introspectionEndpoint }],
    ['hangs', hang],
  ])('makes do with a part when the other place %s', { tags: ['KEY-01', 'KEY-05'] }, async (_what, page) => {
    stopTimers();
    const found = find({ [oauth]: good, [openid]: page }, { wanted: both });
    await pass(4);
    const metadata = await found.metadata;
    expect(metadata.find('jwks_uri')).toBe(jwksUri);
    expect(metadata.find('introspection_endpoint')).toBeUndefined();
    expect(() => metadata.endpoint('introspection_endpoint')).toThrow(
      expect.objectContaining({ reason: 'metadata_invalid', status: 503 }),
    );
  });

  it('prefers the endpoints for clients with a certificate where it is told to', {
    tags: ['INT-02'],
  }, async () => {
    const mtls = 'https://mtls.example.com/introspect';
    const aliases = { introspection_endpoint: mtls };
    const page = { issuer, introspection_endpoint: introspectionEndpoint, mtls_endpoint_aliases: aliases };
    const metadata = await find({ [oauth]: page }, { wanted: ['introspection_endpoint'] }).metadata;
    expect(metadata.endpoint('introspection_endpoint')).toBe(introspectionEndpoint);
    expect(metadata.endpoint('introspection_endpoint', true)).toBe(mtls);
  });

  it('has no endpoint that is null', { tags: ['KEY-06', 'INT-02'] }, async () => {
    const aliases = { introspection_endpoint: null };
    const page = {
      issuer,
      jwks_uri: null,
      token_endpoint: null,
      introspection_endpoint: introspectionEndpoint,
      mtls_endpoint_aliases: aliases,
    };
    const metadata = await find({ [oauth]: page }, { wanted: ['introspection_endpoint'] }).metadata;
    expect(metadata.endpoint('introspection_endpoint', true)).toBe(introspectionEndpoint);
    expect(metadata.lack('jwks_uri').message).toBe('there is no jwks_uri');
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
