import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { hang, json, redirect, status } from '../support/misbehaving-issuer.js';
import { manualClock } from './support/clock.js';
import { CLIENT_ID, CLIENT_SECRET, failureOf, makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint, type TokenEndpoint } from './support/token-endpoint.js';

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Metadata at the first well-known place. */
function publish(endpoint: TokenEndpoint, members: Readonly<Record<string, unknown>> = {}): void {
  endpoint.page(OAUTH, json({ issuer: endpoint.issuer, token_endpoint: endpoint.url, ...members }));
}

describe('a token request', () => {
  it('CLI-01 is a form with each parameter once, and no credential in the address', async () => {
    const endpoint = await startTokenEndpoint();
    const client = makeClient({
      tokenEndpoint: `${endpoint.url}?tenant=a`,
      scope: ['read:inventory', 'write:orders'],
      resource: 'https://inventory.example.com',
      audience: 'inventory',
      parameters: { organization: 'shop & co' },
    });
    await client.getToken();

    const [request] = endpoint.requests;
    expect(request).toMatchObject({ method: 'POST', url: '/token?tenant=a' });
    expect(request?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    expect(request?.headers.accept).toBe('application/json');
    expect([...(request?.parameters ?? [])].sort()).toEqual([
      ['audience', 'inventory'],
      ['grant_type', 'client_credentials'],
      ['organization', 'shop & co'],
      ['resource', 'https://inventory.example.com'],
      ['scope', 'read:inventory write:orders'],
    ]);
  });

  it('CLI-01 CLI-19 asks for nothing that was not configured', async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({ tokenEndpoint: endpoint.url }).getToken();
    expect(endpoint.requests[0]?.body).toBe('grant_type=client_credentials');
  });

  it('CLI-02 CLI-04 authenticates in the Authorization field, and nowhere else', async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({ tokenEndpoint: endpoint.url }).getToken();
    const [scheme, credentials = ''] = endpoint.requests[0]?.headers.authorization?.split(' ') ?? [];
    const [id, secret] = Buffer.from(credentials, 'base64').toString().split(':');
    expect(scheme).toBe('Basic');
    expect(id).toBe('order-service');
    expect(new URLSearchParams(`v=${secret}`).get('v')).toBe(CLIENT_SECRET);
    expect(endpoint.requests[0]?.body).toBe('grant_type=client_credentials');
  });

  it('CLI-03 CLI-04 authenticates in the body, and nowhere else', async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({
      tokenEndpoint: endpoint.url,
      authenticationMethod: 'client_secret_post',
    }).getToken();
    const [request] = endpoint.requests;
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.url).toBe('/token');
    expect(Object.fromEntries(request?.parameters ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    });
  });

  it('CLI-05 CLI-06 CLI-20 CLI-21 authenticates with a signed assertion for the issuer', async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({
      issuer: endpoint.issuer,
      tokenEndpoint: endpoint.url,
      privateKey,
      keyId: 'key-1',
    }).getToken();
    const [request] = endpoint.requests;
    const assertion = request?.parameters.get('client_assertion') ?? '';
    expect(request?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(request?.parameters ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: 'ES256', kid: 'key-1' });
    const { payload } = await jwtVerify(assertion, publicKey);
    const { iat = 0, exp = 0, jti, ...claims } = payload;
    expect(claims).toEqual({ iss: CLIENT_ID, sub: CLIENT_ID, aud: endpoint.issuer });
    expect(exp - iat).toBe(60);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(5);
    expect(jti).toMatch(/^\S{20,}$/);
  });

  it('CLI-06 makes the assertion for the endpoint where the server knows only that', async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({
      tokenEndpoint: endpoint.url,
      privateKey,
      assertionAudience: 'token_endpoint',
    }).getToken();
    expect(decodeJwt(endpoint.requests[0]?.parameters.get('client_assertion') ?? '').aud).toBe(endpoint.url);
  });

  it('CLI-05 tells the time by the option clock', async () => {
    const endpoint = await startTokenEndpoint();
    const clock = manualClock();
    await makeClient({
      issuer: endpoint.issuer,
      tokenEndpoint: endpoint.url,
      privateKey,
      clock: clock.now,
    }).getToken();
    const { iat = 0 } = decodeJwt(endpoint.requests[0]?.parameters.get('client_assertion') ?? '');
    expect(Math.abs(iat - clock.now() / 1000)).toBeLessThan(5);
  });

  it('CLI-07 CLI-16 has a new assertion in each of its three attempts', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(503), status(503), grants());
    await makeClient({ issuer: endpoint.issuer, tokenEndpoint: endpoint.url, privateKey }).getToken();
    const ids = endpoint.requests.map(
      ({ parameters }) => decodeJwt(parameters.get('client_assertion') ?? '').jti,
    );
    expect(new Set(ids).size).toBe(3);
  });
});

