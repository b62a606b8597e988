import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { channels, type DecisionMessage, type IntrospectionEndpointOptions } from '../../src/index.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import {
  type AskedRequest,
  active,
  asking,
  client,
  INTROSPECT,
  inactive,
  opaque,
  publishEndpoint,
  recorded,
} from '../support/introspection.js';
import { listenTo } from '../support/listen-to.js';
import {
  type Behaviour,
  hang,
  json,
  type MisbehavingIssuer,
  paths,
  startMisbehavingIssuer,
  status,
} from '../support/misbehaving-issuer.js';
import { type ProtectedApi, protect, tokenBy } from '../support/protected-api.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = await generateSigningKey('ES256', 'key-1');
const NOW = Date.parse('2030-01-01T00:00:00Z') / 1000; // where the clock of a protected API starts

interface Recorded {
  readonly issuer: MisbehavingIssuer;
  readonly api: ProtectedApi;
  readonly requests: readonly AskedRequest[];
}

/** An API that asks an issuer which writes down what it is asked, and says yes. */
async function record(
  options: Partial<IntrospectionEndpointOptions>,
  clientOptions: object = client,
): Promise<Recorded> {
  const issuer = await startMisbehavingIssuer();
  const requests: AskedRequest[] = [];
  issuer.script(INTROSPECT, recorded(requests, active()));
  const endpoint = `${issuer.url}${INTROSPECT}`;
  const introspection = { endpoint, ...clientOptions, ...options } as IntrospectionEndpointOptions; // one of its many forms
  const api = protect({ issuer: { issuer: issuer.url, introspection } });
  return { issuer, api, requests };
}

/** Metadata with these endpoints and no other. */
function metadataOf({ url: issuer }: MisbehavingIssuer, names: readonly string[]): object {
  const endpoints: Readonly<Record<string, string>> = {
    jwks_uri: `${issuer}${paths.jwks}`,
    introspection_endpoint: `${issuer}${INTROSPECT}`,
  };
  return { issuer, ...Object.fromEntries(names.map((name) => [name, endpoints[name]])) };
}

function basicOf(request: AskedRequest | undefined): string {
  const [scheme, credentials = ''] = request?.headers.authorization?.split(' ') ?? [];
  expect(scheme).toBe('Basic');
  return Buffer.from(credentials, 'base64').toString();
}

