import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { Configuration } from 'oidc-provider';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  clientCredentialsGrant,
  discovery,
  getDPoPHandle,
  randomDPoPKeyPair,
  tokenRevocation,
} from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { IntrospectionEndpointOptions, ResourceServerOptions } from '../../src/index.js';
import { send } from '../support/http-client.js';
import type { Running } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const AUDIENCE = 'https://inventory.example.com';
const BILLING = 'https://billing.example.com';
const CALLER = { id: 'order-service', secret: 'secret-of-the-service' };
/** Characters that have to be encoded for `client_secret_basic`. */
const SECRET = 'a secret: 100% "safe" + / ~ &=';
const [ofServer, ofApi] = await Promise.all([
  generateKeyPair('ES256', { extractable: true }),
  generateKeyPair('RS256', { extractable: true }),
]);

let authorizationServer: Server;
let issuer: string;
let revoked: string;

/** `oidc-provider` as it is by default: its access tokens are opaque. */
async function startProvider(): Promise<void> {
  authorizationServer = createServer();
  await new Promise<void>((resolve) => {
    authorizationServer.listen(0, '127.0.0.1', resolve);
  });
  issuer = `http://127.0.0.1:${(authorizationServer.address() as AddressInfo).port}`; // a TCP server has no other address
  // It warns of Node 20, where it works, and of its storage in memory.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const { default: Provider } = await import('oidc-provider');
  const apiDefaults = {
    client_secret: SECRET,
    id_token_signed_response_alg: 'ES256',
    introspection_signed_response_alg: 'ES256', // for who asks for that
    grant_types: [],
    response_types: [],
    redirect_uris: [],
  } as const;
  const configuration: Configuration = {
    jwks: { keys: [{ ...(await exportJWK(ofServer.privateKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }] },
    clients: [
      {
        ...apiDefaults,
        client_id: CALLER.id,
        client_secret: CALLER.secret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
      },
      { ...apiDefaults, client_id: 'basic-api', token_endpoint_auth_method: 'client_secret_basic' },
      { ...apiDefaults, client_id: 'post-api', token_endpoint_auth_method: 'client_secret_post' },
      {
        ...apiDefaults,
        client_id: 'key-api',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(ofApi.publicKey)), kid: 'api-1', alg: 'RS256', use: 'sig' }] },
      },
    ],
    scopes: ['read:inventory'],
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          audience: resource,
          scope: 'read:inventory',
          accessTokenFormat: 'opaque',
        }),
      },
    },
  };
  authorizationServer.on('request', new Provider(issuer, configuration).callback());
}

/** A client of the authorization server, by a library that is not ours. */
const caller = async () =>
  discovery(new URL(issuer), CALLER.id, undefined, ClientSecretBasic(CALLER.secret), {
    execute: [allowInsecureRequests],
  });

async function getToken(parameters: Record<string, string> = {}): Promise<string> {
  const { access_token: token } = await clientCredentialsGrant(await caller(), {
    scope: 'read:inventory',
    resource: AUDIENCE,
    ...parameters,
  });
  expect(token).toMatch(/^[\w-]+$/); // opaque, to be sure
  return token;
}

beforeAll(async () => {
  await startProvider();
  revoked = await getToken();
  await tokenRevocation(await caller(), revoked);
});

afterAll(async () => {
  authorizationServer.closeAllConnections();
  await new Promise((resolve) => {
    authorizationServer.close(resolve);
  });
});

const APIS: readonly (readonly [name: string, introspection: IntrospectionEndpointOptions])[] = [
  ['client_secret_basic', { clientId: 'basic-api', clientSecret: SECRET }],
  [
    'client_secret_post',
    { clientId: 'post-api', clientSecret: SECRET, authenticationMethod: 'client_secret_post' },
  ],
  ['private_key_jwt', { clientId: 'key-api', privateKey: ofApi.privateKey, keyId: 'api-1' }],
  ['signed answers', { clientId: 'basic-api', clientSecret: SECRET, signedResponse: true }],
];

describe.each(harnesses)('$name, asking oidc-provider', (harness) => {
  let running: Running | undefined;

  const start = async (
    introspection: IntrospectionEndpointOptions,
    options: Partial<ResourceServerOptions> = {},
  ): Promise<string> => {
    running = await harness.start({ issuer: { issuer, introspection }, audience: AUDIENCE, ...options });
    return running.url;
  };
  const stock = async (url: string, token: string) =>
    send(url, { path: '/stock/42', headers: [['Authorization', `Bearer ${token}`]] });

  afterEach(async () => {
    await running?.close();
    running = undefined;
  });

  it.each(APIS)(
    'accepts its opaque tokens, by %s',
    { tags: ['INT-02', 'INT-04', 'INT-05', 'INT-19'] },
    async (_name, introspection) => {
      const url = await start(introspection);
      const token = await getToken();
      for (let time = 0; time < 2; time += 1) {
        const accepted = await stock(url, token);
        expect(JSON.parse(accepted.body)).toEqual({
          sku: '42',
          caller: CALLER.id,
          scopes: ['read:inventory'],
        });
        expect(accepted.status).toBe(200);
      }
      expect((await stock(url, revoked)).status).toBe(401);
      expect((await stock(url, `${token}x`)).status).toBe(401);
      expect((await stock(url, await getToken({ scope: '' }))).status).toBe(403);
      const elsewhere = await stock(url, await getToken({ resource: BILLING }));
      expect([elsewhere.status, elsewhere.lines('www-authenticate').join()]).toEqual([
        401,
        expect.stringContaining('The access token is not for this API'),
      ]);
    },
  );

  it.each<[string, IntrospectionEndpointOptions]>([
    ['a wrong secret', { clientId: 'basic-api', clientSecret: 'wrong' }],
    ['an unknown client', { clientId: 'nobody', clientSecret: SECRET }],
    ['a secret where a key is registered', { clientId: 'key-api', clientSecret: SECRET }],
    ['a foreign key', { clientId: 'key-api', privateKey: ofServer.privateKey }],
  ])('answers 503 if the API has %s', { tags: ['INT-07', 'OPS-10'] }, async (_name, introspection) => {
    const url = await start(introspection);
    const { status, headers, lines } = await stock(url, await getToken());
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(lines('www-authenticate')).toEqual([]);
  });

  it('accepts its opaque tokens with the proof that they are bound to, and not without', {
    tags: ['INT-12'],
  }, async () => {
    const url = await start({ clientId: 'basic-api', clientSecret: SECRET });
    const client = await caller();
    const handle = getDPoPHandle(client, await randomDPoPKeyPair());
    const { access_token: token, token_type: type } = await clientCredentialsGrant(
      client,
      { scope: 'read:inventory', resource: AUDIENCE },
      { DPoP: handle },
    );
    expect(type).toBe('dpop');
    const stolen = await stock(url, token);
    expect([stolen.status, stolen.lines('www-authenticate').join()]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ]);
    const target = new URL('/stock/42', url);
    const headers = new Headers();
    const { fetchProtectedResource } = await import('openid-client');
    const response = await fetchProtectedResource(client, token, target, 'GET', null, headers, {
      DPoP: handle,
    });
    expect(response.status).toBe(200);
  });
});
