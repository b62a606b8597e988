import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientCredentialsOptions, type ClientMessage, clientChannel } from '../../src/client/index.js';
import { listenTo } from '../support/listen-to.js';
import {
  INVENTORY,
  LIFETIME_SECONDS,
  type RealAuthorizationServer,
  registered,
  startRealAuthorizationServer,
} from './support/authorization-server.js';
import { failureOf, makeClient } from './support/make-client.js';
import { makeAssertion, startKms } from './support/workload-platform.js';

const SECRET = 'a secret: +/%&=~*"quoted"';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const kms = startKms('ec', { privateKey, publicKey });
const signPs256 = (input: Uint8Array) =>
  sign('sha256', input, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
const jwks = (key: typeof publicKey, kid: string) => ({
  keys: [{ ...key.export({ format: 'jwk' }), kid, use: 'sig' }],
});

let server: RealAuthorizationServer;

beforeAll(async () => {
  const keyed = { token_endpoint_auth_method: 'private_key_jwt' } as const;
  server = await startRealAuthorizationServer([
    registered('order-service', { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_basic' }),
    registered('order service/2', {
      client_secret: SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
    }),
    registered('reader', { client_secret: SECRET, scope: 'read:inventory' }),
    registered('poster', { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' }),
    registered('es256', { ...keyed, jwks: jwks(publicKey, 'ec'), token_endpoint_auth_signing_alg: 'ES256' }),
    registered('ps256', {
      ...keyed,
      jwks: jwks(rsa.publicKey, 'rsa'),
      token_endpoint_auth_signing_alg: 'PS256',
    }),
    registered('eddsa', {
      ...keyed,
      jwks: jwks(ed25519.publicKey, 'ed'),
      token_endpoint_auth_signing_alg: 'EdDSA',
    }),
  ]);
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

afterAll(() => server.stop());

/** A client of the real server, asking for the inventory. */
function clientOf(options: Partial<ClientCredentialsOptions> = {}) {
  return makeClient({
    issuer: server.issuer,
    clientId: 'order-service',
    scope: 'read:inventory',
    resource: INVENTORY,
    ...(options.privateKey === undefined && options.clientAssertion === undefined
      ? { clientSecret: SECRET }
      : {}),
    ...options,
  });
}

/** How many requests the token endpoint gets meanwhile. */
async function requestsDuring(action: () => Promise<unknown>): Promise<number> {
  const before = server.tokenRequests;
  await action();
  return server.tokenRequests - before;
}

/** The whole process lives later by so much: authorization server, API and client. */
function passTime(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

describe('with a real authorization server', () => {
  it.each<[string, Partial<ClientCredentialsOptions>]>([
    ['client_secret_basic', {}],
    ['client_secret_basic, with an id that has to be encoded', { clientId: 'order service/2' }],
    ['client_secret_post', { clientId: 'poster', authenticationMethod: 'client_secret_post' }],
    ['private_key_jwt with ES256', { clientId: 'es256', privateKey, keyId: 'ec' }],
    ['private_key_jwt without kid', { clientId: 'es256', privateKey }],
    [
      'private_key_jwt with PS256 and a PEM',
      {
        clientId: 'ps256',
        privateKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        algorithm: 'PS256',
      },
    ],
    ['private_key_jwt with EdDSA', { clientId: 'eddsa', privateKey: ed25519.privateKey, keyId: 'ed' }],
    ['a signing function with ES256', { clientId: 'es256', privateKey: kms.signer }],
    [
      'a signing function with PS256',
      { clientId: 'ps256', privateKey: { algorithm: 'PS256', keyId: 'rsa', sign: signPs256 } },
    ],
    [
      'a signing function with EdDSA',
      {
        clientId: 'eddsa',
        privateKey: { algorithm: 'EdDSA', sign: (input) => sign(null, input, ed25519.privateKey) },
      },
    ],
    [
      'a client assertion from a function',
      {
        clientId: 'es256',
        clientAssertion: () => makeAssertion(privateKey, { issuer: 'es256', audience: server.issuer }),
      },
    ],
    [
      'private_key_jwt for the token endpoint',
      { clientId: 'es256', privateKey, assertionAudience: 'token_endpoint' },
    ],
  ])('authenticates by %s', { tags: ['CLI-02', 'CLI-03', 'CLI-05'] }, async (_method, options) => {
    const client = clientOf(options);
    expect(await requestsDuring(() => client.getToken())).toBe(1);
    const token = await client.getToken();
    expect(token.scope).toEqual(['read:inventory']);
    expect(Math.abs(token.expiresAt - Date.now() / 1000 - LIFETIME_SECONDS)).toBeLessThan(5);
  });

  it.each<[string, Partial<ClientCredentialsOptions>]>([
    ['secret', { clientSecret: 'wrong' }],
    ['client', { clientId: 'nobody' }],
    ['key', { clientId: 'es256', privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }],
  ])(
    'says clearly that it is the wrong %s, after one request',
    { tags: ['CLI-15', 'CLI-16'] },
    async (_what, options) => {
      const client = clientOf(options);
      let failure: unknown;
      const requests = await requestsDuring(async () => {
        failure = await failureOf(client.getToken());
      });
      expect(failure).toMatchObject({
        reason: 'refused',
        error: 'invalid_client',
        status: 401,
        transient: false,
        message: 'The authorization server refused the request for an access token (invalid_client)',
      });
      expect(requests).toBe(1);
    },
  );

  it('says clearly that a scope is not for this client, after one request', {
    tags: ['CLI-16'],
  }, async () => {
    const client = clientOf({ clientId: 'reader', scope: 'read:inventory write:inventory' });
    const requests = await requestsDuring(async () => {
      expect(await failureOf(client.getToken())).toMatchObject({ reason: 'refused', error: 'invalid_scope' });
    });
    expect(requests).toBe(1);
  });

  it('surfaces that fewer scopes were granted', { tags: ['CLI-11'] }, async () => {
    const scope = 'read:inventory write:inventory';
    expect((await clientOf({ scope }).getToken()).scope).toEqual(['read:inventory']);
    const strict = clientOf({ scope, requireAllScopes: true });
    expect((await failureOf(strict.getToken())).reason).toBe('scope_narrowed');
  });

  it('renews early, with one request for 200 callers', { tags: ['CLI-13', 'CLI-14'] }, async () => {
    const client = clientOf();
    const first = await client.getToken();
    passTime(LIFETIME_SECONDS - 30);
    const renewed = listenTo<ClientMessage>(clientChannel);
    const requests = await requestsDuring(async () => {
      const tokens = await Promise.all(Array.from({ length: 200 }, () => client.getToken()));
      expect(new Set(tokens)).toEqual(new Set([first]));
      await vi.waitUntil(() => renewed.some(({ event }) => event === 'renewed'), { timeout: 10_000 });
    });
    expect(requests).toBe(1);
    expect(await client.getToken()).not.toBe(first);
  });

  it('makes one request for 200 callers without token', { tags: ['CLI-14'] }, async () => {
    const client = clientOf();
    const requests = await requestsDuring(() =>
      Promise.all(Array.from({ length: 200 }, () => client.getToken())),
    );
    expect(requests).toBe(1);
  });

  it('needs no agreement about the time: each side counts by its own clock', {
    tags: ['CLI-13'],
  }, async () => {
    for (const hours of [-5, 5]) {
      const skewed = () => Date.now() + hours * 3_600_000;
      const client = clientOf({ clock: skewed });
      const token = await client.getToken();
      expect(Math.abs(token.expiresAt - skewed() / 1000 - LIFETIME_SECONDS)).toBeLessThan(5);
      expect(await client.getToken()).toBe(token);
    }
  });

  it('authenticates by assertion with a clock that is half a minute off', { tags: ['CLI-05'] }, async () => {
    for (const seconds of [-30, 10]) {
      const client = clientOf({ clientId: 'es256', privateKey, clock: () => Date.now() + seconds * 1000 });
      await client.getToken();
    }
  });
});
