import { afterAll, describe, expect, it } from 'vitest';
import type { ResourceServerOptions } from '../../src/index.js';
import { expectSameAsGet } from '../../src/testing/contract/expect-answer.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { type RawRequest, type RawResponse, send } from '../support/http-client.js';
import type { Running } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const issuer = await createTestIssuer();
const identifier = issuer.options.issuer.issuer;

/** Options of the rows, by name. */
const CONFIGURATIONS = {
  string: { resource: 'https://inventory.example.com' },
  root: { resource: 'https://inventory.example.com/' },
  path: { resource: 'https://inventory.example.com/v2/stock' },
  slash: { resource: 'https://inventory.example.com/v2/' },
  query: { resource: 'https://inventory.example.com/v2?tenant=acme' },
  colon: { resource: 'https://inventory.example.com/tenants/acme:eu/*' },
  full: {
    resource: {
      resource: 'https://inventory.example.com/v2',
      name: 'Inventory',
      documentation: 'https://docs.example.com/inventory#scopes',
      policyUri: 'https://inventory.example.com/policy',
      tosUri: 'https://inventory.example.com/terms',
      scopes: ['read:inventory', 'offline_access'],
      authorizationDetailsTypes: ['payment'],
      jwksUri: 'https://inventory.example.com/keys',
      signingAlgorithms: ['ES256'],
      maxAgeSeconds: 60,
    },
    mtls: true,
    bearerMethods: ['header', 'body'],
  },
  empty: { resource: { resource: 'https://inventory.example.com', scopes: [], authorizationServers: [] } },
  'only DPoP': { resource: 'https://inventory.example.com', dpop: 'required' },
  'no DPoP': { resource: 'https://inventory.example.com', dpop: 'off' },
  unsigned: {
    resource: {
      resource: 'https://inventory.example.com',
      signedMetadata: () => Promise.reject(new Error('the key is out of reach')),
    },
  },
} satisfies Record<string, Partial<ResourceServerOptions>>;

const PREFLIGHT = [
  ['Origin', 'https://app.example.com'],
  ['Access-Control-Request-Method', 'GET'],
  ['Access-Control-Request-Headers', 'mcp-protocol-version'],
] as const;

/** What the routes of every harness require. */

