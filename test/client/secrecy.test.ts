import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ApiClient,
  type ClientCredentialsOptions,
  type ClientMessage,
  clientChannel,
} from '../../src/client/index.js';
import { formEncode } from '../../src/issuer/client-authentication.js';
import { createClientCertificate } from '../../src/testing/index.js';
import { listenTo } from '../support/listen-to.js';
import { type Behaviour, body, json, reset, status } from '../support/misbehaving-issuer.js';
import { type Answer, refuseToken, startApi } from './support/api.js';
import { CLIENT_ID, CLIENT_SECRET, failureOf, makeClient, makeJwtBearer } from './support/make-client.js';
import { startTokenEndpoint, type TokenEndpoint } from './support/token-endpoint.js';
import { makeAssertion, mountVolume, startKms } from './support/workload-platform.js';

const TOKEN = 'canary-token-7f3a';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { d: privatePart = '' } = privateKey.export({ format: 'jwk' });
const { certificate: cert, privateKey: key } = await createClientCertificate();
const certificate = { cert, key, passphrase: 'canary' };
/** A line of the key that's in no other text. */
const [, keyLine = ''] = key.split('\n');
const good = { access_token: TOKEN, token_type: 'Bearer', expires_in: 600, refresh_token: 'canary-refresh' };

/**
 * Everything that a careless logger could write of a value: its text, all members, hidden ones, its causes.
 */
function everythingIn(value: unknown): string {
  const options = { depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity };
  const parts = [
    inspect(value, { ...options, showHidden: true }),
    inspect(value, { ...options, customInspect: false, showHidden: true }),
    JSON.stringify(value),
    String(value),
  ];
  if (value instanceof Error) parts.push(value.message, value.stack ?? '', everythingIn(value.cause));
  return parts.join('\n');
}

/** The assertions of a request, and their parts that somebody could make use of. */
function assertionsIn(parameters: URLSearchParams): readonly string[] {
  const assertions = ['client_assertion', 'assertion'].flatMap((name) => parameters.getAll(name));
  return assertions.flatMap((assertion) => [assertion, ...assertion.split('.').slice(1)]);
}

/** In every form in which they go over the wire. */
function secretsOf(endpoint: TokenEndpoint): readonly string[] {
  const sent = endpoint.requests.flatMap(({ headers, parameters }) => [
    headers.authorization?.replace('Basic ', '') ?? '',
    ...assertionsIn(parameters),
  ]);
  const forms = [
    CLIENT_SECRET,
    encodeURIComponent(CLIENT_SECRET),
    new URLSearchParams({ v: CLIENT_SECRET }).toString().slice(2),
  ];
  return [...sent, ...forms, TOKEN, 'canary', privatePart, keyLine].filter((secret) => secret !== '');
}

function expectNoSecrets(values: readonly unknown[], endpoint: TokenEndpoint): void {
  const text = values.map(everythingIn).join('\n');
  expect(secretsOf(endpoint).filter((secret) => text.includes(secret))).toEqual([]);
}

/** Answers with what was sent, in all the members where an error may have text. */
const echo =
  (endpoint: TokenEndpoint, code: number): Behaviour =>
  (response) => {
    const seen = endpoint.requests.at(-1);
    const assertions = assertionsIn(seen?.parameters ?? new URLSearchParams());
    const credentials = seen?.headers.authorization?.replace('Basic ', '') ?? assertions[0] ?? '';
    const text = `${CLIENT_SECRET} ${credentials}`;
    const error = credentials.slice(0, 64);
    status(code, { error, error_description: text, error_uri: text, message: text })(response);
  };

/** Answers with the end of what was sent, where the signature of an assertion is. */
const echoEnd =
  (endpoint: TokenEndpoint): Behaviour =>
  (response) => {
    const end = [...(endpoint.requests.at(-1)?.parameters ?? [])].map(([, value]) => value.split('.').at(-1));
    status(400, { error: end.at(-1)?.slice(0, 64), error_description: `bad: ${end.join(' ')}` })(response);
  };

const refuseBoundToken: Answer = (_call, response) => {
  response.writeHead(401, { 'WWW-Authenticate': 'DPoP error="invalid_token"' }).end();
};

const assertion = makeAssertion(privateKey, { audience: 'https://auth.example.com' });
const withKey = { issuer: 'https://auth.example.com', privateKey };
const kms = startKms('key-1');

type Common = Pick<ClientCredentialsOptions, 'tokenEndpoint' | 'origins'>;
type Connect = (common: Common) => ApiClient;

function mountAssertion(): { readonly file: string } {
  const { file, write } = mountVolume();
  write(assertion);
  return { file };
}