describe('the request', () => {
  it('posts a form with the token, and nothing of the client’s own request', {
    tags: ['INT-01'],
  }, async () => {
    const { api, requests } = await record({});
    expect(await api.get('a+b/c~d.e-f_1==')).toBe('200');
    expect(requests).toHaveLength(1);
    const [{ method, url, headers, form }] = requests as [AskedRequest]; // see the line above
    expect([method, url]).toEqual(['POST', INTROSPECT]);
    expect(headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      'user-agent': 'oauth-resource-server',
    });
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('x-client');
    expect(headers).not.toHaveProperty('dpop');
    expect(Object.fromEntries(form)).toEqual({
      token: 'a+b/c~d.e-f_1==',
      token_type_hint: 'access_token',
    });
  });

  it('authenticates by client_secret_basic', { tags: ['INT-02'] }, async () => {
    const { api, requests } = await record({});
    await api.get(opaque());
    expect(basicOf(requests[0])).toBe('inventory-api:secret-of-the-api');
    expect(requests[0]?.form.has('client_secret')).toBe(false);
    expect(requests[0]?.form.has('client_id')).toBe(false);
  });

  it('encodes id and secret as in a form, and no more than that', { tags: ['INT-02'] }, async () => {
    const { api, requests } = await record({}, { clientId: 'a-b.c_d*e f', clientSecret: 'p%&+:£€~!' });
    await api.get(opaque());
    expect(basicOf(requests[0])).toBe('a-b.c_d*e+f:p%25%26%2B%3A%C2%A3%E2%82%AC%7E%21');
  });

  it('authenticates by client_secret_post', { tags: ['INT-02'] }, async () => {
    const { api, requests } = await record({ authenticationMethod: 'client_secret_post' });
    await api.get(opaque());
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
    expect(Object.fromEntries(requests[0]?.form ?? [])).toMatchObject({
      client_id: 'inventory-api',
      client_secret: 'secret-of-the-api',
    });
  });

  it('authenticates by private_key_jwt, with another assertion each time', { tags: ['INT-02'] }, async () => {
    const { issuer, api, requests } = await record(
      {},
      { clientId: 'inventory-api', privateKey, keyId: 'key-of-the-api' },
    );
    expect(await api.get(opaque(1))).toBe('200');
    expect(await api.get(opaque(2))).toBe('200');
    const assertions = requests.map(({ form }) => form.get('client_assertion') ?? '');
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
    expect(requests[0]?.form.get('client_id')).toBe('inventory-api');
    expect(requests[0]?.form.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    );
    expect(decodeProtectedHeader(assertions[0] ?? '')).toEqual({ alg: 'ES256', kid: 'key-of-the-api' });
    const { payload } = await jwtVerify(assertions[0] ?? '', publicKey, {
      currentDate: new Date(NOW * 1000),
    });
    expect(payload).toEqual({
      iss: 'inventory-api',
      sub: 'inventory-api',
      aud: issuer.url,
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.stringMatching(/^[\w-]{20,}$/),
    });
    expect(Math.abs((payload.iat ?? 0) - NOW)).toBeLessThanOrEqual(1);
    expect(payload.exp).toBe((payload.iat ?? 0) + 60);
    expect(decodeJwt(assertions[1] ?? '').jti).not.toBe(payload.jti);
  });

  it('authenticates with its own access token', { tags: ['INT-02'] }, async () => {
    const { api, requests } = await record(
      {},
      { clientId: 'inventory-api', accessToken: async () => 'token-of-the-api' },
    );
    await api.get(opaque());
    expect(requests[0]?.headers.authorization).toBe('Bearer token-of-the-api');
    expect([...(requests[0]?.form.keys() ?? [])].sort()).toEqual(['token', 'token_type_hint']);
  });

  it.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('no token: secret'))],
    [
      'throws',
      () => {
        throw new Error('no token: secret');
      },
    ],
    ['returns no string', () => 42],
    ['returns nothing', () => undefined],
    ['returns what breaks a header field', () => 'a\r\nX-Injected: yes'],
  ])(
    'answers 503 if it gets no access token of its own: it %s',
    { tags: ['INT-07'] },
    async (_name, accessToken) => {
      const { api, requests } = await record({}, { clientId: 'inventory-api', accessToken });
      expect(await api.get(opaque())).toBe('503 introspection_auth_failed');
      expect(requests).toEqual([]);
    },
  );

  it('says what may be wrong if the server refuses a secret that Basic encodes', {
    tags: ['INT-02', 'INT-07'],
  }, async () => {
    const { issuer, api } = await record({}, { clientId: 'inventory-api', clientSecret: 'a+b/c' });
    issuer.script(INTROSPECT, status(401, { error: 'invalid_client' }));
    const messages = listenTo<DecisionMessage>(channels.decision);
    const hint = expect.stringMatching(/^client_secret_basic encodes .* client_secret_post /);
    for (let number = 0; number < 7; number += 1) {
      await expect(api.server.verify(opaque(number))).rejects.toMatchObject({
        reason: 'introspection_auth_failed',
        hint,
      });
    }
    expect(messages.at(-1)).toMatchObject({ outcome: 'denied', status: 503, hint });
    expect(JSON.stringify(messages)).not.toMatch(/a\+b|a%2Bb/);
    const plain = await record({}, { clientId: 'inventory-api', clientSecret: 'plain' });
    plain.issuer.script(INTROSPECT, status(401, { error: 'invalid_client' }));
    await expect(plain.api.server.verify(opaque())).rejects.toMatchObject({ hint: undefined });
  });

  it('sends the client id alone if the connection authenticates', { tags: ['INT-02'] }, async () => {
    const { api, requests } = await record(
      {},
      { clientId: 'inventory-api', authenticationMethod: 'tls_client_auth' },
    );
    await api.get(opaque());
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
    expect(requests[0]?.form.get('client_id')).toBe('inventory-api');
  });

  it('sends no proof of the client to the authorization server', { tags: ['INT-12'] }, async () => {
    const { api, requests } = await record({});
    const headers = { Authorization: `Bearer ${opaque()}`, DPoP: 'eyJ.eyJ.sig' };
    await api.server.authenticate(new Request('https://api.example.com/', { headers }));
    expect(requests).toHaveLength(1);
    expect(requests[0]?.headers).not.toHaveProperty('dpop');
  });
});