describe.each(harnesses)('$name', (harness) => {
  const running = new Map<string, Promise<Running>>();
  const serverOf = (name: keyof typeof CONFIGURATIONS): Promise<Running> => {
    const started = running.get(name) ?? harness.start({ ...issuer.options, ...CONFIGURATIONS[name] });
    running.set(name, started);
    return started;
  };
  const ask = async (name: keyof typeof CONFIGURATIONS, request: RawRequest): Promise<RawResponse> =>
    send((await serverOf(name)).url, request);

  afterAll(async () => {
    for (const started of running.values()) await (await started).close();
  });

  it.each([
    ['string', WELL_KNOWN, 'https://inventory.example.com'],
    ['root', WELL_KNOWN, 'https://inventory.example.com/'],
    ['path', `${WELL_KNOWN}/v2/stock`, 'https://inventory.example.com/v2/stock'],
    ['query', `${WELL_KNOWN}/v2?tenant=acme`, 'https://inventory.example.com/v2?tenant=acme'],
    ['colon', `${WELL_KNOWN}/tenants/acme:eu/*`, 'https://inventory.example.com/tenants/acme:eu/*'],
  ] as const)(
    'publishes %s at %s, to the letter',
    { tags: ['PRM-01', 'PRM-02', 'PRM-03'] },
    async (name, path, resource) => {
      const response = await ask(name, { path });
      expect(response.status).toBe(200);
      expect(response.headers['content-type']).toBe('application/json');
      expect(JSON.parse(response.body).resource).toBe(resource);
    },
  );

  it.each([
    ['string', `${WELL_KNOWN}/`],
    ['string', `${WELL_KNOWN}?a=1`],
    ['root', `${WELL_KNOWN}/`],
    ['path', `${WELL_KNOWN}/v2/stock/`],
    ['path', `${WELL_KNOWN}/v2/stock?a=1`],
    ['path', `${WELL_KNOWN}/v2/stock/?a=1`],
    ['path', WELL_KNOWN],
    ['path', `${WELL_KNOWN}/`],
    ['path', `${WELL_KNOWN}?a=1`],
    ['slash', `${WELL_KNOWN}/v2`],
    ['slash', `${WELL_KNOWN}/v2/`],
    ['slash', WELL_KNOWN],
    ['colon', `${WELL_KNOWN}/tenants/acme:eu/*/`],
    ['colon', WELL_KNOWN],
    ['only DPoP', `${WELL_KNOWN}/`],
  ] as const)(
    'publishes %s also at %s, where clients look, with any method and credentials',
    { tags: ['PRM-01', 'PRM-02', 'MCP-02'] },
    async (name, path) => {
      const { resource } = CONFIGURATIONS[name];
      for (const headers of [[], [['Authorization', 'Bearer abc']]] as const) {
        const get = await ask(name, { path, headers });
        expect([get.status, JSON.parse(get.body).resource]).toEqual([200, resource]);
        expect(get.headers['access-control-allow-origin']).toBe('*');
        expectSameAsGet(await ask(name, { method: 'HEAD', path, headers }), get);
        const preflight = { method: 'OPTIONS', path, headers: [...headers, ...PREFLIGHT] };
        expect((await ask(name, preflight)).status).toBe(204);
        expect((await ask(name, { method: 'POST', path, headers })).status).toBe(405);
      }
    },
  );

  it.each([
    ['query', WELL_KNOWN],
    ['query', `${WELL_KNOWN}/v2`],
    ['query', `${WELL_KNOWN}/v2/?tenant=acme`],
    ['query', `${WELL_KNOWN}/v2?tenant=other`],
  ] as const)(
    "answers 404 at %s %s, where another resource's could be",
    { tags: ['PRM-11'] },
    async (name, path) => {
      const response = await ask(name, { path });
      expect([response.status, response.body]).toEqual([404, '']);
    },
  );

  it.each([
    ['path', `${WELL_KNOWN}/v2`],
    ['path', `${WELL_KNOWN}/v2/stock//`],
    ['path', `${WELL_KNOWN}/v2/stock/42`],
    ['path', `${WELL_KNOWN}s/v2/stock`],
    ['path', `${WELL_KNOWN}/V2/stock`],
    ['path', `/v2/stock${WELL_KNOWN}`],
    ['string', `${WELL_KNOWN}/v2`],
    ['string', `${WELL_KNOWN}//`],
  ] as const)('publishes nothing of %s at %s', { tags: ['PRM-11'] }, async (name, path) => {
    const response = await ask(name, { path });
    expect([401, 404]).toContain(response.status);
    expect(response.body).not.toContain('https://inventory.example.com');
  });

  it('publishes what the options say, and nothing of the routes', {
    tags: ['PRM-04', 'PRM-05', 'PRM-06', 'PRM-07'],
  }, async () => {
    const { body } = await ask('string', { path: WELL_KNOWN });
    const { dpop_signing_alg_values_supported, ...others } = JSON.parse(body);
    expect(others).toEqual({
      resource: 'https://inventory.example.com',
      authorization_servers: [identifier],
      bearer_methods_supported: ['header'],
    });
    expect(dpop_signing_alg_values_supported).toContain('ES256');
  });

  it('publishes every member, except offline_access', {
    tags: ['PRM-06', 'PRM-07', 'MCP-05'],
  }, async () => {
    const { body } = await ask('full', { path: `${WELL_KNOWN}/v2` });
    const { dpop_signing_alg_values_supported: _algorithms, ...others } = JSON.parse(body);
    expect(others).toEqual({
      resource: 'https://inventory.example.com/v2',
      authorization_servers: [identifier],
      scopes_supported: ['read:inventory'],
      bearer_methods_supported: ['header', 'body'],
      tls_client_certificate_bound_access_tokens: true,
      jwks_uri: 'https://inventory.example.com/keys',
      resource_signing_alg_values_supported: ['ES256'],
      resource_name: 'Inventory',
      resource_documentation: 'https://docs.example.com/inventory#scopes',
      resource_policy_uri: 'https://inventory.example.com/policy',
      resource_tos_uri: 'https://inventory.example.com/terms',
      authorization_details_types_supported: ['payment'],
    });
  });

  it('leaves empty lists out', { tags: ['PRM-04'] }, async () => {
    const { body } = await ask('empty', { path: WELL_KNOWN });
    const { dpop_signing_alg_values_supported: _algorithms, ...others } = JSON.parse(body);
    expect(others).toEqual({
      resource: 'https://inventory.example.com',
      bearer_methods_supported: ['header'],
    });
  });

  it('says that no bearer token is accepted', { tags: ['PRM-04', 'PRM-06', 'PRM-07'] }, async () => {
    const metadata = JSON.parse((await ask('only DPoP', { path: WELL_KNOWN })).body);
    expect(metadata).toMatchObject({ bearer_methods_supported: [], dpop_bound_access_tokens_required: true });
    const without = JSON.parse((await ask('no DPoP', { path: WELL_KNOWN })).body);
    expect(Object.keys(without).filter((name) => name.startsWith('dpop'))).toEqual([]);
  });

  it('may be cached and read by scripts of any origin, and answers HEAD like GET', {
    tags: ['PRM-10', 'PRM-12'],
  }, async () => {
    const request = { path: WELL_KNOWN, headers: [['Origin', 'https://app.example.com']] } as const;
    const get = await ask('string', request);
    expect(get.headers).toMatchObject({
      'cache-control': 'public, max-age=3600',
      'access-control-allow-origin': '*',
      'content-length': String(Buffer.byteLength(get.body)),
    });
    expectSameAsGet(await ask('string', { ...request, method: 'HEAD' }), get);
    const { headers } = await ask('full', { path: `${WELL_KNOWN}/v2` });
    expect(headers['cache-control']).toBe('public, max-age=60');
  });

  it('lets preflight requests of any origin pass', { tags: ['PRM-10'] }, async () => {
    const response = await ask('string', {
      method: 'OPTIONS',
      path: WELL_KNOWN,
      headers: PREFLIGHT,
    });
    expect(response.status).toBe(204);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(['*', 'mcp-protocol-version']).toContain(response.headers['access-control-allow-headers']);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'answers %s with 405 and says what is allowed',
    { tags: ['PRM-12'] },
    async (method) => {
      const response = await ask('string', { method, path: WELL_KNOWN });
      expect(response.status).toBe(405);
      expect(response.headers.allow).toBe('GET, HEAD, OPTIONS');
      expect(response.body).toBe('');
    },
  );

  it('needs no access token, and ignores a bad one', { tags: ['PRM-02'] }, async () => {
    const headers = [['Authorization', 'Bearer abc']] as const;
    expect((await ask('string', { path: WELL_KNOWN, headers })).status).toBe(200);
  });

  it("answers 503 if the metadata can't be signed", { tags: ['PRM-09', 'OPS-09'] }, async () => {
    const response = await ask('unsigned', { path: WELL_KNOWN });
    expect(response.status).toBe(503);
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store', 'retry-after': '30' });
    expect(response.body).toBe('');
  });

  it('publishes nothing without the option', { tags: ['PRM-13'] }, async () => {
    const server = await harness.start(issuer.options);
    try {
      const response = await send(server.url, { path: WELL_KNOWN });
      expect([401, 404]).toContain(response.status);
    } finally {
      await server.close();
    }
  });
});
