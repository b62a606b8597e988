import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import type { Finding } from '../../tools/cli/check/finding.js';
import { start } from '../dev-issuer/support.js';
import {
  type Behaviour,
  body,
  hangUp,
  json,
  type MisbehavingIssuer,
  paths,
  redirect,
  startMisbehavingIssuer,
  status,
} from '../support/misbehaving-issuer.js';
import { simulateWeb } from '../support/simulated-web.js';
import { run, type Surroundings } from './run-program.js';

const SECRET = 'S3cr3t-of-the-API';
const credentials = ['--introspection-client', 'inventory-api', '--client-secret-env', 'API_SECRET'];
const env = { API_SECRET: SECRET };

interface Document {
  readonly exitCode: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly findings: readonly Finding[];
  readonly options: unknown;
}

async function check(
  issuer: string,
  args: readonly string[] = [],
  surroundings: Surroundings = {},
): Promise<Document> {
  const ended = await run(['check', issuer, '--json', ...args], { env, ...surroundings });
  expect(ended.stderr).toBe('');
  expect(ended.stdout).not.toContain(SECRET);
  return { exitCode: ended.exitCode, ...JSON.parse(ended.stdout) };
}

const about = ({ findings }: Document, step: string): readonly Finding[] =>
  findings.filter((finding) => finding.step === step);
const faults = ({ findings }: Document): readonly Finding[] => findings.filter(({ fix }) => fix !== null);

/** An issuer that has an introspection endpoint, and no keys. */
async function startKeyless(
  answer: Behaviour = json({ active: false }),
  more: object = {},
): Promise<MisbehavingIssuer> {
  const issuer = await startMisbehavingIssuer();
  const metadata = {
    issuer: issuer.url,
    introspection_endpoint: `${issuer.url}/introspect`,
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
    ...more,
  };
  issuer.script(paths.oauth, json(metadata));
  issuer.script('/introspect', answer);
  return issuer;
}

describe('check, of an issuer without keys that can be asked about its tokens,', () => {
  it('shows how, and asks nothing without credentials', async () => {
    const issuer = await startKeyless();
    const document = await check(issuer.url);
    expect(document).toMatchObject({ exitCode: 0, outcome: 'usable', reason: null });
    expect(document.options).toEqual({
      issuer: { issuer: issuer.url, introspection: { clientId: 'your-api' } },
    });
    expect(about(document, 'introspection_endpoint')[0]?.message).toBe(
      `"${issuer.url}/introspect", client authentication by "client_secret_basic", "private_key_jwt"`,
    );
    expect(about(document, 'jwks_uri')).toMatchObject([{ status: 'info' }]);
    expect(about(document, 'verifier')[0]?.message).toContain(
      'is ready to ask the issuer about opaque tokens',
    );
    expect(faults(document)).toEqual([]);
    expect(issuer.count('/introspect')).toBe(0);
    const { stdout } = await run(['check', issuer.url]);
    expect(stdout).not.toContain('503');
    expect(stdout).toContain(
      "introspection: { clientId: 'your-api', clientSecret: process.env.CLIENT_SECRET ?? '' }",
    );
  });

  it('asks about a made-up token with credentials', async () => {
    const issuer = await startKeyless();
    const document = await check(issuer.url, credentials);
    expect(document).toMatchObject({ exitCode: 0, outcome: 'usable' });
    expect(about(document, 'introspection')).toMatchObject([
      { status: 'ok', message: expect.stringContaining('a made-up token is not active') },
    ]);
    expect(issuer.count('/introspect')).toBe(1);
    const [question] = issuer.requests.filter(({ path }) => path === '/introspect');
    expect(question?.headers.authorization).toBe(
      `Basic ${Buffer.from(`inventory-api:${SECRET}`).toString('base64')}`,
    );
    const { stdout } = await run(['check', issuer.url, ...credentials], { env });
    expect(stdout).toContain("clientId: 'inventory-api', clientSecret: process.env.API_SECRET ?? ''");
    expect(stdout).not.toContain(SECRET);
  });

  it('takes one that has no metadata at all, by its endpoint', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script('/oauth/introspect', json({ active: false }));
    const endpoint = `${issuer.url}/oauth/introspect`;
    const document = await check(issuer.url, [...credentials, '--introspection-endpoint', endpoint]);
    expect(document).toMatchObject({ exitCode: 0, outcome: 'usable' });
    expect(document.options).toEqual({
      issuer: { issuer: issuer.url, introspection: { endpoint, clientId: 'inventory-api' } },
    });
    expect(faults(document)).toEqual([]);
    const unasked = await check(issuer.url, ['--introspection-endpoint', endpoint]);
    expect(unasked).toMatchObject({ exitCode: 0, outcome: 'usable' });
    expect(issuer.count('/oauth/introspect')).toBe(1);
  });

  it("says that its keys are no https URL if that's why it has none", async () => {
    const issuer = await startKeyless(undefined, { jwks_uri: 'http://keys.example/jwks' });
    expect(about(await check(issuer.url), 'jwks_uri')).toMatchObject([
      { status: 'failed', message: 'not an https URL: "http://keys.example/jwks"' },
    ]);
  });
});

