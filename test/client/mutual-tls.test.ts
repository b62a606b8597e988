import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import axios from 'axios';
import express from 'express';
import { got } from 'got';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { authenticate, getAuth } from '../../adapters/express/index.js';
import {
  type CertificatePem,
  type ClientCredentialsOptions,
  type ClientMessage,
  clientChannel,
  createClientCredentials,
} from '../../src/client/index.js';
import { type ClientCertificate, createClientCertificate } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { json } from '../support/misbehaving-issuer.js';
import { isFullSize } from '../support/size.js';
import { sendOverTls } from '../support/tls-client.js';
import { ofServer, pemOf, startTlsServer, type TlsServer } from '../support/tls-server.js';
import { INVENTORY, LIFETIME_SECONDS, registered } from './support/authorization-server.js';
import { failureOf } from './support/make-client.js';
import {
  byName,
  type MtlsAuthorizationServer,
  selfSigned,
  startMtlsAuthorizationServer,
} from './support/mtls-server.js';
import { startTokenEndpoint } from './support/token-endpoint.js';

const [mine, next, others] = await Promise.all([
  createClientCertificate({ commonName: 'order-service' }),
  createClientCertificate({ commonName: 'order-service' }),
  createClientCertificate({ commonName: 'other-service' }),
]);

let server: MtlsAuthorizationServer;
/** An API that takes bound tokens over the certificate that they're bound to. */
let inventory: TlsServer;
/** What the tokens were bound to that it took. */
const thumbprints: unknown[] = [];
const assertionKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SECRET = 'a secret';

beforeAll(async () => {
  const bound = { tls_client_certificate_bound_access_tokens: true };
  const clients = [
    byName('by-name', 'order-service'),
    selfSigned('order-service', [mine, next]),
    selfSigned('only-mine', [mine]),
    selfSigned('only-next', [next]),
    selfSigned('with-dpop', [mine], false),
    registered('with-secret', {
      ...bound,
      client_secret: SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
    }),
    registered('with-key', {
      ...bound,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [assertionKey.publicKey.export({ format: 'jwk' })] },
    }),
  ];
  server = await startMtlsAuthorizationServer(clients, [mine]);
  const app = express();
  const { issuer, jwks } = server;
  app.use(
    authenticate({ issuer: { issuer, jwks: { keys: [...jwks.keys] } }, audience: INVENTORY, mtls: true }),
  );
  app.all('/stock/:sku', (req, res) => {
    const { clientId, claims } = getAuth(req);
    thumbprints.push(Reflect.get(Object(claims.cnf), 'x5t#S256'));
    res.json(clientId);
  });
  app.get('/elsewhere', (req, res) => res.redirect(String(req.query.to)));
  inventory = await startTlsServer(app);
});

beforeEach(() => {
  server.requests.splice(0);
  thumbprints.splice(0);
});

afterEach(() => {
  vi.useRealTimers();
});

afterAll(() => {
  server.close();
  inventory.close();
});

/** How many tokens were asked for in this test, all of them at the place for clients with certificates. */
function tokenRequests(): number {
  const posts = server.requests.filter((line) => line.startsWith('POST'));
  expect(new Set([...posts, 'POST /token aliased'])).toEqual(new Set(['POST /token aliased']));
  return posts.length;
}

/** Where tokens are from, and where they go. */
const known = () => ({ issuer: server.issuer, origins: [inventory.origin] });

function makeClient(options: Partial<ClientCredentialsOptions>) {
  const given = { clientId: 'order-service', resource: INVENTORY, random: () => 0, ...options };
  const client = createClientCredentials(given);
  onTestFinished(() => client.close());
  return client;
}

interface Files {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

async function writeFiles({ certificate, privateKey }: ClientCertificate): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [certFile, keyFile, caFile] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => join(folder, name));
  const files = { certFile, keyFile, caFile } as Files; // three names, three paths
  await writeFile(files.certFile, certificate);
  await writeFile(files.keyFile, privateKey);
  await writeFile(files.caFile, ofServer.certificate);
  return files;
}

