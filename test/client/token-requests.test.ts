import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import type { ClientCredentialsOptions } from '../../src/client/index.js';
import {
  type Behaviour,
  drip,
  hang,
  hangInBody,
  json,
  redirect,
  status,
} from '../support/misbehaving-issuer.js';
import { optionErrorWith } from '../support/option-error.js';
import { stopTimers } from '../support/protected-api.js';
import { manualClock } from './support/clock.js';
import { CLIENT_ID, CLIENT_SECRET, failureOf, makeClient } from './support/make-client.js';
import { grants, startTokenEndpoint, type TokenEndpoint } from './support/token-endpoint.js';

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function answer(code: number, text: string): Behaviour {
  return (response) => response.writeHead(code, { 'Content-Type': 'text/html' }).end(text);
}

/** Metadata at the first well-known place. */
function publish(endpoint: TokenEndpoint, members: Readonly<Record<string, unknown>> = {}): void {
  endpoint.page(OAUTH, json({ issuer: endpoint.issuer, token_endpoint: endpoint.url, ...members }));
}

describe('a token request', () => {
  it('is a form with each parameter once, and no credential in the address', {
    tags: ['CLI-01'],
  }, async () => {
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

  it('asks for nothing that was not configured', { tags: ['CLI-01', 'CLI-19'] }, async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({ tokenEndpoint: endpoint.url }).getToken();
    expect(endpoint.requests[0]?.body).toBe('grant_type=client_credentials');
  });

  it('authenticates in the Authorization field, and nowhere else', {
    tags: ['CLI-02', 'CLI-04'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({ tokenEndpoint: endpoint.url }).getToken();
    const [scheme, credentials = ''] = endpoint.requests[0]?.headers.authorization?.split(' ') ?? [];
    const [id, secret] = Buffer.from(credentials, 'base64').toString().split(':');
    expect(scheme).toBe('Basic');
    expect(id).toBe('order-service');
    expect(new URLSearchParams(`v=${secret}`).get('v')).toBe(CLIENT_SECRET);
    expect(endpoint.requests[0]?.body).toBe('grant_type=client_credentials');
  });

  it('authenticates in the body, and nowhere else', { tags: ['CLI-03', 'CLI-04'] }, async () => {
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

  it('authenticates with a signed assertion for the issuer', {
    tags: ['CLI-05', 'CLI-06', 'CLI-20', 'CLI-21'],
  }, async () => {
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

  it('makes the assertion for the endpoint if the server knows only that', {
    tags: ['CLI-06'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    await makeClient({
      tokenEndpoint: endpoint.url,
      privateKey,
      assertionAudience: 'token_endpoint',
    }).getToken();
    expect(decodeJwt(endpoint.requests[0]?.parameters.get('client_assertion') ?? '').aud).toBe(endpoint.url);
  });

  it('tells the time by the option clock', { tags: ['CLI-05'] }, async () => {
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

  it('has a new assertion in each of its three attempts', { tags: ['CLI-07', 'CLI-16'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(503), status(503), grants());
    await makeClient({ issuer: endpoint.issuer, tokenEndpoint: endpoint.url, privateKey }).getToken();
    const ids = endpoint.requests.map(
      ({ parameters }) => decodeJwt(parameters.get('client_assertion') ?? '').jti,
    );
    expect(new Set(ids).size).toBe(3);
  });
});

describe('a server that does not decode what Basic encodes', { tags: ['CLI-02', 'CLI-15'] }, () => {
  /** Grants if it finds id and secret as they are, as most servers do, and refuses as the test says. */
  async function start(refuse: Behaviour): Promise<TokenEndpoint> {
    const endpoint = await startTokenEndpoint();
    const grant = grants();
    endpoint.script((response) => {
      const { headers, parameters } = endpoint.requests.at(-1) ?? {};
      const basic = Buffer.from(headers?.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
      const posted = `${parameters?.get('client_id')}:${parameters?.get('client_secret')}`;
      (['id:s/1', 'a/b:sesame'].some((one) => one === basic || one === posted) ? grant : refuse)(response);
    });
    return endpoint;
  }
  const HINT = /client_secret_basic encodes .* client_secret_post sends them as they are/;

  it.each<[string, Behaviour, string, string]>([
    ['a secret, with 401', status(401, { error: 'invalid_client' }), 'id', 's/1'],
    ['a secret, with 400', status(400, { error: 'invalid_client' }), 'id', 's/1'],
    ['a client id', status(401, { error: 'unauthorized_client' }), 'a/b', 'sesame'],
    ['a secret, with a page', answer(401, '<h1>no'), 'id', 's/1'],
    ['a secret, with a bare 403', answer(403, ''), 'id', 's/1'],
  ])('is named in the refusal of %s, and the hint helps', async (_what, refuse, clientId, clientSecret) => {
    const endpoint = await start(refuse);
    const credentials = { tokenEndpoint: endpoint.url, clientId, clientSecret };
    const client = makeClient(credentials);
    const failure = await failureOf(client.getToken());
    expect(failure).toMatchObject({ reason: 'refused', hint: expect.stringMatching(HINT) });
    expect(failure.hint).not.toContain(clientSecret);
    await failureOf(client.getToken());
    expect((await failureOf(client.getToken())).hint, 'during the pause').toBe(failure.hint);
    const posting = makeClient({ ...credentials, authenticationMethod: 'client_secret_post' });
    expect((await posting.getToken()).accessToken).toBe('token-1');
  });

  it.each<[string, Behaviour, Partial<ClientCredentialsOptions>]>([
    ['plain', status(401, { error: 'invalid_client' }), { clientSecret: 'wrong-_.*' }],
    [
      'posted',
      status(401, { error: 'invalid_client' }),
      { clientSecret: 'a+b', authenticationMethod: 'client_secret_post' },
    ],
    ['not what is wrong', status(400, { error: 'invalid_scope' }), { clientSecret: 'a+b' }],
    ['not looked at', status(503), { clientSecret: 'a+b', timeoutSeconds: 1 }],
  ])('is not blamed if the credentials are %s', async (_what, refuse, options) => {
    const endpoint = await start(refuse);
    const client = makeClient({ tokenEndpoint: endpoint.url, ...options });
    expect((await failureOf(client.getToken())).hint).toBeUndefined();
  });

  it('is not blamed if the credentials are a key, whose audience or name may be wrong', async () => {
    const endpoint = await start(status(401, { error: 'invalid_client' }));
    const issuer = 'https://auth.example.com';
    const client = makeClient({ tokenEndpoint: endpoint.url, privateKey, issuer });
    const { hint } = await failureOf(client.getToken());
    expect(hint).toContain('under this keyId? Some servers also want their token endpoint as the audience');
    expect(hint).not.toMatch(HINT);
  });

  it('is not blamed if the metadata wants the secret in the body', async () => {
    const endpoint = await start(status(401, { error: 'invalid_client' }));
    publish(endpoint, { token_endpoint_auth_methods_supported: ['client_secret_post'] });
    expect((await failureOf(makeClient({ issuer: endpoint.issuer }).getToken())).hint).toBeUndefined();
  });
});

describe('discovery', () => {
  it('finds the token endpoint, and remembers it', { tags: ['CLI-21'] }, async () => {
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

  it('finds the metadata of OpenID Connect, too', { tags: ['CLI-21'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OPENID, json({ issuer: endpoint.issuer, token_endpoint: endpoint.url }));
    await makeClient({ issuer: endpoint.issuer }).getToken();
    expect(endpoint.others).toEqual([OAUTH, OPENID]);
  });

  it.each([
    ['before the header', hang],
    ['in the body', hangInBody('{"issuer":')],
    ['and drips', drip],
  ])('gets past a first place that hangs %s', { tags: ['CLI-21', 'KEY-05'] }, async (_where, stall) => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OAUTH, stall);
    endpoint.page(OPENID, json({ issuer: endpoint.issuer, token_endpoint: endpoint.url }));
    stopTimers();
    const token = makeClient({ issuer: endpoint.issuer }).getToken();
    while (endpoint.others.length === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(1_700); // a third of the time limit
    expect((await token).accessToken).toBe('token-1');
    expect(endpoint.others).toEqual([OAUTH, OPENID]);
  });

  it('looks the metadata up again after an hour, and keeps the old if that fails', {
    tags: ['CLI-21'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint);
    const clock = manualClock();
    const client = makeClient({ issuer: endpoint.issuer, clock: clock.now });
    await client.getToken();
    endpoint.page(OAUTH, status(500));
    clock.step(3600);
    await client.getToken();
    await vi.waitFor(() => expect(endpoint.others).toEqual([OAUTH, OAUTH, OPENID])); // in the background
    expect(endpoint.requests).toHaveLength(2);
  });

  it("doesn't wait for metadata that hang if there are old ones", { tags: ['CLI-21'] }, async () => {
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

  it('looks the metadata up again when the endpoint has moved', { tags: ['CLI-21'] }, async () => {
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
  ])('authenticates as the metadata says: %j → %s', { tags: ['CLI-03'] }, async (methods, method) => {
    const endpoint = await startTokenEndpoint();
    publish(endpoint, { token_endpoint_auth_methods_supported: methods });
    await makeClient({ issuer: endpoint.issuer }).getToken();
    const [request] = endpoint.requests;
    expect(request?.parameters.has('client_secret')).toBe(method === 'post');
    expect(request?.headers.authorization !== undefined).toBe(method === 'basic');
  });

  it('authenticates as the option says, whatever the metadata', { tags: ['CLI-03'] }, async () => {
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
  ])('fails clearly if the metadata is %s', { tags: ['CLI-21'] }, async (_what, behaviour, failure) => {
    const endpoint = await startTokenEndpoint();
    endpoint.page(OAUTH, behaviour);
    const client = makeClient({ issuer: endpoint.issuer });
    expect(await failureOf(client.getToken())).toMatchObject({ status: undefined, ...failure });
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each<[unknown, string?]>([
    [undefined, 'there is no token_endpoint'],
    [
      'http://auth.example.com/token?key=hunter2',
      'token_endpoint is not an https URL: "http://auth.example.com/token?[…]"',
    ],
    ['/token'],
    [
      'https://auth.example.com/token#a',
      'token_endpoint is not an https URL: "https://auth.example.com/token#[…]"',
    ],
    [7, 'token_endpoint is not a string'],
  ])(
    'fails if the token endpoint is %s',
    { tags: ['CLI-01', 'CLI-21'] },
    async (token_endpoint, detail = 'token_endpoint is not an https URL') => {
      const endpoint = await startTokenEndpoint();
      publish(endpoint, { token_endpoint });
      expect(await failureOf(makeClient({ issuer: endpoint.issuer }).getToken())).toMatchObject({
        reason: 'metadata_invalid',
        detail,
      });
    },
  );

  describe('with metadataUrl', { tags: ['CLI-21'] }, () => {
    const PLACE = '/tenants/a/metadata';

    it('asks there and nowhere else, and takes the endpoint and its methods from it', async () => {
      const endpoint = await startTokenEndpoint();
      publish(endpoint, { token_endpoint: 'https://elsewhere.example/token' });
      const methods = { token_endpoint_auth_methods_supported: ['client_secret_post'] };
      endpoint.page(PLACE, json({ issuer: endpoint.issuer, token_endpoint: endpoint.url, ...methods }));
      const client = makeClient({ issuer: endpoint.issuer, metadataUrl: `${endpoint.issuer}${PLACE}?v=2` });
      expect((await client.getToken()).accessToken).toBe('token-1');
      expect(endpoint.others).toEqual([PLACE]);
      expect(endpoint.requests[0]?.parameters.get('client_secret')).toBe(CLIENT_SECRET);
    });

    it.each<[string, (issuer: string) => unknown, object]>([
      ['another issuer', () => 'https://evil.example', { reason: 'issuer_mismatch' }],
      ['the issuer with a slash', (issuer) => `${issuer}/`, { reason: 'issuer_mismatch' }],
      ['no issuer', () => undefined, { reason: 'metadata_invalid', detail: 'issuer is not a string' }],
    ])('sends nothing if it names %s', async (_what, named, failure) => {
      const endpoint = await startTokenEndpoint();
      endpoint.page(PLACE, json({ issuer: named(endpoint.issuer), token_endpoint: endpoint.url }));
      const client = makeClient({ issuer: endpoint.issuer, metadataUrl: `${endpoint.issuer}${PLACE}` });
      expect(await failureOf(client.getToken())).toMatchObject(failure);
      expect(endpoint.requests).toHaveLength(0);
    });

    it('falls back to no other place', async () => {
      const endpoint = await startTokenEndpoint();
      publish(endpoint);
      const client = makeClient({ issuer: endpoint.issuer, metadataUrl: `${endpoint.issuer}${PLACE}` });
      expect(await failureOf(client.getToken())).toMatchObject({ reason: 'metadata_unavailable' });
      expect(endpoint.others).toEqual([PLACE]);
    });
  });

  it('keeps no failure', { tags: ['CLI-21'] }, async () => {
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
  it.each<[string, Record<string, unknown>]>([
    ['no token type', { token_type: undefined }],
    ['null for a token type', { token_type: null }],
    ['the type BearerToken', { token_type: 'BearerToken' }],
    ['a list of scopes', { scope: ['a', 'b'] }],
    ['a list of scopes, one of them repeated', { scope: ['a', 'b', 'a'] }],
    ['a lifetime with a decimal point', { expires_in: '3600.0' }],
    ['an error that is empty', { error: '' }],
    ['null for an error', { error: null }],
  ])('may come with %s', { tags: ['CLI-08', 'CLI-09'] }, async (_what, members) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants(members));
    const token = await makeClient({ tokenEndpoint: endpoint.url, scope: 'a b' }).getToken();
    expect(token.scope).toEqual(['a', 'b']);
  });

  it('may come with any status of success', { tags: ['CLI-08'] }, async () => {
    for (const code of [201, 202, 203, 206, 226]) {
      const endpoint = await startTokenEndpoint();
      endpoint.script(status(code, { access_token: 'abc', token_type: 'Bearer', expires_in: 600 }));
      const token = await makeClient({ tokenEndpoint: endpoint.url }).getToken();
      expect(token.accessToken).toBe('abc');
    }
  });

  it('has the requested scopes if the answer names none', { tags: ['CLI-11'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const { scope } = await makeClient({ tokenEndpoint: endpoint.url, scope: 'a b' }).getToken();
    expect(scope).toEqual(['a', 'b']);
    expect(Object.isFrozen(scope)).toBe(true);
  });

  it('has the granted scopes if the answer names them', { tags: ['CLI-11'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ scope: 'b c b' }));
    const { scope } = await makeClient({ tokenEndpoint: endpoint.url, scope: 'a b' }).getToken();
    expect(scope).toEqual(['b', 'c']);
  });

  it("can be refused if it's less than requested", { tags: ['CLI-11'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants({ scope: 'b' }), grants({ scope: 'c b a' }));
    const client = makeClient({ tokenEndpoint: endpoint.url, scope: 'a b', requireAllScopes: true });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'scope_narrowed', transient: false });
    expect((await client.getToken()).scope).toEqual(['c', 'b', 'a']);
  });

  it('is used without its refresh token, and without its ID token', { tags: ['CLI-12'] }, async () => {
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

  it('expires that long after the answer, by the clock of this machine', { tags: ['CLI-13'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const clock = manualClock();
    const token = await makeClient({ tokenEndpoint: endpoint.url, clock: clock.now }).getToken();
    expect(token.expiresAt).toBe(clock.now() / 1000 + 600);
  });

  it.each<[unknown, number]>([
    [undefined, 60],
    [null, 60],
    ['3599', 3599],
    ['3600.0', 3600],
    ['3600.5', 3600],
    ['3600.0000000', 3600],
    ['9'.repeat(30), 86_400],
    [90.5, 90],
    [1e15, 86_400],
  ])(
    'lives as long as expires_in %j says, within reason',
    { tags: ['CLI-10'] },
    async (expires_in, seconds) => {
      const endpoint = await startTokenEndpoint();
      endpoint.script(grants({ expires_in }));
      const clock = manualClock();
      const token = await makeClient({ tokenEndpoint: endpoint.url, clock: clock.now }).getToken();
      expect(token.expiresAt).toBe(clock.now() / 1000 + seconds);
    },
  );

  it('lives as long as the option says if the server says nothing', { tags: ['CLI-10'] }, async () => {
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

  it.each(['Bearer', 'bearer', 'BEARER'])(
    'is a bearer token: %s',
    { tags: ['CLI-09'] },
    async (token_type) => {
      const endpoint = await startTokenEndpoint();
      endpoint.script(grants({ token_type }));
      expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('token-1');
    },
  );

  it('may have unknown members, and any content type', { tags: ['CLI-08'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const body = { access_token: 'abc', token_type: 'Bearer', expires_in: 60, new: [{}], error: null };
    endpoint.script(json(body, { 'Content-Type': 'text/html' }));
    expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('abc');
  });

  it('is opaque: no part of it has to be readable', { tags: ['CLI-20'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(json({ access_token: '-._~+/az09==', token_type: 'Bearer', expires_in: 60 }));
    expect((await makeClient({ tokenEndpoint: endpoint.url }).getToken()).accessToken).toBe('-._~+/az09==');
  });
});

it('has no method for passwords, and none for the implicit grant', { tags: ['CLI-22'] }, async () => {
  const endpoint = await startTokenEndpoint();
  const client = makeClient({ tokenEndpoint: endpoint.url });
  expect(Object.keys(client).sort()).toEqual([
    'close',
    'dropToken',
    'fetch',
    'getToken',
    'headers',
    'origins',
    'takeAnswer',
  ]);
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
      await expect(client.getToken(options as object)).rejects.toThrow(optionErrorWith(message));
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
