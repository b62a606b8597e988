import { decodeJwt } from 'jose';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
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
  it('has the time of the test, also if that begins to fake it later', async () => {
    const listening = await listen();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    const { accessToken } = await createClientCredentials(listening.clientOptions).getToken();
    const server = createResourceServer(listening.options);
    await expect(server.verify(accessToken)).resolves.toMatchObject({ issuer: listening.identifier });
  });

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

describe('the token exchange of a listening issuer', () => {
  it.each([
    ['of the type JWT', {}, { typ: 'JWT' }],
    ['without an audience', { aud: undefined }, {}],
  ])('takes a subject token %s', async (_, claims, header) => {
    const listening = await listen();
    const subject = await listening.token({ sub: 'alice', ...claims }, header);
    const { status, body } = await ask(listening, exchange(subject));
    expect(status).toBe(200);
    expect(decodeJwt(body.access_token).sub).toBe('alice');
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

describe('the options of a listening issuer', () => {
  it.each([
    ['an unknown one', { client: [] }, /did you mean clients/],
    ['a client without an id', { clients: [{ clientSecret: 's' }] }, /listen\.clients\[0\]\.clientId/],
    ['a client that is there twice', { clients: [{ clientId: 'a' }, { clientId: 'a' }] }, /already listed/],
    ['an unknown grant', { clients: [{ clientId: 'a', grantTypes: ['password'] }] }, /grantTypes/],
    [
      'a certificate without https',
      { clients: [{ clientId: 'a', certificate: 'x' }] },
      /needs "listen\.mtls"/,
    ],
    ['a certificate that is none', { clients: [{ clientId: 'a', certificate: 'x' }], mtls: true }, /in PEM/],
    ['a certificate without its key', { mtls: { cert: 'x' } }, /cert and key together/],
    ['text for certificates', { mtls: { cert: 'x', key: 'y' } }, /listen\.mtls.*in PEM/],
    ['a word for a switch', { mtls: 'yes' }, /true, false or an object/],
    ['a number for a switch', { dpopNonce: 1 }, /listen\.dpopNonce/],
  ])('refuse %s', async (_, options, message) => {
    const issuer = await createTestIssuer();
    // What a test in JavaScript may pass.
    await expect(issuer.listen(options as ListenOptions)).rejects.toThrow(message);
  });

  it('register clients beside the usual one, or in its place', async () => {
    const listening = await listen({
      clients: [
        { clientId: 'order-service', clientSecret: 'a-secret', scopes: ['read:stock'], audience: 'stock' },
        { clientId: 'test-client', clientSecret: 'another' },
      ],
    });
    const grant = { grant_type: 'client_credentials', client_id: 'order-service', client_secret: 'a-secret' };
    expect(await ask(listening, grant)).toMatchObject({ status: 200, body: { scope: 'read:stock' } });
    expect(await ask(listening, { ...grant, scope: 'write:stock' })).toMatchObject({
      body: { error: 'invalid_scope' },
    });
    expect(await ask(listening, { ...grant, resource: 'https://b.example' })).toMatchObject({
      body: { error: 'invalid_target' },
    });
    expect(await ask(listening, { grant_type: 'client_credentials' })).toMatchObject({ status: 401 });
  });

  it('keep the API that introspects from getting tokens', async () => {
    const listening = await listen();
    const api = { client_id: 'test-api', client_secret: 'test-secret' };
    expect(await ask(listening, { grant_type: 'client_credentials', ...api })).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    });
  });

  it('go by the clock of the test issuer', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const issuer = await createTestIssuer({ clock: () => now, lifetimeSeconds: 60 });
    const listening = await issuer.listen();
    onTestFinished(() => listening.close());
    const client = createClientCredentials({ ...listening.clientOptions, random: () => 0 });
    onTestFinished(() => client.close());
    const { accessToken } = await client.getToken();
    expect(decodeJwt(accessToken).exp).toBe(now / 1000 + 60);
    expect((await client.getToken()).accessToken).toBe(accessToken);
    now += 60_000;
    expect((await client.getToken()).accessToken).not.toBe(accessToken);
  });
});

describe('the options of nextResponse', () => {
  it.each([
    ['nothing', {}, /needs a status, body/],
    ['an unknown one', { delay: 1 }, /unknown option "delay" in nextResponse/],
    ['a status that ends no request', { status: 101 }, /from 200 to 599/],
    ['text for a status', { status: '503' }, /from 200 to 599/],
    ['a path that is not there', { status: 503, path: '/tokens' }, /or '\/token'.*did you mean \/token\?/],
    ['a negative delay', { delayMs: -1 }, /0 to 600000/],
    ['a delay that is no number', { delayMs: Number.NaN }, /0 to 600000/],
    ['a header with a line break', { headers: { a: 'b\r\nc: d' } }, /Invalid character/],
    ['a header that is no text', { headers: { a: 1 } }, /option "nextResponse.headers.a" takes a string/],
    ['a broken connection that says something', { resetConnection: true, status: 503 }, /or status/],
  ])('refuse %s', async (_, options, message) => {
    const listening = await listen();
    // What a test in JavaScript may pass.
    expect(() => listening.nextResponse(options as { status: number })).toThrow(message);
  });

  it('wait while the issuer is down, and end with it', async () => {
    const listening = await listen();
    listening.nextResponse({ status: 418 });
    listening.nextResponse({ delayMs: 600_000 });
    listening.goDown();
    const request = () => fetch(`${listening.identifier}/token`, { method: 'POST' });
    expect((await request()).status).toBe(503);
    listening.comeBack();
    expect((await request()).status).toBe(418);
    const waiting = request();
    waiting.catch(() => undefined); // it's looked at below
    await expect.poll(() => listening.requests['/token']).toBe(3);
    await listening.close();
    await expect(waiting).rejects.toThrow('fetch failed');
  });
});

describe('what a client sees', () => {
  it('is tried again after a short outage, and not after a refusal', async () => {
    const listening = await listen();
    const client = createClientCredentials({ ...listening.clientOptions, random: () => 0 });
    onTestFinished(() => client.close());
    listening.nextResponse({ status: 503 });
    expect(await client.getToken()).toMatchObject({ tokenType: 'Bearer' });
    expect(listening.requests['/token']).toBe(2);

    const refused = createClientCredentials({ ...listening.clientOptions, clientSecret: 'wrong' });
    onTestFinished(() => refused.close());
    await expect(refused.getToken()).rejects.toMatchObject({ error: 'invalid_client' });
    listening.nextResponse({ body: { access_token: 'a', token_type: 'N_A' } });
    await expect(
      createClientCredentials({ ...listening.clientOptions, resource: 'urn:x' }).getToken(),
    ).rejects.toThrow();
  });
});
