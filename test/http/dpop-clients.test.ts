import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { Configuration } from 'oidc-provider';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ResourceServerOptions } from '../../src/index.js';
import { harnesses } from './harnesses/index.js';

const AUDIENCE = 'https://inventory.example.com';
const CLIENT = { client_id: 'order-service', client_secret: 'a secret of this test alone' };
const SCOPE = 'read:inventory';

let issuer: string;
const http = createServer();

/** `oidc-provider`, which wants a nonce of its own too. */
beforeAll(async () => {
  issuer = await listen(http);
  vi.spyOn(console, 'warn').mockReturnValue(); // it warns of keeping everything in memory, which is what a test wants
  const { Provider } = await import('oidc-provider');
  http.on('request', new Provider(issuer, await configuration()).callback());
});

afterAll(() => {
  vi.restoreAllMocks();
  http.closeAllConnections();
  http.close();
});

/** `openid-client`, with a key of its own. */
async function connect() {
  const { client_id, client_secret } = CLIENT;
  const execute = [client.allowInsecureRequests]; // the issuer is on loopback
  const config = await client.discovery(new URL(issuer), client_id, client_secret, undefined, { execute });
  const handle = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  const { access_token, token_type } = await client.clientCredentialsGrant(
    config,
    { scope: SCOPE, resource: AUDIENCE },
    { DPoP: handle },
  );
  return { config, handle, access_token, token_type };
}

describe.each(harnesses)('$name, called by openid-client with a token of oidc-provider', (harness) => {
  async function start(dpop: ResourceServerOptions['dpop']): Promise<string> {
    const running = await harness.start({ issuer, audience: AUDIENCE, ...(dpop !== undefined && { dpop }) });
    onTestFinished(() => running.close());
    return running.url;
  }

  it.each([
    ['without nonces', undefined],
    ['where DPoP is required', 'required'],
    ['with nonces', { nonce: { secret: 'a secret of at least 32 characters' } }],
  ] as const)('opens %s', { tags: ['DPP-01', 'DPP-22'] }, async (_, dpop) => {
    const { config, handle, access_token, token_type } = await connect();
    expect(token_type.toLowerCase()).toBe('dpop');
    const url = new URL(`${await start(dpop)}/mounted/stock/42?limit=1`);
    for (const sku of ['42', '42']) {
      const response = await client.fetchProtectedResource(
        config,
        access_token,
        url,
        'GET',
        null,
        undefined,
        {
          DPoP: handle,
        },
      );
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ sku, caller: 'order-service', scopes: [SCOPE] });
    }
  });

  it('stays closed to anyone without the key', { tags: ['DPP-17'] }, async () => {
    const { config, access_token } = await connect();
    const url = new URL(`${await start(undefined)}/stock/42`);
    const stolen = client.fetchProtectedResource(config, access_token, url, 'GET');
    await expect(stolen).rejects.toMatchObject({ status: 401 });
    const otherKey = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const withOtherKey = client.fetchProtectedResource(config, access_token, url, 'GET', null, undefined, {
      DPoP: otherKey,
    });
    await expect(withOtherKey).rejects.toMatchObject({ status: 401 });
  });
});

async function configuration(): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    clients: [
      {
        ...CLIENT,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    scopes: [SCOPE],
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ audience: AUDIENCE, scope: SCOPE, accessTokenFormat: 'jwt' }),
      },
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return `http://127.0.0.1:${port}`;
}