describe('check asks a real authorization server', () => {
  const args = ['--introspection-client', 'inventory-service', '--client-secret-env', 'API_SECRET'];

  it('that knows the client', async () => {
    const { issuer } = await start();
    const document = await check(issuer, args, { env: { API_SECRET: 'api-secret' } });
    expect(document).toMatchObject({ exitCode: 0, outcome: 'usable' });
    expect(about(document, 'introspection')).toMatchObject([{ status: 'ok' }]);
  });

  it('with a secret from standard input', async () => {
    const { issuer } = await start();
    const document = await check(
      issuer,
      ['--introspection-client', 'inventory-service', '--client-secret-stdin'],
      { input: 'api-secret\n' },
    );
    expect(about(document, 'introspection')).toMatchObject([{ status: 'ok' }]);
  });

  it.each(['pem', 'jwk'] as const)('with a private key in a file, as %s', async (format) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] };
    const { issuer } = await start({ clients: [{ clientId: 'inventory-service', jwks }] });
    const folder = await mkdtemp(join(tmpdir(), 'check-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'key');
    const text =
      format === 'pem'
        ? privateKey.export({ format, type: 'pkcs8' }).toString()
        : JSON.stringify(privateKey.export({ format }));
    await writeFile(file, text);
    const asked = ['--introspection-client', 'inventory-service', '--client-key', file];
    expect(about(await check(issuer, asked), 'introspection')).toMatchObject([{ status: 'ok' }]);
    const { stdout } = await run(['check', issuer, ...asked]);
    const source = `await readFile('${file}', 'utf8')`;
    expect(stdout).toContain(`privateKey: ${format === 'pem' ? source : `JSON.parse(${source})`} `);
  });

  it('that refuses the secret, and says what a 401 means', async () => {
    const { issuer } = await start();
    const document = await check(issuer, args);
    expect(document).toMatchObject({
      exitCode: 1,
      outcome: 'unusable',
      reason: 'introspection_auth_failed',
      options: null,
    });
    const [finding] = about(document, 'introspection');
    expect(finding?.message).toContain('refuses this API: status 401, invalid_client');
    expect(finding?.fix).toMatch(/id and secret.*may it introspect/);
    expect(finding?.fix).not.toContain('client_secret_post');
    const { stdout } = await run(['check', issuer, ...args], { env });
    expect(stdout).toContain('Its JWTs can be verified.');
  });

  it('that may not decode what Basic encodes', async () => {
    const { issuer } = await start();
    const document = await check(issuer, args, { env: { API_SECRET: 'a+b/c=' } });
    expect(about(document, 'introspection')[0]?.fix).toContain("authenticationMethod: 'client_secret_post'");
    const posted = [...args, '--authentication-method', 'client_secret_post'];
    const other = await check(issuer, posted, { env: { API_SECRET: 'a+b/c=' } });
    expect(about(other, 'introspection')[0]?.fix).not.toContain('client_secret_post');
  });
});

