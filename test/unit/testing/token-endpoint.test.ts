import { decodeJwt } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClientCredentials } from '../../../src/client/index.js';
import { createResourceServer } from '../../../src/index.js';
import { createTestIssuer, type ListeningIssuer, type ListenOptions } from '../../../src/testing/index.js';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

async function listen(options?: ListenOptions): Promise<ListeningIssuer> {
  const listening = await (await createTestIssuer()).listen(options);
  onTestFinished(() => listening.close());
  return listening;
}

/** A request to the token endpoint, by the client that's there anyway. */
async function ask(
  { identifier, clientOptions: { clientId, clientSecret } }: ListeningIssuer,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${identifier}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...form }),
    headers,
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

const exchange = (subject_token: string, more: Readonly<Record<string, string>> = {}) => ({
  grant_type: EXCHANGE,
  subject_token,
  subject_token_type: ACCESS_TOKEN,
  ...more,
});

describe('the token endpoint of a listening issuer', () => {
  it('gives a client of this package a token for whatever it asks for, in one line', async () => {
    const listening = await listen();
    const client = createClientCredentials({ ...listening.clientOptions, scope: 'read:inventory' });
    onTestFinished(() => client.close());
    const { accessToken, tokenType, scope } = await client.getToken();
    expect({ tokenType, scope }).toEqual({ tokenType: 'Bearer', scope: ['read:inventory'] });
    expect(listening.requests['/token']).toBe(1);

    const server = createResourceServer(listening.options);
    onTestFinished(() => server.close());
    expect(await server.verify(accessToken)).toMatchObject({
      clientId: 'test-client',
      scopes: ['read:inventory'],
      audience: ['https://api.example.com'],
    });
  });

  it('binds tokens to the DPoP key of a client, with and without nonces', async () => {
    for (const dpopNonce of [false, true]) {
      const listening = await listen({ dpopNonce });
      const client = createClientCredentials({ ...listening.clientOptions, dpop: true });
      onTestFinished(() => client.close());
      const { accessToken, tokenType } = await client.getToken();
      expect(tokenType).toBe('DPoP');
      expect(decodeJwt(accessToken)).toHaveProperty('cnf.jkt');
      expect(listening.requests['/token']).toBe(dpopNonce ? 2 : 1);
    }
  });

  it('exchanges a token of the caller for one that the service in the middle uses', async () => {
    const listening = await listen({
      clients: [
        { clientId: 'order-service', clientSecret: 'a-secret', scopes: ['read:stock', 'pick:stock'] },
      ],
    });
    const subject = await listening.token({ sub: 'alice', scope: 'read:stock write:orders', tenant: 'acme' });
    const form = exchange(subject, { resource: 'https://stock.example.com' });
    const { status, body } = await ask(listening, {
      client_id: 'order-service',
      client_secret: 'a-secret',
      ...form,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      token_type: 'Bearer',
      issued_token_type: ACCESS_TOKEN,
      scope: 'read:stock',
    });
    expect(decodeJwt(body.access_token)).toMatchObject({
      sub: 'alice',
      tenant: 'acme',
      client_id: 'order-service',
      aud: 'https://stock.example.com',
      scope: 'read:stock',
    });
  });
});

describe('nextResponse', () => {
  it('answers the next request, once, and in the order of the calls', async () => {
    const listening = await listen();
    listening.nextResponse({ status: 503, body: { error: 'slow_down' }, headers: { 'Retry-After': '7' } });
    listening.nextResponse({ status: 429 });
    const grant = { grant_type: 'client_credentials' };
    const first = await fetch(`${listening.identifier}/token`, { method: 'POST' });
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await first.json()).toEqual({ error: 'slow_down' });
    expect((await fetch(`${listening.identifier}/token`, { method: 'POST' })).status).toBe(429);
    expect((await ask(listening, grant)).status).toBe(200);
    expect(listening.requests['/token']).toBe(3);
  });

  it('sends text as it is, and breaks connections', async () => {
    const listening = await listen();
    listening.nextResponse({ body: '<html>', headers: { 'content-type': 'text/html' } });
    const response = await fetch(`${listening.identifier}/token`, { method: 'POST' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/html',
      '<html>',
    ]);
    listening.nextResponse({ resetConnection: true });
    await expect(fetch(`${listening.identifier}/token`, { method: 'POST' })).rejects.toThrow('fetch failed');
  });

  it('holds the usual answer back, or adds header fields to it', async () => {
    const listening = await listen();
    const grant = { grant_type: 'client_credentials' };
    listening.nextResponse({ delayMs: 40 });
    const before = performance.now();
    expect((await ask(listening, grant)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThanOrEqual(39);
    listening.nextResponse({ headers: { 'DPoP-Nonce': 'n-1' } });
    expect((await ask(listening, grant)).headers.get('dpop-nonce')).toBe('n-1');
  });

  it('is for one path, and leaves the others alone', async () => {
    const listening = await listen();
    listening.nextResponse({ status: 500, path: '/jwks' });
    expect((await ask(listening, { grant_type: 'client_credentials' })).status).toBe(200);
    expect((await fetch(`${listening.identifier}/jwks`)).status).toBe(500);
    expect((await fetch(`${listening.identifier}/jwks`)).status).toBe(200);
  });
});
