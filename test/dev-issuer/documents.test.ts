import { request } from 'node:http';
import {
  OAuthMetadataSchema,
  OpenIdProviderDiscoveryMetadataSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { startDevIssuer } from '../../tools/dev-issuer/index.js';
import { send } from '../support/http-client.js';
import { getJson, getToken, inventory, start } from './support.js';

const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

describe('the documents of the development issuer', () => {
  it.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    'has its metadata at %s (RFC 8414)',
    async (path) => {
      const { issuer } = await start();
      const response = await fetch(`${issuer}${path}`);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toEqual({
        issuer,
        jwks_uri: `${issuer}/jwks`,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        token_endpoint_auth_methods_supported: methods,
        token_endpoint_auth_signing_alg_values_supported: algorithms,
        introspection_endpoint: `${issuer}/introspect`,
        introspection_endpoint_auth_methods_supported: methods,
        introspection_endpoint_auth_signing_alg_values_supported: algorithms,
        grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        dpop_signing_alg_values_supported: algorithms,
        tls_client_certificate_bound_access_tokens: false,
        scopes_supported: ['read:inventory', 'write:orders'],
        response_types_supported: [],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      });
    },
  );

  it('has metadata without an empty list of scopes (RFC 8414 §3.2)', async () => {
    const { issuer } = await start({ clients: [{ clientId: 'a', clientSecret: 'b', scopes: [] }] });
    const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
    expect(await response.json()).not.toHaveProperty('scopes_supported');
  });

  it.each([
    ['/.well-known/oauth-authorization-server', OAuthMetadataSchema],
    ['/.well-known/openid-configuration', OpenIdProviderDiscoveryMetadataSchema],
  ])('has metadata at %s that MCP clients take, and so has the testing kit', async (path, schema) => {
    const { issuer } = await start();
    const kit = await (await createTestIssuer()).listen();
    onTestFinished(kit.close);
    for (const origin of [issuer, kit.identifier]) {
      const document = schema.parse(await getJson(`${origin}${path}`));
      // Endpoints that are named are there, and say what they can't do.
      const asked = await fetch(`${document.authorization_endpoint}?response_type=code&client_id=a`);
      expect([asked.status, await asked.json()]).toEqual([
        400,
        expect.objectContaining({ error: 'unsupported_response_type' }),
      ]);
    }
    const { token_endpoint } = schema.parse(await getJson(`${kit.identifier}${path}`));
    const granted = await fetch(token_endpoint, { method: 'POST', body: new URLSearchParams() });
    expect([granted.status, await granted.json()]).toEqual([
      401,
      expect.objectContaining({ error: 'invalid_client' }),
    ]);
  });

  it("redirects no browser, because it knows no client's address (RFC 6749 §4.1.2.1)", async () => {
    const { issuer } = await start();
    const target = 'redirect_uri=https%3A%2F%2Fattacker.example%2F&client_id=order-service&state=x';
    for (const [query, error] of [
      [target, 'invalid_request'],
      [`${target}&response_type=code`, 'unsupported_response_type'],
      [`${target}&response_type=token`, 'unsupported_response_type'],
    ]) {
      const { status, headers, body } = await send(issuer, { path: `/authorize?${query}` });
      expect([status, headers.location, JSON.parse(body).error]).toEqual([400, undefined, error]);
      expect(body).not.toContain('attacker');
    }
    expect((await send(issuer, { method: 'POST', path: '/authorize' })).status).toBe(405);
  });

  it('has its public keys, and nothing of the private ones', { tags: ['KEY-20'] }, async () => {
    const { jwksUri } = await start({ algorithm: 'RS256' });
    const response = await fetch(jwksUri);
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
    expect(response.headers.get('cache-control')).toBe('max-age=30');
    const { keys } = JSON.parse(await response.text());
    expect(keys.map((key: object) => Object.keys(key).sort())).toEqual([
      ['alg', 'e', 'kid', 'kty', 'n', 'use'],
    ]);
  });

  it('answers HEAD without a body', async () => {
    const { issuer } = await start();
    const { status, headers, body } = await send(issuer, { method: 'HEAD', path: '/jwks' });
    expect([status, body]).toEqual([200, '']);
    expect(Number(headers['content-length'])).toBeGreaterThan(100);
  });

  it('has nothing else', async () => {
    const { issuer } = await start();
    for (const path of [
      '/toString',
      '/__proto__',
      '/jwks/',
      '//jwks',
      '/page/index.html',
      '/../package.json',
      '/dev',
      '*',
    ])
      expect([path, (await send(issuer, { path: path === '*' ? '/*' : path })).status]).toEqual([path, 404]);
  });
});