describe('check names the fix of an introspection endpoint that', () => {
  it.each<[string, Behaviour, string, string]>([
    ['calls everything active', json({ active: true }), 'a made-up token is active', 'Do not rely'],
    ['is behind a firewall', status(403, '<html>'), 'status 403', 'before the endpoint'],
    ['is not there', status(404), 'status 404', '--introspection-endpoint'],
    ['takes no POST', status(405), 'status 405', '--introspection-endpoint'],
    [
      'wants something else',
      status(400, { error: 'invalid_request' }),
      'status 400, invalid_request',
      'parameters',
    ],
    ['fails', status(502), 'status 502', 'log'],
    ['is a web page', body('<html>', { 'Content-Type': 'text/html' }), 'another media type', 'RFC 7662'],
    ['says nothing of active', json({}), 'active is not a boolean', 'RFC 7662'],
    ['has moved', redirect(301, 'https://elsewhere.example/'), 'status 301', 'answers itself'],
    ['breaks off', hangUp, 'the connection broke', 'proxy'],
  ])('%s', async (_what, answer, message, fix) => {
    const issuer = await startKeyless(answer);
    const document = await check(issuer.url, credentials);
    expect(document).toMatchObject({ exitCode: 1, outcome: 'unusable', options: null });
    const [finding] = about(document, 'introspection');
    expect(finding).toMatchObject({ status: 'failed' });
    expect(finding?.message).toContain(message);
    expect(finding?.fix).toContain(fix);
  });

  it("isn't in the metadata", async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }));
    const document = await check(issuer.url, credentials);
    expect(document.exitCode).toBe(1);
    const [finding] = about(document, 'introspection_endpoint');
    expect(finding).toMatchObject({ status: 'failed', message: 'none in the metadata' });
    expect(finding?.fix).toContain('--introspection-endpoint');
    expect(JSON.stringify(document)).not.toContain('introspection_endpoint is not an https URL');
    const key = await generateSigningKey('ES256', 'key-1');
    issuer.script(paths.jwks, json({ keys: [key.jwk] }));
    const { stdout } = await run(['check', issuer.url, ...credentials], { env });
    expect(stdout).toContain('Its JWTs can be verified.');
  });

  it('is plain http', async () => {
    const issuer = 'https://auth.example.com';
    const metadata = {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      introspection_endpoint: 'http://auth.example.com/i',
    };
    const { fetch } = simulateWeb({ [`${issuer}${paths.oauth}`]: metadata });
    expect(about(await check(issuer, [], { fetch }), 'introspection_endpoint')).toMatchObject([
      { status: 'warning', message: 'not an https URL: "http://auth.example.com/i"' },
    ]);
  });
});

it('check ends without a word if it is interrupted while it asks', async () => {
  const controller = new AbortController();
  const issuer = await startKeyless(() => controller.abort());
  const { signal } = controller;
  const { exitCode, stdout, stderr } = await run(['check', issuer.url, ...credentials], { env, signal });
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 130, stdout: '', stderr: '' });
});

describe('check is used wrongly', () => {
  it.each<[readonly string[], string]>([
    [['--client-secret-env', 'API_SECRET'], '--introspection-client is missing'],
    [['--introspection-client', 'api'], 'give one of --client-secret-env'],
    [[...credentials, '--client-secret-stdin'], 'give one of --client-secret-env'],
    [['--introspection-client', 'api', '--client-secret-env', 'UNSET'], 'there is no secret'],
    [[...credentials, '--authentication-method', 'basic'], "--authentication-method takes 'client_secret_"],
    [['--introspection-endpoint', '/introspect'], '--introspection-endpoint takes an absolute https URL'],
    [['--introspection-client', 'api', '--client-secret', 'x'], 'unknown option --client-secret;'],
  ])('by %j', async (args, message) => {
    const { exitCode, stdout, stderr } = await run(['check', 'https://auth.example.com', ...args], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(SECRET);
  });
});

describe('check says nothing of places that', () => {
  let key: SigningKey;
  beforeAll(async () => {
    key = await generateSigningKey('ES256', 'key-1');
  });

  it.each<[string, Behaviour]>([
    ['want a login', status(401)],
    ['are forbidden', status(403)],
    ['are empty', status(404)],
    ['are gone', status(410)],
    ['know no GET', status(405)],
    ['lead to a login page', redirect(302, '/login')],
    ['have a web page for every path', body('<html>', { 'Content-Type': 'text/html' })],
    ['have metadata of other things', json({})],
  ])('%s, if another place has the document', async (_what, behaviour) => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.jwks, json({ keys: [key.jwk] }));
    issuer.script(paths.oauth, behaviour);
    issuer.script(paths.openid, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }));
    const document = await check(issuer.url);
    expect(document.exitCode).toBe(0);
    const expected = _what.startsWith('have metadata') ? ['warning', 'ok'] : ['info', 'ok'];
    expect(about(document, 'metadata').map(({ status: is }) => is)).toEqual(expected);
  });

  it('say which place is at fault if none has the document', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.openid, status(403));
    const [finding] = faults(await check(issuer.url));
    expect(finding?.message).toContain('access refused (403)');
    expect(finding?.fix).toContain('--metadata-url');
  });
});