/** A step of the clock of everybody, servers included. */
function passTime(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

describe('a client that a real authorization server knows by its certificate', () => {
  it.each([
    ['tls_client_auth', 'by-name'],
    ['self_signed_tls_client_auth', 'order-service'],
  ] as const)(
    'calls an API, which refuses its token without that certificate: %s',
    async (authenticationMethod, clientId) => {
      const { origin } = inventory;
      const certificate = pemOf(mine);
      const client = makeClient({ ...known(), clientId, certificate, authenticationMethod });
      const response = await client.fetch(`${origin}/stock/42`);
      expect([response.status, await response.json()]).toEqual([200, clientId]);
      expect(response).toMatchObject({ url: `${origin}/stock/42`, redirected: false });
      expect(tokenRequests()).toBe(1);

      const { accessToken, tokenType } = await client.getToken();
      expect(tokenType).toBe('Bearer');
      const headers = { Authorization: `Bearer ${accessToken}` };
      for (const stolenWith of [undefined, others]) {
        const stolen = await sendOverTls(origin, { headers, certificate: stolenWith });
        expect(stolen.status).toBe(401);
        expect(stolen.headers['www-authenticate']).toContain('error="invalid_token"');
      }
    },
  );

  it('takes the certificate for its credential if there is no other', { tags: ['CLI-04'] }, async () => {
    const client = makeClient({ issuer: server.issuer, certificate: pemOf(mine) });
    expect((await client.getToken()).scope).toEqual([]);
  });

  it('is refused with another certificate, and told what to look at', async () => {
    const failure = await failureOf(
      makeClient({ issuer: server.issuer, certificate: pemOf(others) }).getToken(),
    );
    expect(failure).toMatchObject({ reason: 'refused', error: 'invalid_client' });
    expect(failure.hint).toContain('certificate');
  });

  it.each<[string, Partial<ClientCredentialsOptions>]>([
    ['with-secret', { clientSecret: SECRET }],
    ['with-key', { privateKey: assertionKey.privateKey }],
    ['with-dpop', { authenticationMethod: 'self_signed_tls_client_auth', dpop: true }],
  ])('has tokens that are bound to it beside what else it has: %s', async (clientId, credential) => {
    const client = makeClient({ ...known(), clientId, certificate: pemOf(mine), ...credential });
    const sent = new Request(`${inventory.origin}/stock/42`, { method: 'POST', body: 'x' });
    const response = await client.fetch(sent);
    expect([response.status, await response.json()]).toEqual([200, clientId]);
    expect(thumbprints).toEqual([credential.dpop === undefined ? mine.thumbprint : undefined]);
    expect(tokenRequests()).toBe(1);
  });

  it('works with other HTTP clients that show the same certificate', async () => {
    const { origin } = inventory;
    const { cert, key, ca } = pemOf(mine);
    const client = makeClient({ ...known(), certificate: { cert, key, ca } });
    const { data } = await axios.get(`${origin}/stock/42`, {
      adapter: 'fetch',
      env: { fetch: client.fetch },
    });
    expect(data).toBe('order-service');
    const url = `${origin}/stock/42`;
    const headers = { ...(await client.headers({ url })) };
    const https = { certificate: cert, key, certificateAuthority: ca };
    expect(await got(url, { headers, https }).json()).toBe('order-service');
    const dispatcher = new Agent({ connect: { cert, key, ca } });
    onTestFinished(() => dispatcher.close());
    const { body } = await request(url, { headers, dispatcher });
    expect(await body.json()).toBe('order-service');
    expect(tokenRequests()).toBe(1);
  });

  it('shows neither token nor certificate to another origin that the API redirects to', {
    tags: ['CLI-19'],
  }, async () => {
    const { origin } = inventory;
    const seen: unknown[] = [];
    const other = await startTokenEndpoint();
    other.page('/', (response) => {
      seen.push(response.req.headers.authorization, response.req.headers.host);
      response.end('elsewhere');
    });
    const client = makeClient({ ...known(), certificate: pemOf(mine) });
    const response = await client.fetch(`${origin}/elsewhere?to=${other.issuer}/`);
    expect([await response.text(), response.redirected]).toEqual(['elsewhere', true]);
    expect(seen).toEqual([undefined, new URL(other.issuer).host]);
  });
});

describe('a certificate that is rotated under traffic', () => {
  it('costs no call if its files are replaced one after the other', { tags: ['CLI-13'] }, async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { origin } = inventory;
    const files = await writeFiles(mine);
    const client = makeClient({ ...known(), certificate: files });
    const messages = listenTo<ClientMessage>(clientChannel);
    const calls = async (): Promise<void> => {
      const call = async () => (await client.fetch(`${origin}/stock/42`)).json();
      const answers = await Promise.all(Array.from({ length: 5 }, call));
      expect(new Set(answers)).toEqual(new Set(['order-service']));
      passTime(2);
    };
    const used = (certificate: ClientCertificate) => thumbprints.at(-1) === certificate.thumbprint;

    await calls();
    await writeFile(files.certFile, next.certificate.slice(0, 200)); // half written
    await calls();
    await writeFile(files.certFile, next.certificate); // of another key than the file has
    await calls();
    await rm(files.keyFile);
    await calls();
    expect(tokenRequests()).toBe(1);
    client.dropToken((await client.getToken()).accessToken);
    await calls(); // another token, of the old pair
    expect(used(mine)).toBe(true);
    expect(tokenRequests()).toBe(2);
    await writeFile(files.keyFile, next.privateKey);
    const since = Date.now();
    await vi.waitUntil(async () => calls().then(() => used(next)), { timeout: 20_000 });
    expect(Date.now() - since).toBeLessThan((LIFETIME_SECONDS * 1000) / 3); // long before it's due
    await calls();
    expect(tokenRequests()).toBe(3);
    const renewal = ['requested', 'renewed'];
    expect(messages.map(({ event }) => event)).toEqual([...renewal, 'dropped', ...renewal, ...renewal]);
  });

  it('costs no call if a function returns another one', { tags: ['CLI-13'] }, async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { origin } = inventory;
    let current = mine;
    let asked = 0;
    const certificate = async () => {
      asked += 1;
      return pemOf(current);
    };
    const client = makeClient({ ...known(), certificate });
    const statuses: number[] = [];
    for (let round = 0; round < 24; round += 1) {
      if (round === 8) current = next;
      const call = async () => statuses.push((await client.fetch(`${origin}/stock/42`)).status);
      await Promise.all(Array.from({ length: 4 }, call));
      passTime(LIFETIME_SECONDS / 12);
    }
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([thumbprints[0], thumbprints.at(-1)]).toEqual([mine.thumbprint, next.thumbprint]);
    expect(asked).toBe(tokenRequests());
  });

  it('is asked for once more if the server refuses the old one', async () => {
    const answers = [pemOf(mine), pemOf(next)];
    const client = makeClient({
      ...known(),
      clientId: 'only-next',
      certificate: () => answers.shift() ?? pemOf(next),
    });
    await client.getToken();
    expect(tokenRequests()).toBe(2);
  });

  it('makes the renewal in the background only, and the old one serves on if that fails', {
    tags: ['CLI-13'],
  }, async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { origin } = inventory;
    const files = await writeFiles(mine);
    const client = makeClient({ ...known(), clientId: 'only-mine', certificate: files });
    const messages = listenTo<ClientMessage>(clientChannel);
    const call = async () => (await client.fetch(`${origin}/stock/42`)).status;
    expect(await call()).toBe(200);
    await writeFile(files.certFile, others.certificate);
    await writeFile(files.keyFile, others.privateKey);
    const isRefused = () => messages.some(({ event }) => event === 'failed');
    await vi.waitUntil(
      async () => {
        passTime(2);
        expect(await call()).toBe(200);
        return isRefused();
      },
      { timeout: 20_000 },
    );
    expect(await call()).toBe(200);
    expect(new Set(thumbprints)).toEqual(new Set([mine.thumbprint]));
  });
});

