import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { inspect } from 'node:util';
import express from 'express';
import type { JWK } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { authenticate, getAuth } from '../../adapters/express/index.js';
import {
  type AssertionSigner,
  type AssertionSource,
  type ClientCredentialsOptions,
  type ClientMessage,
  clientChannel,
} from '../../src/client/index.js';
import { createResourceServer } from '../../src/index.js';
import { listenTo } from '../support/listen-to.js';
import { INVENTORY } from './support/authorization-server.js';
import { JWT_BEARER } from './support/jwt-bearer-grant.js';
import { failureOf, makeClient, makeJwtBearer } from './support/make-client.js';
import { type RotatingServer, startRotatingServer } from './support/rotating-server.js';
import { close, listen, startTokenEndpoint } from './support/token-endpoint.js';
import { makeAssertion, mountVolume, startKms } from './support/workload-platform.js';

const CALLS = 60;
/** Every so many requests to the authorization server everybody's credential is replaced. */
const ROTATION = 6;

type Credential = Pick<ClientCredentialsOptions, 'clientSecret' | 'privateKey' | 'clientAssertion'>;

/** A vault: what it has is what the authorization server takes, and nothing older. */
interface Vault {
  readonly credential: Credential;
  /** In place of a credential. */
  readonly assertion?: AssertionSource;
  readonly reads: number;
  /** Hands out something else that's as good: an assertion is good for one request. */
  refresh?(): void;
  rotate(): void;
}

type OpenVault = (server: RotatingServer, clientId: string) => Vault;

/** A vault whose credential is made by a function that counts its calls. */
function countReads(makeCredential: (read: <T>(value: T) => T) => Credential, rotate: () => void): Vault {
  const vault = { reads: 0, rotate };
  rotate();
  const read = <T>(value: T): T => {
    vault.reads += 1;
    return value;
  };
  return Object.assign(vault, { credential: makeCredential(read) });
}

const vaultOfSecrets: OpenVault = (server, clientId) => {
  let version = 0;
  const secret = () => `secret ${version} of ${clientId}: +/%&=`;
  const rotate = () => {
    version += 1;
    server.register(clientId, { client_secret: secret(), token_endpoint_auth_method: 'client_secret_basic' });
  };
  return countReads((read) => ({ clientSecret: async () => read(secret()) }), rotate);
};

/** Registers another key for each version. */
function keysOf(server: RotatingServer, clientId: string) {
  const keys = { version: 0, key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey };
  const rotate = () => {
    keys.version += 1;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    keys.key = pair.privateKey;
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: `key-${keys.version}`, use: 'sig' };
    server.register(clientId, {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
    });
  };
  const makeOwnAssertion = () => makeAssertion(keys.key, { issuer: clientId, audience: server.issuer });
  return Object.assign(keys, { rotate, makeOwnAssertion });
}

const vaultOfKeys: OpenVault = (server, clientId) => {
  const keys = keysOf(server, clientId);
  // What JWKs are to node:crypto and to jose.
  const jwk = () => ({ ...(keys.key.export({ format: 'jwk' }) as JWK), kid: `key-${keys.version}` });
  return countReads((read) => ({ privateKey: () => read(jwk()) }), keys.rotate);
};

const vaultOfSigners: OpenVault = (server, clientId) => {
  const keys = keysOf(server, clientId);
  const signers = new Map<number, AssertionSigner>();
  const rotate = () => {
    keys.rotate();
    const { key: privateKey, version } = keys;
    const { signer } = startKms(`key-${version}`, { privateKey, publicKey: createPublicKey(privateKey) });
    signers.set(version, signer);
  };
  const current = () => signers.get(keys.version) as AssertionSigner; // one for each version, above
  return countReads((read) => ({ privateKey: async () => read(current()) }), rotate);
};

const vaultOfAssertions: OpenVault = (server, clientId) => {
  const keys = keysOf(server, clientId);
  return countReads((read) => ({ clientAssertion: async () => read(keys.makeOwnAssertion()) }), keys.rotate);
};

const vaultOfFiles: OpenVault = (server, clientId) => {
  const keys = keysOf(server, clientId);
  const volume = mountVolume();
  const refresh = () => volume.write(keys.makeOwnAssertion());
  const rotate = () => {
    keys.rotate();
    refresh();
  };
  return { ...countReads(() => ({ clientAssertion: { file: volume.file } }), rotate), refresh };
};

const vaultOfPlatform: OpenVault = (server, clientId) => {
  const volume = mountVolume();
  server.register(clientId, { token_endpoint_auth_method: 'none', grant_types: [JWT_BEARER] });
  const rotate = () => {
    server.platform.key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    volume.write(makeAssertion(server.platform.key, { audience: server.issuer }));
  };
  return { ...countReads(() => ({}), rotate), assertion: { file: volume.file } };
};