/** Each way to get a token, and the type of the tokens. */
const connections: readonly (readonly [string, Connect, 'Bearer' | 'DPoP'])[] = [
  [
    'client_secret_basic',
    (common) => makeClient({ ...common, authenticationMethod: 'client_secret_basic' }),
    'Bearer',
  ],
  [
    'client_secret_post',
    (common) => makeClient({ ...common, authenticationMethod: 'client_secret_post' }),
    'Bearer',
  ],
  ['private_key_jwt', (common) => makeClient({ ...common, ...withKey }), 'Bearer'],
  [
    'a secret from a function',
    (common) => makeClient({ ...common, clientSecret: async () => CLIENT_SECRET }),
    'Bearer',
  ],
  [
    'a key from a function',
    (common) => makeClient({ ...common, ...withKey, privateKey: () => privateKey }),
    'Bearer',
  ],
  ['a key for proofs', (common) => makeClient({ ...common, dpop: { key: privateKey } }), 'DPoP'],
  ['a signing function', (common) => makeClient({ ...common, ...withKey, privateKey: kms.signer }), 'Bearer'],
  [
    'an assertion from a function',
    (common) => makeClient({ ...common, clientAssertion: async () => assertion }),
    'Bearer',
  ],
  [
    'an assertion from a file',
    (common) => makeClient({ ...common, clientAssertion: mountAssertion() }),
    'Bearer',
  ],
  [
    'the JWT bearer grant',
    (common) => makeJwtBearer({ ...common, assertion: async () => assertion }),
    'Bearer',
  ],
  [
    'the JWT bearer grant and a key',
    (common) => makeJwtBearer({ ...common, ...withKey, clientId: CLIENT_ID, assertion: mountAssertion() }),
    'Bearer',
  ],
  [
    'a certificate',
    (common) => makeClient({ ...common, certificate, clientSecret: CLIENT_SECRET }),
    'Bearer',
  ],
  [
    'a certificate from a function',
    (common) => makeClient({ ...common, certificate: async () => certificate, clientSecret: CLIENT_SECRET }),
    'Bearer',
  ],
];

describe.each(connections)('with %s', { tags: ['OPS-01', 'OPS-02'] }, (_method, connect, type) => {
  it.each<[string, (endpoint: TokenEndpoint) => Behaviour]>([
    ['a refusal', () => status(400, { error: 'invalid_client', error_description: 'no' })],
    ['a refusal that repeats the request', (endpoint) => echo(endpoint, 400)],
    ['401 that repeats the request', (endpoint) => echo(endpoint, 401)],
    ['a refusal that repeats the end of each parameter', (endpoint) => echoEnd(endpoint)],
    ['200 that repeats the request', (endpoint) => echo(endpoint, 200)],
    ['an outage that repeats the request', (endpoint) => echo(endpoint, 503)],
    ['a reset', () => reset],
    ['a broken document', () => body(JSON.stringify(good).slice(0, -1))],
    ['an unknown type', () => json({ ...good, token_type: 'mac' })],
    ['a wrong lifetime', () => json({ ...good, expires_in: -1 })],
    ['a wrong scope', () => json({ ...good, scope: { [TOKEN]: 1 } })],
    ['a token that is none', () => json({ ...good, access_token: `${TOKEN}\r\n` })],
    ['an ID token', () => json({ ...good, access_token: '', id_token: TOKEN })],
  ])('leaves no secret or token in %s', async (_what, makeBehaviour) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(makeBehaviour(endpoint));
    const messages = listenTo<ClientMessage>(clientChannel);
    const client = connect({ tokenEndpoint: endpoint.url });
    const failure = await failureOf(client.getToken());
    const repeated = await failureOf(client.getToken());
    expectNoSecrets(
      [failure, failure.description, repeated, repeated.description, messages, client],
      endpoint,
    );
    expect(failure.cause).toBeUndefined();
  });

  it('leaves no secret or token after success', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(json({ ...good, token_type: type }));
    const api = await startApi(type === 'Bearer' ? refuseToken : refuseBoundToken);
    const messages = listenTo<ClientMessage>(clientChannel);
    const client = connect({ tokenEndpoint: endpoint.url, origins: [api.origin] });
    const token = await client.getToken();
    const response = await client.fetch(api.origin);
    expect(token.accessToken).toBe(TOKEN);
    expect(messages.map(({ event }) => event)).toContain('dropped');
    expectNoSecrets([token, { ...token }, client, messages, response], endpoint);
  });
});