describe('discovery', () => {
  it('CLI-21 finds the token endpoint, and remembers it', async () => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint);
    const clock = manualClock();
    const client = makeClient({ issuer: endpoint.issuer, clock: clock.now });
    for (let times = 0; times < 3; times += 1) {
      await client.getToken();
      clock.step(601);
    }
    expect(endpoint.others).toEqual([OAUTH]);
    expect(endpoint.requests).toHaveLength(3);
  });

  it('CLI-21 finds the metadata of OpenID Connect, too', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OPENID, json({ issuer: endpoint.issuer, token_endpoint: endpoint.url }));
    await makeClient({ issuer: endpoint.issuer }).getToken();
    expect(endpoint.others).toEqual([OAUTH, OPENID]);
  });

  it('CLI-21 looks the metadata up anew after an hour, and goes on with the old where that fails', async () => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint);
    const clock = manualClock();
    const client = makeClient({ issuer: endpoint.issuer, clock: clock.now });
    await client.getToken();
    endpoint.page(OAUTH, status(500));
    clock.step(3600);
    await client.getToken();
    expect(endpoint.others).toEqual([OAUTH, OAUTH, OPENID]);
    expect(endpoint.requests).toHaveLength(2);
  });

  it('CLI-21 is not held up by metadata that hangs where there is an old one', async () => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint);
    const clock = manualClock();
    const client = makeClient({ issuer: endpoint.issuer, clock: clock.now, timeoutSeconds: 1 });
    await client.getToken();
    endpoint.page(OAUTH, hang);
    clock.step(3600);
    await client.getToken();
    expect(endpoint.requests).toHaveLength(2);
  });

  it('CLI-21 looks the metadata up anew when the endpoint has moved', async () => {
    const old = await startTokenEndpoint();
    const moved = await startTokenEndpoint();
    publish(old);
    const clock = manualClock();
    const client = makeClient({ issuer: old.issuer, clock: clock.now });
    await client.getToken();
    old.script(status(404));
    publish(old, { token_endpoint: moved.url });
    clock.step(600);
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'refused', status: 404 });
    await client.getToken();
    expect(moved.requests).toHaveLength(1);
  });

  it.each([
    [['client_secret_basic', 'client_secret_post'], 'basic'],
    [['client_secret_post'], 'post'],
    [['private_key_jwt', 'client_secret_post', 7], 'post'],
    [['private_key_jwt'], 'basic'],
    [undefined, 'basic'],
    ['client_secret_post', 'basic'],
  ])('CLI-03 authenticates as the metadata says: %j → %s', async (methods, method) => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint, { token_endpoint_auth_methods_supported: methods });
    await makeClient({ issuer: endpoint.issuer }).getToken();
    const [request] = endpoint.requests;
    expect(request?.parameters.has('client_secret')).toBe(method === 'post');
    expect(request?.headers.authorization !== undefined).toBe(method === 'basic');
  });

  it('CLI-03 authenticates as the option says, whatever the metadata', async () => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint, { token_endpoint_auth_methods_supported: ['client_secret_post'] });
    await makeClient({ issuer: endpoint.issuer, authenticationMethod: 'client_secret_basic' }).getToken();
    expect(endpoint.requests[0]?.headers.authorization).toMatch(/^Basic /);
  });

  it.each<[string, Parameters<TokenEndpoint['page']>[1], object]>([
    ['404', status(404), { reason: 'metadata_unavailable', detail: 'status 404', transient: false }],
    ['503', status(503), { reason: 'metadata_unavailable', transient: true }],
    ['a redirect', redirect(302, '/'), { reason: 'metadata_unavailable', transient: false }],
    ['no JSON object', json([]), { reason: 'metadata_invalid', detail: 'not a JSON object' }],
    ['no issuer', json({}), { reason: 'metadata_invalid', detail: 'issuer is not a string' }],
    ['another issuer', json({ issuer: 'https://evil.example' }), { reason: 'issuer_mismatch' }],
  ])('CLI-21 fails clearly where the metadata is %s', async (_what, behaviour, failure) => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OAUTH, behaviour);
    const client = makeClient({ issuer: endpoint.issuer });
    expect(await failureOf(client.getToken())).toMatchObject({ status: undefined, ...failure });
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each([undefined, 'http://auth.example.com/token', '/token', 'https://auth.example.com/token#a', 7])(
    'CLI-01 CLI-21 fails where the token endpoint is %s',
    async (token_endpoint) => {
      const endpoint = await startTokenEndpoint();
      publish(endpoint, { token_endpoint });
      expect(await failureOf(makeClient({ issuer: endpoint.issuer }).getToken())).toMatchObject({
        reason: 'metadata_invalid',
        detail: 'token_endpoint is not an https URL',
      });
    },
  );

  it('CLI-21 keeps no failure', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OAUTH, json({ issuer: 'https://evil.example' }));
    const client = makeClient({ issuer: endpoint.issuer });
    expect((await failureOf(client.getToken())).reason).toBe('issuer_mismatch');
    publish(endpoint);
    await client.getToken();
  });

  it('gives up at the time limit when the metadata hangs', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OAUTH, hang);
    const client = makeClient({ issuer: endpoint.issuer, timeoutSeconds: 0.1 });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'timeout', transient: true });
  });
});