// The caller's credential, and that of the API that introspects.
describe.each<[string, OpenVault, OpenVault]>([
  ['secrets', vaultOfSecrets, vaultOfSecrets],
  ['keys', vaultOfKeys, vaultOfKeys],
  ['keys of a KMS', vaultOfSigners, vaultOfSigners],
  ['client assertions', vaultOfAssertions, vaultOfAssertions],
  ['client assertions in a file', vaultOfFiles, vaultOfSecrets],
  ['assertions for the JWT bearer grant', vaultOfPlatform, vaultOfAssertions],
])('%s that are rotated under traffic', (_what, openVault, openApiVault) => {
  it('cost no call, of the client or of the API that introspects', {
    tags: ['CLI-02', 'INT-02'],
  }, async () => {
    const server = await startRotatingServer();
    const vaults = { caller: openVault(server, 'order-service'), api: openApiVault(server, 'inventory-api') };
    let rotations = 0;
    server.onRequest = () => {
      vaults.caller.refresh?.();
      if (server.requests % ROTATION !== 0) return;
      rotations += 1;
      // Before the request is looked at: what it carries isn't valid any more.
      vaults.caller.rotate();
      vaults.api.rotate();
    };
    const app = express();
    app.use(
      authenticate({
        audience: INVENTORY,
        issuer: {
          issuer: server.issuer,
          introspection: { clientId: 'inventory-api', ...vaults.api.credential, cacheSeconds: 0 },
        },
      }),
    );
    app.get('/stock/:sku', (req, res) => {
      res.json(getAuth(req).clientId);
    });
    const inventory = createServer(app);
    onTestFinished(() => close(inventory));
    const origin = await listen(inventory);
    const { credential, assertion } = vaults.caller;
    const common = { issuer: server.issuer, scope: 'read:inventory', resource: INVENTORY, origins: [origin] };
    const client =
      assertion === undefined
        ? makeClient({ ...common, ...credential })
        : makeJwtBearer({ ...common, clientId: 'order-service', assertion });

    const messages = listenTo<ClientMessage>(clientChannel);
    const answers: unknown[] = [];
    while (answers.length < CALLS) {
      const calls = Array.from({ length: 4 }, async () => (await client.fetch(`${origin}/stock/42`)).json());
      answers.push(...(await Promise.all(calls)));
      client.dropToken((await client.getToken()).accessToken); // the next round gets another one
    }
    expect(new Set(answers)).toEqual(new Set(['order-service']));
    expect(rotations).toBeGreaterThan(4);
    expect(messages.filter(({ event }) => event === 'failed')).toEqual([]);
    expect(vaults.api.reads).toBeGreaterThan(1);
    // The API asks once a minute, and after a refusal; not for each of the tokens. Assertions aren't kept.
    if (openApiVault !== vaultOfAssertions) expect(vaults.api.reads).toBeLessThanOrEqual(rotations + 1);
  });
});

describe('a function for the secret of a client', () => {
  it('is asked for each token, and not before', { tags: ['CLI-02'] }, async () => {
    const endpoint = await startTokenEndpoint();
    let secret = 'one';
    let reads = 0;
    const clientSecret = () => {
      reads += 1;
      return secret;
    };
    const client = makeClient({ tokenEndpoint: endpoint.url, clientSecret });
    expect(reads).toBe(0);
    const { accessToken } = await client.getToken();
    await client.getToken();
    expect(reads).toBe(1);
    secret = 'two';
    client.dropToken(accessToken);
    await client.getToken();
    expect(reads).toBe(2);
    const sent = endpoint.requests.map(({ headers }) => String(headers.authorization).replace('Basic ', ''));
    expect(sent.map((text) => Buffer.from(text, 'base64').toString())).toEqual([
      'order-service:one',
      'order-service:two',
    ]);
  });

  it.each<[string, () => string | Promise<string>, string]>([
    ['throws', () => Promise.reject(new RangeError('canary')), 'the function clientSecret: RangeError'],
    ['returns nothing', () => '', 'the function clientSecret: it returned an empty string'],
    [
      'returns a file with its line break',
      async () => 'canary\n',
      'the function clientSecret: it returned a string that ends with a line break',
    ],
    [
      'returns two lines',
      () => 'canary\r\ncanary',
      'the function clientSecret: it returned a string that has a control character',
    ],
    [
      'returns too much',
      () => 'canary'.repeat(2000),
      'the function clientSecret: it returned too long a string',
    ],
    ['takes too long', () => new Promise(() => undefined), 'the function clientSecret: time-out'],
  ])(
    'is an outage that may pass if it %s',
    { tags: ['OPS-01', 'CLI-16'] },
    async (_what, clientSecret, detail) => {
      const endpoint = await startTokenEndpoint();
      const messages = listenTo<ClientMessage>(clientChannel);
      const client = makeClient({ tokenEndpoint: endpoint.url, clientSecret, timeoutSeconds: 0.2 });
      const failure = await failureOf(client.getToken());
      expect(failure).toMatchObject({ reason: 'credential_unavailable', detail, transient: true });
      expect(messages).toContainEqual(expect.objectContaining({ event: 'failed', detail }));
      expect(inspect([failure, messages, client], { depth: 9, showHidden: true })).not.toContain('canary');
      expect(endpoint.requests).toHaveLength(0);
    },
  );
});

describe('a function for the secret of an API that introspects', () => {
  it.each<[string, () => string | Promise<string>, string]>([
    ['throws', () => Promise.reject(new RangeError('canary')), 'the function clientSecret: RangeError'],
    ['takes too long', () => new Promise(() => undefined), 'the function clientSecret: time-out'],
  ])('is an outage if it %s', { tags: ['OPS-01', 'INT-02'] }, async (_what, clientSecret, detail) => {
    const introspection = {
      endpoint: 'http://127.0.0.1:9/',
      clientId: 'api',
      clientSecret,
      timeoutSeconds: 0.2,
    };
    const server = createResourceServer({
      audience: INVENTORY,
      issuer: { issuer: 'https://auth.example.com', introspection },
      fetch: () => Promise.reject(new Error('nobody is asked')),
    });
    onTestFinished(() => server.close());
    const headers = { Authorization: 'Bearer opaque-token' };
    const decision = await server.authenticate(new Request(INVENTORY, { headers }));
    expect(decision).toMatchObject({
      error: { reason: 'introspection_auth_failed', cause: { message: detail } },
      answer: { status: 503 },
    });
    expect(inspect(decision, { depth: 9, showHidden: true })).not.toContain('canary');
  });
});