describe('thousands of calls over three lifetimes of a bound token', () => {
  it('succeed all, with a token request per lifetime and one more at most', {
    timeout: 300_000,
  }, async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { origin } = inventory;
    const certificate = await writeFiles(mine);
    const client = makeClient({ ...known(), certificate, random: Math.random });
    const CALLS = isFullSize ? 10_000 : 300;
    const AT_ONCE = 25;
    const statuses = new Map<number, number>();
    const call = async (): Promise<void> => {
      const response = await client.fetch(`${origin}/stock/42`);
      await response.text();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    };
    for (let done = 0; done < CALLS; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, call));
      passTime((3 * LIFETIME_SECONDS * AT_ONCE) / CALLS);
    }
    expect(statuses).toEqual(new Map([[200, CALLS]]));
    expect(new Set(thumbprints)).toEqual(new Set([mine.thumbprint]));
    expect(tokenRequests()).toBeGreaterThanOrEqual(3);
    expect(tokenRequests()).toBeLessThanOrEqual(4);
  });
});

describe('the endpoint for clients with certificates', () => {
  const METADATA = '/.well-known/openid-configuration';

  it.each(['tls_client_auth', 'self_signed_tls_client_auth'] as const)(
    'gets the client_id and nothing else, with a fetch that brings the certificate: %s',
    async (authenticationMethod) => {
      const endpoint = await startTokenEndpoint();
      const { issuer, url } = endpoint;
      const aliases = { token_endpoint: url };
      endpoint.page(
        METADATA,
        json({ issuer, token_endpoint: `${issuer}/other`, mtls_endpoint_aliases: aliases }),
      );
      const fetched: string[] = [];
      const fetch: typeof globalThis.fetch = (input, init) => {
        fetched.push(String(input));
        return globalThis.fetch(input, init);
      };
      await makeClient({ issuer, authenticationMethod, fetch }).getToken();
      expect(fetched.at(-1)).toBe(url);
      const [sent] = endpoint.requests;
      expect(Object.fromEntries(sent?.parameters ?? [])).toEqual({
        grant_type: 'client_credentials',
        client_id: 'order-service',
        resource: INVENTORY,
      });
      expect(sent?.headers).not.toHaveProperty('authorization');
    },
  );

  it('is the usual one if the metadata name no other', { tags: ['CLI-21'] }, async () => {
    const endpoint = await startTokenEndpoint();
    const { issuer, url } = endpoint;
    const aliases = { revocation_endpoint: `${issuer}/other` };
    endpoint.page(METADATA, json({ issuer, token_endpoint: url, mtls_endpoint_aliases: aliases }));
    await makeClient({ issuer, certificate: pemOf(mine) }).getToken();
    expect(endpoint.requests).toHaveLength(1);
  });

  it('is not taken by a client without certificate', async () => {
    const endpoint = await startTokenEndpoint();
    const { issuer, url } = endpoint;
    const aliases = { token_endpoint: `${issuer}/other` };
    endpoint.page(METADATA, json({ issuer, token_endpoint: url, mtls_endpoint_aliases: aliases }));
    await makeClient({ issuer, clientSecret: 'secret' }).getToken();
    expect(endpoint.requests).toHaveLength(1);
  });

  it.each([['http://mtls.example.com/token'], ['ftp://127.0.0.1/token'], ['not a URL'], [7]])(
    'has to be an https URL as others: %s',
    async (alias) => {
      const endpoint = await startTokenEndpoint();
      const { issuer, url } = endpoint;
      const aliases = { token_endpoint: alias };
      endpoint.page(METADATA, json({ issuer, token_endpoint: url, mtls_endpoint_aliases: aliases }));
      const failure = await failureOf(makeClient({ issuer, certificate: pemOf(mine) }).getToken());
      expect(failure).toMatchObject({ reason: 'metadata_invalid' });
      expect(failure.detail).toMatch(/^token_endpoint is not an https URL/);
      expect(failure.detail).not.toContain(url);
      expect(endpoint.requests).toHaveLength(0);
    },
  );
});