describe('where the request goes', () => {
  it('is what the metadata says, fetched once for all who wait for it', async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer);
    issuer.script(INTROSPECT, active());
    const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
    expect(await Promise.all([1, 2, 3].map((number) => api.get(opaque(number))))).toEqual([
      '200',
      '200',
      '200',
    ]);
    expect(await api.get(opaque(4))).toBe('200');
    expect(issuer.count(paths.oauth)).toBe(1);
    expect(issuer.count(INTROSPECT)).toBe(4);
    expect(issuer.count(paths.jwks)).toBe(0);
  });

  it("is found in the second document if the first one doesn't name it", async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([]);
    issuer.script(paths.openid, (response) =>
      response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ issuer: issuer.url, introspection_endpoint: `${issuer.url}${INTROSPECT}` })),
    );
    issuer.script(INTROSPECT, active());
    const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
    expect(await api.get(opaque())).toBe('200');
  });

  it('is the alias for client certificates if one is used (RFC 8705)', async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer, [], {
      mtls_endpoint_aliases: { introspection_endpoint: `${issuer.url}/mtls${INTROSPECT}` },
    });
    issuer.script(`/mtls${INTROSPECT}`, active());
    issuer.script(INTROSPECT, inactive);
    const byCertificate = { clientId: 'inventory-api', authenticationMethod: 'tls_client_auth' } as const;
    const certified = protect({ issuer: { issuer: issuer.url, introspection: byCertificate } });
    expect(await certified.get(opaque())).toBe('200');
    const other = protect({ issuer: { issuer: issuer.url, introspection: client } });
    expect(await other.get(opaque())).toBe('401 token_inactive');
  });

  it.each([
    [['client_secret_post'], false],
    [['client_secret_post', 'client_secret_basic'], true],
    [['private_key_jwt'], true],
    ['client_secret_post', true],
    [undefined, true],
  ])(
    'takes the method for a secret from the metadata: %j → basic %s',
    { tags: ['INT-02'] },
    async (methods, isBasic) => {
      const issuer = await startMisbehavingIssuer();
      const requests: AskedRequest[] = [];
      publishEndpoint(issuer, [], { introspection_endpoint_auth_methods_supported: methods });
      issuer.script(INTROSPECT, recorded(requests, active()));
      const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
      expect(await api.get(opaque())).toBe('200');
      expect('authorization' in (requests[0]?.headers ?? {})).toBe(isBasic);
      expect(requests[0]?.form.has('client_secret')).toBe(!isBasic);
    },
  );

  it('is looked up again in the background when the metadata is old', async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer);
    issuer.script(INTROSPECT, active());
    issuer.script('/new', active());
    const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
    expect(await api.get(opaque(1))).toBe('200');
    publishEndpoint(issuer, [], { introspection_endpoint: `${issuer.url}/new` });
    api.step(600);
    expect(await api.get(opaque(2))).toBe('200'); // still at the old place
    await issuer.reached(paths.oauth, 2);
    while (issuer.count('/new') === 0)
      expect(await api.get(opaque(issuer.count(INTROSPECT) + 10))).toBe('200');
    expect(issuer.count(paths.oauth)).toBe(2);
  });

  it('is looked up again when nothing is there any more', async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer);
    issuer.script(INTROSPECT, active());
    issuer.script('/new', active());
    const api = protect({ issuer: { issuer: issuer.url, introspection: { ...client, cooldownSeconds: 0 } } });
    expect(await api.get(opaque(1))).toBe('200');
    publishEndpoint(issuer, [], { introspection_endpoint: `${issuer.url}/new` });
    issuer.script(INTROSPECT, status(404));
    expect(await api.get(opaque(2))).toBe('503 introspection_unavailable');
    expect(issuer.count(paths.oauth)).toBe(1);
    expect(await api.get(opaque(3))).toBe('200'); // which looked it up before
    expect(issuer.count(paths.oauth)).toBe(2);
    expect(await api.get(opaque(4))).toBe('200');
    expect([issuer.count('/new'), issuer.count(paths.oauth)]).toEqual([2, 2]);
  });

  it("isn't asked any more once the metadata names another issuer", {
    tags: ['KEY-01'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer);
    issuer.script(INTROSPECT, active());
    const api = protect({ issuer: { issuer: issuer.url, introspection: { ...client, cooldownSeconds: 0 } } });
    expect(await api.get(opaque(1))).toBe('200');
    publishEndpoint(issuer, [], { issuer: 'https://other.example.com' });
    api.step(600);
    expect(await api.get(opaque(2))).toBe('200'); // and renews the metadata in the background
    await issuer.reached(paths.openid, 1);
    let token = 2;
    while (token < 900 && (await api.get(opaque(token))) === '200') token += 1;
    const asked = issuer.count(INTROSPECT);
    expect(await api.get(opaque(1000))).toBe('503 issuer_mismatch');
    expect(issuer.count(INTROSPECT)).toBe(asked);
    publishEndpoint(issuer);
    expect(await api.get(opaque(1001))).toBe('200');
  });

  it.each<[string, (issuer: MisbehavingIssuer) => void]>([
    ['no metadata', () => undefined],
    [
      'no keys in its metadata',
      (issuer) => issuer.script(paths.oauth, json({ issuer: issuer.url, token_endpoint: `${issuer.url}/t` })),
    ],
    ['an empty key set', (issuer) => publishEndpoint(issuer)],
  ])('may belong to an issuer with %s', { tags: ['INT-23', 'KEY-24'] }, async (_name, prepare) => {
    const issuer = await startMisbehavingIssuer();
    prepare(issuer);
    issuer.script(INTROSPECT, active());
    const api = protect(asking(issuer));
    await expect(api.server.ready()).resolves.toBeUndefined();
    expect(await api.get(opaque())).toBe('200');
    const forged = tokenBy(await generateSigningKey('ES256', 'key-9'), issuer.url);
    expect(await api.get(forged)).toBe('401 no_matching_key');
    expect(issuer.count(INTROSPECT)).toBe(1);
    const both = protect(asking(issuer, { tokens: ['opaque', 'jwt'] }));
    expect(await both.get(forged)).toBe('200'); // its word has to do
  });

  it('stays closed to JWTs while it cannot be told whether the issuer has keys', {
    tags: ['KEY-24'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, status(503));
    issuer.script(INTROSPECT, active());
    const api = protect(asking(issuer));
    await expect(api.server.ready()).rejects.toMatchObject({ status: 503 });
    const token = tokenBy(await generateSigningKey('ES256', 'key-9'), issuer.url);
    expect(await api.get(token)).toBe('503 metadata_unavailable');
    expect(await api.get(opaque())).toBe('200');
  });

  it.each<[string, Behaviour]>([
    ['fails', status(503)],
    ['hangs', hang],
  ])(
    'stays closed to JWTs while a location that may name the keys %s, and not for long after',
    {
      tags: ['KEY-24'],
    },
    async (_how, behaviour) => {
      const issuer = await startMisbehavingIssuer();
      const key = await generateSigningKey('ES256', 'key-1');
      publishEndpoint(issuer, [key.jwk], { jwks_uri: undefined });
      issuer.script(paths.openid, behaviour);
      issuer.script(INTROSPECT, active());
      const introspection = { ...client, timeoutSeconds: 0.3 };
      const keys = { timeoutSeconds: 0.3 };
      const api = protect({ issuer: { issuer: issuer.url, introspection, keys } }, { realTimers: true });
      expect(await api.get(tokenBy(key, issuer.url))).toBe('503 metadata_unavailable');
      expect(await api.get(opaque())).toBe('200');
      issuer.script(paths.openid, json(metadataOf(issuer, ['jwks_uri', 'introspection_endpoint'])));
      await vi.waitFor(async () => {
        api.step(2); // the metadata is renewed in the background
        expect(await api.get(tokenBy(key, issuer.url))).toBe('200');
      });
    },
  );

  it('is ready without an answer of a location that may name keys, and seldom asks there', {
    tags: ['INT-23', 'KEY-14'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer, [], { jwks_uri: undefined });
    issuer.script(paths.openid, status(500));
    issuer.script(INTROSPECT, active());
    const api = protect({
      issuer: { issuer: issuer.url, introspection: client, keys: { staleIfErrorSeconds: 0 } },
    });
    await expect(api.server.ready()).resolves.toBeUndefined();
    for (let number = 0; number < 10; number += 1) expect(await api.get(opaque(number))).toBe('200');
    expect([issuer.count(paths.oauth), issuer.count(paths.openid)]).toEqual([1, 1]);
    api.step(2);
    expect(await api.get(opaque(10))).toBe('200');
    await issuer.reached(paths.openid, 2);
  });

  it('stays closed to JWTs while there is no metadata, if the endpoint must be in it', {
    tags: ['KEY-24'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    const key = await generateSigningKey('ES256', 'key-1');
    const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
    expect(await api.get(tokenBy(key, issuer.url))).toBe('503 metadata_unavailable');
    publishEndpoint(issuer, [key.jwk]);
    api.step(1);
    expect(await api.get(tokenBy(key, issuer.url))).toBe('200');
  });

  it('is asked at once while the keys are old and cannot be renewed', {
    tags: ['INT-23', 'KEY-15'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    const key = await generateSigningKey('ES256', 'key-1');
    publishEndpoint(issuer, [key.jwk]);
    issuer.script(INTROSPECT, active());
    const api = protect(asking(issuer, { tokens: ['jwt'] }));
    const token = (jti: string) => tokenBy(key, issuer.url, {}, { jti });
    expect(await api.get(token('1'))).toBe('200');
    issuer.script(paths.jwks, status(503));
    api.step(601);
    expect(await api.get(token('2'))).toBe('200');
    issuer.script(paths.jwks, hang);
    api.step(2); // the back-off is over
    expect(await api.get(token('3'))).toBe('200');
  });

  it('is not asked about forged JWTs of an issuer with keys, and good ones get in', {
    tags: ['INT-17', 'INT-23'],
  }, async () => {
    const issuer = await startMisbehavingIssuer();
    const key = await generateSigningKey('ES256', 'key-1');
    publishEndpoint(issuer, [key.jwk]);
    issuer.script(INTROSPECT, status(500));
    const api = protect(asking(issuer, { tokens: ['jwt'] }));
    for (const header of [{}, { alg: 'RS256' }, { kid: 'key-2' }, { kid: undefined }, { alg: 'none' }])
      for (let number = 0; number < 4; number += 1) {
        const forged = `${tokenBy(key, issuer.url, header, { jti: `${number}` }).slice(0, -9)}AAAAAAAAA`;
        expect(await api.get(forged)).toMatch(/^401 /);
      }
    expect(issuer.count(INTROSPECT)).toBe(0);
    issuer.script(INTROSPECT, active());
    for (let number = 0; number < 30; number += 1)
      expect(await api.get(tokenBy(key, issuer.url, {}, { jti: `good-${number}` }))).toBe('200');
  });

  it('is found by ready(), without asking about anything', async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer);
    const introspection = { ...client, tokens: ['opaque', 'jwt'] } as const;
    const api = protect({ issuer: { issuer: issuer.url, introspection } });
    await api.server.ready();
    expect(issuer.requests.map(({ path }) => path)).toEqual([paths.oauth, paths.jwks]);
    await api.server.ready();
    expect(issuer.requests).toHaveLength(2);
  });

  it('has ready() say what is wrong with the metadata', { tags: ['KEY-01', 'KEY-03'] }, async () => {
    const issuer = await startMisbehavingIssuer();
    const introspection = { ...client, tokens: ['opaque', 'jwt'] } as const;
    const ready = () => protect({ issuer: { issuer: issuer.url, introspection } }).server.ready();
    await expect(ready()).rejects.toMatchObject({ status: 503, reason: 'metadata_unavailable' });
    issuer.publish([]);
    await expect(ready()).rejects.toMatchObject({ status: 503, reason: 'metadata_invalid' });
    publishEndpoint(issuer, [], { introspection_endpoint: 'http://as.example.com/introspect' });
    await expect(ready()).rejects.toMatchObject({ status: 503, reason: 'metadata_invalid' });
    publishEndpoint(issuer, [], { issuer: 'https://other.example.com' });
    await expect(ready()).rejects.toMatchObject({ status: 503, reason: 'issuer_mismatch' });
    publishEndpoint(issuer);
    await expect(ready()).resolves.toBeUndefined();
    expect(issuer.count(INTROSPECT)).toBe(0);
  });

  it('has ready() load keys too if JWTs are verified with them', async () => {
    const issuer = await startMisbehavingIssuer();
    publishEndpoint(issuer);
    issuer.script(paths.jwks, json({ error: 'maintenance' }));
    const ready = () => protect({ issuer: { issuer: issuer.url, introspection: client } }).server.ready();
    await expect(ready()).rejects.toMatchObject({ reason: 'jwks_invalid' });
  });

  it.each<[string, (issuer: MisbehavingIssuer) => void, readonly string[]]>([
    ['the first place names both endpoints', () => undefined, [paths.oauth]],
    [
      'the second place names both endpoints',
      (issuer) => {
        issuer.script(paths.openid, json(metadataOf(issuer, ['jwks_uri', 'introspection_endpoint'])));
        issuer.script(paths.oauth, status(404));
      },
      [paths.oauth, paths.openid],
    ],
    [
      'each place names one endpoint',
      (issuer) => {
        issuer.script(paths.oauth, json(metadataOf(issuer, ['jwks_uri'])));
        issuer.script(paths.openid, json(metadataOf(issuer, ['introspection_endpoint'])));
      },
      [paths.oauth, paths.openid],
    ],
  ])(
    'ready() fetches each place once, for keys and introspection together: %s',
    {
      tags: ['KEY-05', 'KEY-12'],
    },
    async (_what, change, places) => {
      const issuer = await startMisbehavingIssuer();
      publishEndpoint(issuer, [key.jwk]);
      change(issuer);
      issuer.script(INTROSPECT, active());
      const api = protect({ issuer: { issuer: issuer.url, introspection: client } });
      await Promise.all([api.server.ready(), api.server.ready()]);
      await api.server.ready();
      expect(await api.get(opaque())).toBe('200');
      expect(await api.get(tokenBy(key, issuer.url))).toBe('200');
      expect(issuer.requests.map(({ path }) => path)).toEqual([...places, paths.jwks, INTROSPECT]);
    },
  );

  it("isn't looked up if the options name it", async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(INTROSPECT, active());
    const api = protect(asking(issuer));
    expect(await api.get(opaque())).toBe('200');
    expect(issuer.requests.map(({ path }) => path)).toEqual([INTROSPECT]);
  });
});