describe('what is granted', () => {
  it('CLI-11 has the requested scopes where the answer names none', async () => {
    const endpoint = await startTokenEndpoint();
    const { scope } = await makeClient({ tokenEndpoint: endpoint.url, scope: 'a b' }).getToken();
    expect(scope).toEqual(['a', 'b']);
    expect(Object.isFrozen(scope)).toBe(true);
  });

  it('CLI-11 has the granted ones where it does', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ scope: 'b c b' }));
    const { scope } = await makeClient({ tokenEndpoint: endpoint.url, scope: 'a b' }).getToken();
    expect(scope).toEqual(['b', 'c']);
  });

  it('CLI-11 can be refused when it is less than requested', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ scope: 'b' }), grants({ scope: 'c b a' }));
    const client = makeClient({ tokenEndpoint: endpoint.url, scope: 'a b', requireAllScopes: true });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'scope_narrowed', transient: false });
    expect((await client.getToken()).scope).toEqual(['c', 'b', 'a']);
  });

  it('CLI-12 is used without its refresh token, and without its ID token', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ refresh_token: 'canary', id_token: 'canary' }));
    const clock = manualClock();
    const client = makeClient({ tokenEndpoint: endpoint.url, clock: clock.now });
    await client.getToken();
    clock.step(600);
    await client.getToken();
    expect(endpoint.requests.map(({ parameters }) => parameters.get('grant_type'))).toEqual([
      'client_credentials',
      'client_credentials',
    ]);
    expect(endpoint.requests.map(({ body }) => body).join()).not.toContain('canary');
  });

  it('CLI-13 expires that long after the answer, by the clock of this machine', async () => {
    const endpoint = await startTokenEndpoint();
    const clock = manualClock();
    const token = await makeClient({ tokenEndpoint: endpoint.url, clock: clock.now }).getToken();
    expect(token.expiresAt).toBe(clock.now() / 1000 + 600);
  });

  it.each<[unknown, number]>([
    [undefined, 60],
    [null, 60],
    ['3599', 3599],
    [90.5, 90],
    [1e15, 86_400],
  ])('CLI-10 lives as long as expires_in %j says, within reason', async (expires_in, seconds) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ expires_in }));
    const clock = manualClock();
    const token = await makeClient({ tokenEndpoint: endpoint.url, clock: clock.now }).getToken();
    expect(token.expiresAt).toBe(clock.now() / 1000 + seconds);
  });

  it('CLI-10 lives as long as the option says where the server says nothing', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ expires_in: undefined }));
    const clock = manualClock();
    const client = makeClient({
      tokenEndpoint: endpoint.url,
      clock: clock.now,
      defaultLifetimeSeconds: 3600,
    });
    expect((await client.getToken()).expiresAt).toBe(clock.now() / 1000 + 3600);
  });

  it.each(['Bearer', 'bearer', 'BEARER'])('CLI-09 is a bearer token: %s', async (token_type) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ token_type }));
    expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('token-1');
  });

  it('CLI-08 may have members that nobody knows, and any content type', async () => {
    const endpoint = await startTokenEndpoint();
    const body = { access_token: 'abc', token_type: 'Bearer', expires_in: 60, new: [{}], error: null };
    endpoint.script(json(body, { 'Content-Type': 'text/html' }));
    expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('abc');
  });

  it('CLI-20 is opaque: nothing of it has to be readable', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(json({ access_token: '-._~+/az09==', token_type: 'Bearer', expires_in: 60 }));
    expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('-._~+/az09==');
  });
});

it('CLI-22 has no method for passwords, and none for the implicit grant', async () => {
  const endpoint = await startTokenEndpoint();
  const client = makeClient({ tokenEndpoint: endpoint.url });
  expect(Object.keys(client).sort()).toEqual(['close', 'dropToken', 'fetch', 'getToken', 'origins']);
});

describe('getToken', () => {
  it('refuses options that it does not know', async () => {
    const endpoint = await startTokenEndpoint();
    const client = makeClient({ tokenEndpoint: endpoint.url });
    for (const [options, message] of [
      [{ force: true }, 'unknown option "force" in getToken; known are signal'],
      [{ signal: 'now' }, 'option "signal" takes an AbortSignal, got string'],
      [null, 'option "getToken" takes an object, got null'],
    ] as const)
      await expect(client.getToken(options as object)).rejects.toThrow(new TypeError(message));
    expect(endpoint.requests).toHaveLength(0);
  });

  it('asks for nothing before it is called', async () => {
    const endpoint = await startTokenEndpoint();
    makeClient({ tokenEndpoint: endpoint.url });
    makeClient({ issuer: endpoint.issuer });
    const client = makeClient({ tokenEndpoint: endpoint.url });
    await client.getToken({});
    expect(endpoint.others).toEqual([]);
    expect(endpoint.requests).toHaveLength(1);
  });
});
