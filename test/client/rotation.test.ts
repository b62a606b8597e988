import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import { inspect } from 'node:util';
import express from 'express';
import type { JWK } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { authenticate, getAuth } from '../../adapters/express/index.js';
import { type ClientCredentialsOptions, type ClientMessage, clientChannel } from '../../src/client/index.js';
import { createResourceServer, type IntrospectionEndpointOptions } from '../../src/index.js';
import { listenTo } from '../support/listen-to.js';
import { INVENTORY } from './support/authorization-server.js';
import { failureOf, makeClient } from './support/make-client.js';
import { type RotatingServer, startRotatingServer } from './support/rotating-server.js';
import { close, listen, startTokenEndpoint } from './support/token-endpoint.js';

const CALLS = 100;
/** Every so many requests to the authorization server everybody's credential is replaced. */
const ROTATION = 6;

type ClientCredential = Pick<ClientCredentialsOptions, 'clientSecret' | 'privateKey'>;
type ApiCredential = Pick<IntrospectionEndpointOptions, 'clientSecret' | 'privateKey'>;

/** A vault: what it has is what the authorization server takes, and nothing older. */
interface Vault {
  readonly credential: ClientCredential & ApiCredential;
  readonly reads: number;
  rotate(): void;
}

function vaultOfSecrets(server: RotatingServer, clientId: string): Vault {
  let [version, reads] = [0, 0];
  const secret = () => `secret ${version} of ${clientId}: +/%&=`;
  const rotate = () => {
    version += 1;
    server.register(clientId, { client_secret: secret(), token_endpoint_auth_method: 'client_secret_basic' });
  };
  rotate();
  const clientSecret = async () => {
    reads += 1;
    return secret();
  };
  return {
    credential: { clientSecret },
    rotate,
    get reads() {
      return reads;
    },
  };
}

function vaultOfKeys(server: RotatingServer, clientId: string): Vault {
  let [version, reads] = [0, 0];
  let key: KeyObject;
  const rotate = () => {
    version += 1;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    key = pair.privateKey;
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: `key-${version}`, use: 'sig' };
    server.register(clientId, {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
    });
  };
  rotate();
  const privateKey = (): JWK => {
    reads += 1;
    return { ...(key.export({ format: 'jwk' }) as JWK), kid: `key-${version}` };
  };
  return {
    credential: { privateKey },
    rotate,
    get reads() {
      return reads;
    },
  };
}

describe.each([
  ['secrets', vaultOfSecrets],
  ['keys', vaultOfKeys],
])('%s that are rotated under traffic', (_what, openVault) => {
  it('cost no call, of the client or of the API that introspects', {
    tags: ['CLI-02', 'INT-02'],
  }, async () => {
    const server = await startRotatingServer();
    const vaults = { caller: openVault(server, 'order-service'), api: openVault(server, 'inventory-api') };
    let rotations = 0;
    server.onRequest = () => {
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
    const client = makeClient({
      issuer: server.issuer,
      ...vaults.caller.credential,
      scope: 'read:inventory',
      resource: INVENTORY,
      origins: [origin],
    });

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
    // The API asks once a minute, and after a refusal; not for each of the tokens.
    expect(vaults.api.reads).toBeLessThanOrEqual(rotations + 1);
    expect(vaults.api.reads).toBeGreaterThan(1);
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