describe('the option certificate', () => {
  const { cert, key } = pemOf(mine);
  it.each<[string, unknown, RegExp]>([
    ['no key', { cert }, /"certificate.key" takes PEM, got undefined/],
    ['another key', { cert, key: others.privateKey }, /"certificate.key" is not the key of the certificate$/],
    [
      'a key that is no PEM',
      { cert, key: 'canary' },
      /"certificate.key" takes a private key in PEM, with its pass/,
    ],
    ['a certificate as its key', { cert, key: cert }, /"certificate.key" takes a private key in PEM/],
    ['a certificate that is no PEM', { cert: 'canary', key }, /"certificate.cert" takes certificates in PEM/],
    ['half a certificate', { cert: cert.slice(0, 200), key }, /"certificate.cert" takes certificates in PEM/],
    [
      'half a chain',
      { cert: cert + cert.slice(0, 200), key },
      /"certificate.cert" takes certificates in PEM/,
    ],
    ['an authority that is none', { cert, key, ca: key }, /"certificate.ca" takes certificates in PEM/],
    ['files and PEM', { certFile: 'a', keyFile: 'b', key }, /unknown option "key" in certificate/],
    ['half of the files', { certFile: 'a' }, /"certificate.keyFile" takes a non-empty string/],
    ['an unknown member', { cert, key, pfx: 'x' }, /unknown option "pfx" in certificate/],
    ['a string', 'canary', /"certificate" takes an object or a function, got string/],
  ])('refuses %s', (_what, certificate, message) => {
    const create = () =>
      makeClient({ tokenEndpoint: 'https://auth.example.com/token', certificate } as never);
    expect(create).toThrow(message);
    try {
      create();
    } catch (error) {
      expect(inspect(error, { showHidden: true, depth: 9 })).not.toMatch(/canary|PRIVATE KEY/);
    }
  });

  it('takes Buffers, a chain, and an encrypted key', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(privateKey.type).toBe('private');
    const encrypted = (await import('node:crypto'))
      .createPrivateKey(mine.privateKey)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' })
      .toString();
    const { ca } = pemOf(mine);
    for (const certificate of [
      { cert: `${key}${cert}`, key: `${key}${cert}`, ca },
      { cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(ca) },
      {
        cert: `${cert}${others.certificate}`,
        key: encrypted,
        passphrase: 'canary',
        ca: `${others.certificate}${ca}`,
      },
    ])
      await makeClient({ issuer: server.issuer, certificate }).getToken();
    const wrong = { cert, key: encrypted, passphrase: 'wrong' };
    expect(() => makeClient({ issuer: server.issuer, certificate: wrong })).toThrow(
      /"certificate.key" takes a/,
    );
  });

  it('does not go with fetch, and one of several credentials has to be chosen', () => {
    const certificate = { cert, key };
    const issuer = 'https://auth.example.com';
    expect(() => makeClient({ issuer, certificate, fetch: globalThis.fetch })).toThrow(
      'option "certificate" does not go with fetch, which makes the connections',
    );
    const both = { certificate, clientSecret: 's', authenticationMethod: 'tls_client_auth' } as const;
    expect(() => makeClient({ issuer, ...both })).toThrow(
      'option "options" takes one of clientSecret, privateKey, clientAssertion and certificate, got clientSecret and certificate',
    );
    const method = { certificate, authenticationMethod: 'private_key_jwt' } as const;
    expect(() => makeClient({ issuer, ...method })).toThrow(
      '"authenticationMethod" does not go with certificate',
    );
  });

  it('is refused on Bun, whose connections would not show it', () => {
    vi.stubGlobal('process', { ...process, versions: { ...process.versions, bun: '1.2.0' } });
    onTestFinished(() => void vi.unstubAllGlobals());
    const create = () => makeClient({ issuer: 'https://auth.example.com', certificate: { cert, key } });
    expect(create).toThrow(/^option "certificate" isn't supported on Bun/);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => Promise.reject(new RangeError('canary')), 'the function certificate: RangeError'],
    [
      'returns nothing',
      () => undefined,
      'the function certificate: certificate takes an object, got undefined',
    ],
    [
      'returns another key',
      () => ({ cert, key: others.privateKey }),
      'the function certificate: certificate.key is not the key of the certificate',
    ],
    ['takes too long', () => new Promise(() => undefined), 'the function certificate: time-out'],
  ])('is an outage that may pass if the function %s', async (_what, certificate, detail) => {
    const endpoint = await startTokenEndpoint();
    const options = { tokenEndpoint: endpoint.url, certificate, timeoutSeconds: 0.2 };
    const failure = await failureOf(makeClient(options as never).getToken());
    expect(failure).toMatchObject({ reason: 'credential_unavailable', detail, transient: true });
    expect(endpoint.requests).toHaveLength(0);
  });

  it('is an outage that may pass if files cannot be read, or do not fit together', async () => {
    const endpoint = await startTokenEndpoint();
    const files = await writeFiles(mine);
    const failed = async (certificate: ClientCredentialsOptions['certificate']) =>
      failureOf(
        makeClient({ tokenEndpoint: endpoint.url, certificate } as ClientCredentialsOptions).getToken(),
      );
    expect(await failed({ ...files, certFile: `${files.certFile}.canary` })).toMatchObject({
      reason: 'credential_unavailable',
      detail: 'the files of certificate: ENOENT',
    });
    await writeFile(files.keyFile, others.privateKey);
    expect(await failed(files)).toMatchObject({
      reason: 'credential_unavailable',
      detail: 'the files of certificate: certificate.key is not the key of the certificate',
    });
    expect(await readFile(files.certFile, 'utf8')).toBe(mine.certificate);
    expect(endpoint.requests).toHaveLength(0);
  });
});