it.each(['canary_secret', 'x-canary_secret.'])(
  'takes no error code that repeats the secret: %s',
  { tags: ['OPS-02'] },
  async (error) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(400, { error }));
    const client = makeClient({ tokenEndpoint: endpoint.url, clientSecret: 'canary_secret' });
    expect(await failureOf(client.getToken())).toMatchObject({ reason: 'refused', error: undefined });
  },
);

it('quotes no description that repeats the secret, however it is written', { tags: ['OPS-02'] }, async () => {
  const secret = 'p+%/ä"s\\w ~x';
  const percent = encodeURIComponent(secret);
  for (const written of [
    secret,
    percent,
    percent.toLowerCase(),
    formEncode(secret),
    formEncode(secret).toLowerCase(),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]) {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(400, { error: 'invalid_client', error_description: `bad <${written}>` }));
    const client = makeClient({ tokenEndpoint: endpoint.url, clientSecret: secret });
    expect((await failureOf(client.getToken())).description, written).toBeUndefined();
  }
});

it('shows no token, even if inspect calls getters', { tags: ['OPS-02'] }, async () => {
  const endpoint = await startTokenEndpoint();
  endpoint.script(json(good));
  const token = await makeClient({ tokenEndpoint: endpoint.url }).getToken();
  const shown = inspect(token, { showHidden: true, getters: true });
  expect(shown).toContain('expiresAt');
  expect(shown).not.toContain(token.accessToken);
});

it.each([
  '"canary-0123456789.ab..." is bad',
  'client_secret=canary-0123456789.ab... is bad',
  '...9.abcdefghijklmnop is bad',
  'secret/canary-0123456789.ab***',
])('quotes no description with a part of the secret: %s', { tags: ['OPS-02'] }, async (description) => {
  const endpoint = await startTokenEndpoint();
  const clientSecret = 'canary-0123456789.abcdefghijklmnop';
  endpoint.script(status(400, { error: 'invalid_client', error_description: description }));
  const client = makeClient({ tokenEndpoint: endpoint.url, clientSecret });
  expect((await failureOf(client.getToken())).description).toBeUndefined();
});

it('quotes a description only if it repeats no secret, shortened to one line', {
  tags: ['OPS-02'],
}, async () => {
  const endpoint = await startTokenEndpoint();
  const description = `AADSTS7000215:\r\n\u001b[31m Invalid\u2028secret\u202e ${'x'.repeat(500)}`;
  endpoint.script(status(401, { error: 'invalid_client', error_description: description }));
  const failure = await failureOf(makeClient({ tokenEndpoint: endpoint.url }).getToken());
  expect(failure.description).toMatch(/^AADSTS7000215: \[31m Invalid secret {1,2}x+$/);
  expect(failure.description).toHaveLength(256);
  expect(everythingIn(failure)).not.toContain('AADSTS');
});

it.each([7, null, ['text'], undefined])(
  "has no description if it's %j",
  { tags: ['OPS-02'] },
  async (error_description) => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(400, { error: 'invalid_client', error_description }));
    const failure = await failureOf(makeClient({ tokenEndpoint: endpoint.url }).getToken());
    expect(failure.description).toBeUndefined();
  },
);

it('shows only what identifies a client', { tags: ['OPS-01'] }, async () => {
  const client = makeClient({
    issuer: 'https://auth.example.com',
    scope: 'a b',
    resource: 'https://inventory.example.com',
  });
  expect(inspect(client)).toBe(
    `ClientCredentials ${inspect({
      issuer: 'https://auth.example.com',
      tokenEndpoint: undefined,
      clientId: CLIENT_ID,
      scope: ['a', 'b'],
      origins: ['https://inventory.example.com'],
    })}`,
  );
});

it('leaves no key in errors of a certificate that cannot be used', {
  tags: ['OPS-01', 'OPS-02'],
}, async () => {
  const endpoint = await startTokenEndpoint();
  const folder = await mkdtemp(join(tmpdir(), 'canary-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  await writeFile(certFile, (await createClientCertificate()).certificate);
  await writeFile(keyFile, key);
  const messages = listenTo<ClientMessage>(clientChannel);
  for (const wrong of [
    { certFile, keyFile },
    () => ({ cert, key: key.replace(/.{8}(?=\n-)/, 'canary==') }),
    () => ({ cert: key, key: cert }),
    () => ({ [keyLine]: key, cert }) as never,
    () => Promise.reject(new Error(key)),
  ]) {
    const client = makeClient({ tokenEndpoint: endpoint.url, certificate: wrong });
    const failure = await failureOf(client.getToken());
    expect(failure.reason).toBe('credential_unavailable');
    expectNoSecrets([failure, client, messages], endpoint);
  }
});