describe('rotation of keys', () => {
  it('is seen by a resource server, tokens of the kept key hold', { tags: ['KEY-13'] }, async () => {
    const issuer = await start();
    const server = createResourceServer({ issuer: issuer.issuer, audience: inventory, cache: false });
    const before = await getToken(issuer);
    await server.verify(before);
    await issuer.rotateKeys(true);
    await server.verify(await getToken(issuer));
    await server.verify(before);
    server.close();
  });

  it('never uses a key id twice, also not after a restart', async () => {
    const ids = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const issuer = await start();
      await issuer.rotateKeys(true);
      const { keys } = await getJson(issuer.jwksUri);
      for (const { kid } of keys) ids.add(kid);
    }
    expect(ids.size).toBe(6);
  });

  it('does one rotation after the other', async () => {
    const issuer = await start();
    await Promise.all([issuer.rotateKeys(true), issuer.rotateKeys(true), issuer.rotateKeys(true)]);
    const { keys } = await getJson(issuer.jwksUri);
    expect(keys).toHaveLength(4);
  });
});

describe('the development issuer is for one machine', () => {
  it.each([
    '0.0.0.0',
    '::',
    '192.168.0.1',
    '128.0.0.1',
    'example.com',
    'localhost.example.com',
    '127.0.0.1.nip.io',
    '2130706433',
    '',
  ])('does not listen on "%s"', async (host) => {
    const refused = startDevIssuer({ port: 0, host });
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow(
      /option "host" takes localhost, an address of 127\.0\.0\.0\/8 or ::1/,
    );
  });

  it.each(['127.0.0.1', '127.1.2.3', 'localhost'])('listens on %s, and is called so', async (host) => {
    const { issuer } = await start({ host });
    expect(issuer).toMatch(new RegExp(`^http://${host.replaceAll('.', '\\.')}:\\d+$`));
    expect((await fetch(`${issuer}/jwks`)).status).toBe(200);
  });

  it.each([
    ['the name of another site', 'attacker.example'],
    ['a name that stands for this machine', '127.0.0.1.nip.io'],
    ['another port', '127.0.0.1:1'],
    ['no port', '127.0.0.1'],
    ['nothing', ''],
  ])('answers no request whose Host is %s (DNS rebinding)', async (_, host) => {
    const { issuer } = await start();
    const { port } = new URL(issuer);
    const named =
      host.includes('.') && !host.startsWith('127.0.0.1:') && host !== '127.0.0.1' ? `${host}:${port}` : host;
    for (const path of ['/', '/jwks', '/token', '/dev/settings'])
      expect(await statusFor(issuer, path, [named])).toBe(421);
  });

  it('answers no request with two Host headers', async () => {
    const { issuer } = await start();
    const { host } = new URL(issuer);
    expect([400, 421]).toContain(await statusFor(issuer, '/jwks', [host, 'attacker.example']));
  });

  it('answers by the other names of the loopback interface', async () => {
    const { issuer } = await start();
    const { port } = new URL(issuer);
    for (const name of ['localhost', 'LOCALHOST', '127.0.0.1', '[::1]'])
      expect(await statusFor(issuer, '/jwks', [`${name}:${port}`])).toBe(200);
  });

  it('closes at once, also with connections open', async () => {
    const issuer = await start();
    expect((await fetch(issuer.jwksUri)).status).toBe(200);
    await issuer.close();
    await expect(fetch(issuer.jwksUri)).rejects.toThrow('fetch failed');
  });

  it('says that the port is taken', async () => {
    const { issuer } = await start();
    await expect(startDevIssuer({ port: Number(new URL(issuer).port) })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});

/** The status for a request with these Host headers. */
function statusFor(url: string, path: string, hosts: readonly string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = hosts.flatMap((host) => ['Host', host]);
    const outgoing = request(`${url}${path}`, { headers, setHost: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