describe('a handshake that fails', () => {
  const explain = (tokenEndpoint: string, certificate: CertificatePem) =>
    failureOf(makeClient({ tokenEndpoint, certificate }).getToken());

  it('says which option takes an authority of your own', async () => {
    const { origin, close } = await startTlsServer((_request, response) => response.end());
    onTestFinished(close);
    const { cert, key } = pemOf(mine);
    const failure = await explain(`${origin}/token`, { cert, key });
    expect(failure).toMatchObject({ reason: 'unreachable', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(failure.hint).toContain('caFile');
    const inMetadata = await failureOf(makeClient({ issuer: origin, certificate: { cert, key } }).getToken());
    expect(inMetadata).toMatchObject({ reason: 'metadata_unavailable', hint: failure.hint });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'says that the server may refuse the certificate: %s',
    async (version) => {
      const { server: tls, origin, close } = await startTlsServer((_request, response) => response.end());
      onTestFinished(close);
      tls.setSecureContext({ key: ofServer.privateKey, cert: ofServer.certificate, maxVersion: version });
      tls.on('secureConnection', (socket) => socket.destroy());
      const failure = await explain(`${origin}/token`, pemOf(mine));
      expect(failure.reason).toBe('unreachable');
      expect(failure.hint).toContain('certificate of this client');
    },
  );
});
