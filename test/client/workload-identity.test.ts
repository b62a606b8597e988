import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { decodeJwt } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type AssertionSource,
  type ClientMessage,
  clientChannel,
  createJwtBearer,
  createTokenExchange,
  type JwtBearerOptions,
} from '../../src/client/index.js';
import { createResourceServer } from '../../src/index.js';
import { listenTo } from '../support/listen-to.js';
import { json, status } from '../support/misbehaving-issuer.js';
import { JWT_BEARER } from './support/jwt-bearer-grant.js';
import { CLIENT_ID, CLIENT_SECRET, failureOf, makeClient, makeJwtBearer } from './support/make-client.js';
import { grants, startTokenEndpoint } from './support/token-endpoint.js';
import { makeAssertion, mountVolume, startKms } from './support/workload-platform.js';

const BY_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const newAssertion = () => makeAssertion(privateKey, { audience: 'https://auth.example.com' });

/** A volume with an assertion in it. */
function mountAssertion() {
  const volume = mountVolume();
  const assertion = newAssertion();
  volume.write(assertion);
  return { volume, file: { file: volume.file }, assertion };
}

describe('a client assertion that others make', () => {
  it.each(['function', 'file'])(
    'goes with the request, and nothing else does, if it comes from a %s',
    {
      tags: ['CLI-01', 'CLI-03', 'CLI-04'],
    },
    async (from) => {
      const endpoint = await startTokenEndpoint();
      const { file, assertion } = mountAssertion();
      const clientAssertion = from === 'file' ? file : async () => assertion;
      await makeClient({
        tokenEndpoint: endpoint.url,
        clientAssertion,
        resource: 'https://a.example',
      }).getToken();
      const [request] = endpoint.requests;
      expect(request?.headers.authorization).toBeUndefined();
      expect([...(request?.parameters ?? [])].sort()).toEqual([
        ['client_assertion', assertion],
        ['client_assertion_type', BY_ASSERTION],
        ['client_id', CLIENT_ID],
        ['grant_type', 'client_credentials'],
        ['resource', 'https://a.example'],
      ]);
    },
  );

  it('is read again for each token, so one that was replaced is used', { tags: ['CLI-07'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const { volume, file, assertion } = mountAssertion();
    const client = makeClient({ tokenEndpoint: endpoint.url, clientAssertion: file });
    const { accessToken } = await client.getToken();
    const another = newAssertion();
    volume.write(another);
    client.dropToken(accessToken);
    await client.getToken();
    const sent = endpoint.requests.map(({ parameters }) => parameters.get('client_assertion'));
    expect(sent).toEqual([assertion, another]);
  });

  it('is asked for once more if the server refuses it, and tried if it is another one', {
    tags: ['CLI-07', 'CLI-16'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    const { volume, file } = mountAssertion();
    const client = makeClient({ tokenEndpoint: endpoint.url, clientAssertion: file });
    endpoint.script(status(401, { error: 'invalid_client' }));
    const hint = expect.stringContaining('compare issuer, subject and audience of the assertion');
    expect(await failureOf(client.getToken())).toMatchObject({
      reason: 'refused',
      error: 'invalid_client',
      hint,
    });
    expect(endpoint.requests).toHaveLength(1);

    endpoint.script((response) => {
      volume.write(newAssertion()); // in mid-flight
      status(401, { error: 'invalid_client' })(response);
    }, grants());
    await client.getToken();
    expect(endpoint.requests).toHaveLength(3);
  });

  it('is another one for each request, even if many are made at once', {
    tags: ['CLI-07', 'CLI-14'],
  }, async () => {
    const endpoint = await startTokenEndpoint();
    const taken = new Set<unknown>();
    const granted = grants();
    endpoint.script((response) => {
      const assertion = endpoint.requests.at(-1)?.parameters.get('client_assertion');
      const isReplay = taken.has(assertion);
      taken.add(assertion);
      (isReplay ? status(401, { error: 'invalid_client' }) : granted)(response);
    });
    const exchange = createTokenExchange({
      tokenEndpoint: endpoint.url,
      clientId: CLIENT_ID,
      clientAssertion: async () => newAssertion(),
      resource: 'https://a.example',
    });
    onTestFinished(() => exchange.close());
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => exchange.for({ token: `caller-${n}` }).getToken()),
    );
    expect(endpoint.requests).toHaveLength(10);
  });

  it('may be missing for a moment', { tags: ['CLI-16'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const { volume, file, assertion } = mountAssertion();
    volume.remove();
    let failures = 0;
    const random = () => {
      failures += 1; // the pause after one
      volume.write(assertion);
      return 0;
    };
    const client = makeClient({ tokenEndpoint: endpoint.url, clientAssertion: file, random });
    const messages = listenTo<ClientMessage>(clientChannel);
    await client.getToken();
    expect(failures).toBeGreaterThan(0);
    const failed = messages.filter(({ event }) => event === 'failed');
    expect(failed).toMatchObject([
      { reason: 'credential_unavailable', detail: 'the file clientAssertion: ENOENT' },
    ]);
  });

  it('authenticates an API that introspects, too', { tags: ['INT-02'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const { volume, file, assertion } = mountAssertion();
    const another = newAssertion();
    endpoint.script(
      (response) => {
        volume.write(another);
        status(401, { error: 'invalid_client' })(response);
      },
      json({ active: true, aud: 'api', exp: Math.floor(Date.now() / 1000) + 60 }),
    );
    const introspection = { endpoint: endpoint.url, clientId: 'api', clientAssertion: file, cacheSeconds: 0 };
    const server = createResourceServer({
      audience: 'api',
      issuer: { issuer: 'https://auth.example.com', introspection },
    });
    onTestFinished(() => server.close());
    await server.verify('opaque-token');
    volume.write(assertion);
    await server.verify('opaque-token'); // what's read isn't kept
    const sent = endpoint.requests.map(({ parameters }) => parameters);
    expect(sent.map((parameters) => parameters.get('client_assertion'))).toEqual([
      assertion,
      another,
      assertion,
    ]);
    expect(Object.fromEntries(sent[0] ?? [])).toMatchObject({
      client_id: 'api',
      client_assertion_type: BY_ASSERTION,
      token: 'opaque-token',
    });
    volume.remove();
    const headers = { Authorization: 'Bearer opaque-token' };
    expect(await server.authenticate(new Request('https://a.example', { headers }))).toMatchObject({
      error: { reason: 'introspection_auth_failed', cause: { message: 'the file clientAssertion: ENOENT' } },
      answer: { status: 503 },
    });
  });
});

it('a client assertion of an API that introspects is another one for each question', {
  tags: ['INT-02'],
}, async () => {
  const endpoint = await startTokenEndpoint();
  const taken = new Set<unknown>();
  const answer = json({ active: true, aud: 'api', exp: Math.floor(Date.now() / 1000) + 60 });
  endpoint.script((response) => {
    const assertion = endpoint.requests.at(-1)?.parameters.get('client_assertion');
    const isReplay = taken.has(assertion);
    taken.add(assertion);
    (isReplay ? status(401, { error: 'invalid_client' }) : answer)(response);
  });
  const clientAssertion = async () => newAssertion();
  const introspection = { endpoint: endpoint.url, clientId: 'api', clientAssertion };
  const issuer = { issuer: 'https://auth.example.com', introspection };
  const server = createResourceServer({ audience: 'api', issuer });
  onTestFinished(() => server.close());
  await Promise.all(Array.from({ length: 10 }, (_, n) => server.verify(`opaque-token-${n}`)));
  expect(endpoint.requests).toHaveLength(10);
});

describe('a signing function', () => {
  const options = { issuer: 'https://auth.example.com' };

  it('signs the same assertions as a key', { tags: ['CLI-05', 'CLI-06', 'CLI-07'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(503), grants());
    const kms = startKms('key-1');
    await makeClient({ ...options, tokenEndpoint: endpoint.url, privateKey: kms.signer }).getToken();
    const assertions = endpoint.requests.map(({ parameters }) => parameters.get('client_assertion') ?? '');
    const [first, second] = assertions.map((assertion) => decodeJwt(assertion));
    expect(first).toMatchObject({ iss: CLIENT_ID, sub: CLIENT_ID, aud: options.issuer });
    expect((first?.exp ?? 0) - (first?.iat ?? 0)).toBe(60);
    expect(second?.jti).not.toBe(first?.jti);
    expect(kms.signatures).toBe(2);
  });

  it.each<[string, () => Promise<Uint8Array>, string, boolean]>([
    ['throws', () => Promise.reject(new RangeError('canary')), 'the function sign: RangeError', true],
    ['takes too long', () => new Promise(() => undefined), 'the function sign: time-out', true],
    [
      'returns something else',
      async () => new Uint8Array(3),
      'the function sign: it did not return a valid ES256 signature',
      false,
    ],
  ])(
    'that %s sends nothing',
    { tags: ['CLI-05', 'CLI-16', 'OPS-01'] },
    async (_what, sign, detail, transient) => {
      const endpoint = await startTokenEndpoint();
      const messages = listenTo<ClientMessage>(clientChannel);
      const privateKey = { sign, algorithm: 'ES256' } as const;
      const client = makeClient({ ...options, tokenEndpoint: endpoint.url, privateKey, timeoutSeconds: 0.2 });
      const failure = await failureOf(client.getToken());
      expect(failure).toMatchObject({ reason: 'assertion_failed', detail, transient });
      expect(inspect([failure, messages, client], { depth: 9, showHidden: true })).not.toContain('canary');
      expect(endpoint.requests).toHaveLength(0);
    },
  );

  it('may fail for a moment', { tags: ['CLI-16'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const kms = startKms('key-1');
    kms.isDown = true;
    const random = () => {
      kms.isDown = false;
      return 0;
    };
    const client = makeClient({ ...options, tokenEndpoint: endpoint.url, privateKey: kms.signer, random });
    await client.getToken();
    expect(kms.signatures).toBe(1);
  });

  it('authenticates an API that introspects, too', { tags: ['INT-02'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(json({ active: true, aud: 'api', exp: Math.floor(Date.now() / 1000) + 60 }));
    const kms = startKms('key-1');
    const introspection = {
      ...{ endpoint: endpoint.url, clientId: 'api', privateKey: kms.signer },
      ...{ cacheSeconds: 0, timeoutSeconds: 0.2 },
    };
    const server = createResourceServer({ audience: 'api', issuer: { ...options, introspection } });
    onTestFinished(() => server.close());
    await server.verify('opaque-token');
    const assertion = endpoint.requests[0]?.parameters.get('client_assertion') ?? '';
    expect(decodeJwt(assertion)).toMatchObject({ iss: 'api', aud: options.issuer });
    kms.isDown = true;
    await expect(server.verify('opaque-token')).rejects.toMatchObject({
      reason: 'introspection_auth_failed',
      cause: { message: 'the function sign: Error' },
    });
  });
});

describe('the JWT bearer grant', () => {
  const connect = (endpoint: { readonly url: string }, more: Partial<JwtBearerOptions> = {}) =>
    makeJwtBearer({ tokenEndpoint: endpoint.url, assertion: newAssertion, ...more });

  it.each<[string, Partial<JwtBearerOptions>, Record<string, unknown>]>([
    ['without a client', {}, {}],
    ['with a client that does not authenticate', { clientId: CLIENT_ID }, { client_id: CLIENT_ID }],
    [
      'with a secret',
      { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, authenticationMethod: 'client_secret_post' },
      { client_id: CLIENT_ID, client_secret: CLIENT_SECRET },
    ],
    [
      'with a client assertion, beside it',
      { clientId: CLIENT_ID, clientAssertion: () => 'a.b.c' },
      { client_id: CLIENT_ID, client_assertion_type: BY_ASSERTION, client_assertion: 'a.b.c' },
    ],
  ])('sends its assertion %s', { tags: ['CLI-01', 'CLI-04'] }, async (_what, more, parameters) => {
    const endpoint = await startTokenEndpoint();
    const { file, assertion } = mountAssertion();
    const client = connect(endpoint, { assertion: file, scope: 'read:inventory', ...more });
    await client.getToken();
    const [request] = endpoint.requests;
    expect(request?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(request?.parameters ?? [])).toEqual({
      grant_type: JWT_BEARER,
      assertion,
      scope: 'read:inventory',
      ...parameters,
    });
  });

  it('asks for the assertion for each attempt', { tags: ['CLI-07', 'CLI-16'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(503), status(503), grants());
    await connect(endpoint).getToken();
    expect(new Set(endpoint.requests.map(({ parameters }) => parameters.get('assertion'))).size).toBe(3);
  });

  it('tries another assertion if the server refuses one, once', { tags: ['CLI-16'] }, async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(400, { error: 'invalid_grant' }));
    const failure = await failureOf(connect(endpoint).getToken());
    expect(failure).toMatchObject({ reason: 'refused', error: 'invalid_grant', transient: false });
    expect(endpoint.requests).toHaveLength(2);
    const { file } = mountAssertion();
    await failureOf(connect(endpoint, { assertion: file }).getToken()); // the same one
    expect(endpoint.requests).toHaveLength(3);
    endpoint.script(status(400, { error: 'invalid_scope' }));
    await failureOf(connect(endpoint).getToken());
    expect(endpoint.requests).toHaveLength(4);
  });

  it.each<[string, AssertionSource, string]>([
    ['throws', () => Promise.reject(new RangeError('canary')), 'the function assertion: RangeError'],
    ['returns no JWT', () => 'canary', 'the function assertion: it is not a JWT'],
    ['is a file that is not there', { file: '/canary' }, 'the file assertion: ENOENT'],
  ])('has no token if the source %s', { tags: ['CLI-16', 'OPS-01'] }, async (_what, assertion, detail) => {
    const endpoint = await startTokenEndpoint();
    const client = connect(endpoint, { assertion });
    const failure = await failureOf(client.getToken());
    expect(failure).toMatchObject({ reason: 'credential_unavailable', detail, transient: true });
    expect(inspect([failure, client], { depth: 9, showHidden: true })).not.toContain('canary');
    expect(endpoint.requests).toHaveLength(0);
  });

  it('says who asks, if anybody', async () => {
    const endpoint = await startTokenEndpoint();
    const messages = listenTo<ClientMessage>(clientChannel);
    const client = connect(endpoint);
    await client.getToken();
    expect(messages.map(({ event, clientId }) => [event, clientId])).toEqual([
      ['requested', ''],
      ['renewed', ''],
    ]);
    expect(inspect(client)).toMatch(/^JwtBearer \{/);
  });

  it.each<[string, object, string]>([
    ['no assertion', {}, 'option "assertion" takes a function or { file }, got undefined'],
    [
      'the assertion itself',
      { assertion: 'a.b.c' },
      'option "assertion" takes a function or { file }, got string',
    ],
    [
      'a secret of no client',
      { assertion: newAssertion, clientSecret: 'canary' },
      'option "clientId" takes a non-empty string',
    ],
    [
      'an empty client',
      { assertion: newAssertion, clientId: '' },
      'option "clientId" takes a non-empty string',
    ],
    [
      'two credentials',
      { assertion: newAssertion, clientId: 'a', clientSecret: 'canary', privateKey },
      'option "options" takes one of clientSecret, privateKey, clientAssertion and certificate, got clientSecret and privateKey',
    ],
    [
      'a method without a credential',
      { assertion: newAssertion, authenticationMethod: 'private_key_jwt' },
      'option "authenticationMethod" does not go with none',
    ],
    ['a key id without a key', { assertion: newAssertion, keyId: 'a' }, 'option "keyId" needs privateKey'],
    [
      'the assertion as a parameter',
      { assertion: newAssertion, parameters: { assertion: 'a' } },
      'option "parameters" cannot have "assertion"',
    ],
  ])('refuses %s', (_what, given, message) => {
    const create = () =>
      createJwtBearer({ tokenEndpoint: 'https://auth.example.com/token', ...given } as JwtBearerOptions);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
    expect(create).not.toThrow(/canary/);
  });
});