describe('check gives the address of a document that', () => {
  it.each([
    ['/.well-known/openid-configuration/', 'a path'],
    ['', 'an absolute URL'],
  ])('is behind a slash (%s)', async (path) => {
    const issuer = await startMisbehavingIssuer();
    const location = path === '' ? `${issuer.url}${paths.openid}/` : path;
    issuer.script(paths.openid, redirect(301, location));
    const address = issuer.url;
    const document = await check(address);
    const [finding] = faults(document);
    expect(finding?.message).toContain('redirects (301)');
    expect(finding?.fix).toContain(
      `metadataUrl: '${address}/.well-known/openid-configuration/' (--metadata-url)`,
    );
  });

  it('has the keys behind a slash', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, json({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }));
    issuer.script(paths.jwks, redirect(308, '/jwks/'));
    expect(about(await check(issuer.url), 'key_set')[0]?.fix).toContain(`jwksUri: '${issuer.url}/jwks/'`);
  });

  it('is elsewhere on the same host', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, redirect(302, '/realms/a/metadata'));
    expect(faults(await check(issuer.url))[0]?.fix).toContain('give that address: metadataUrl');
  });
});

describe('check, of an issuer whose access tokens name another one (AD FS),', () => {
  const issuer = 'https://adfs.example.com/adfs';
  const named = 'http://adfs.example.com/adfs/services/trust';

  it('says what works', async () => {
    const key = await generateSigningKey('RS256', 'key-1');
    const jwksUri = `${issuer}/discovery/keys`;
    const { fetch } = simulateWeb({
      [`${issuer}${paths.openid}`]: { issuer, access_token_issuer: named, jwks_uri: jwksUri },
      [jwksUri]: { keys: [key.jwk] },
    });
    const document = await check(issuer, [], { fetch });
    expect(document).toMatchObject({ exitCode: 0, options: { issuer: { issuer: named, jwksUri } } });
    const [finding] = about(document, 'access_token_issuer');
    expect(finding).toMatchObject({ status: 'warning' });
    expect(finding?.message).toContain(`"${named}"`);
    expect(finding?.fix).toContain(`issuer: '${named}', jwksUri: '${jwksUri}'`);
    const { stdout } = await run(['check', issuer], { fetch });
    expect(stdout).toContain(`    issuer: { issuer: '${named}', jwksUri: '${jwksUri}' },\n`);
  });

  it('takes that one with the address of its keys', async () => {
    const key = await generateSigningKey('RS256', 'key-1');
    const jwksUri = `${issuer}/discovery/keys`;
    const { fetch } = simulateWeb({ [jwksUri]: { keys: [key.jwk] } });
    const document = await check(named, ['--jwks-uri', jwksUri], { fetch });
    expect(document).toMatchObject({ exitCode: 0, options: { issuer: { issuer: named, jwksUri } } });
    expect(faults(document)).toEqual([]);
  });

  it('says nothing if it is the same', async () => {
    const { fetch } = simulateWeb({
      [`${issuer}${paths.openid}`]: { issuer, access_token_issuer: issuer, jwks_uri: `${issuer}/keys` },
    });
    expect(about(await check(issuer, [], { fetch }), 'access_token_issuer')).toEqual([]);
  });
});
