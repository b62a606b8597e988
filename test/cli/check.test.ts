import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTestIssuer } from '../../src/testing/index.js';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import type { Finding } from '../../tools/cli/check/finding.js';
import { splitWords } from '../docs/shell-words.js';
import {
  json,
  type MisbehavingIssuer,
  paths,
  startMisbehavingIssuer,
} from '../support/misbehaving-issuer.js';
import { simulateWeb } from '../support/simulated-web.js';
import { startOidcProvider } from './oidc-provider.js';
import { run, type Surroundings } from './run-program.js';

let key: SigningKey;
let other: SigningKey;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
  other = await generateSigningKey('ES256', 'key-2');
});

/** What `check --json` prints. */
interface Document {
  readonly outcome: string;
  readonly reason: string | null;
  readonly findings: readonly Finding[];
  readonly keys: readonly Record<string, unknown>[];
  readonly options: unknown;
}

async function check(
  issuer: string,
  args: readonly string[] = [],
  surroundings: Surroundings = {},
): Promise<Document & { readonly exitCode: number }> {
  const { exitCode, stdout, stderr } = await run(['check', issuer, '--json', ...args], surroundings);
  expect(stderr).toBe('');
  const document: Document = JSON.parse(stdout);
  return { exitCode, ...document };
}

const about = ({ findings }: Document, step: string): readonly Finding[] =>
  findings.filter((finding) => finding.step === step);

describe('check, of an issuer that is fine,', () => {
  it('says so about a real authorization server, and ends with the options to paste', async () => {
    const issuer = await startOidcProvider();
    const { exitCode, stdout, stderr } = await run(['check', issuer]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.replaceAll(issuer, 'ISSUER').replaceAll(/\d+ ms/g, 'N ms')).toMatchInlineSnapshot(`
      "✓ issuer                 "ISSUER"
      ✓ metadata               ISSUER/.well-known/oauth-authorization-server: 200, application/json; charset=utf-8, N ms
      ✓ metadata               ISSUER/.well-known/openid-configuration: 200, application/json; charset=utf-8, N ms (not needed)
      ✓ jwks_uri               "ISSUER/jwks"
      – introspection_endpoint none in the metadata; an API that accepts opaque tokens needs one
      – token_endpoint         "ISSUER/token", client authentication by "client_secret_basic", "client_secret_jwt", "client_secret_post", "private_key_jwt", "none"
      – algorithms             by the metadata, ID tokens are signed with "PS256"
      ✓ key_set                ISSUER/jwks: 200, application/jwk-set+json; charset=utf-8, 1 key, N ms
      ✓ key                    kid "oidc-1", RSA 2048 bits, for PS256
      – algorithms             the keys are for PS256
      – cache                  no Cache-Control; by default keys are renewed after 600 s
      ✓ clock                  the clocks here and there agree to 5 s
      ✓ verifier               a resource server loads the keys, N ms

      Options for this issuer, with the identifier of your API as the audience:

        {
          issuer: 'ISSUER',
          audience: 'https://your-api.example.com',
        }"
    `);
  });

  it('describes the testing kit to programs', async () => {
    const issuer = await (await createTestIssuer({ algorithm: 'EdDSA' })).listen();
    onTestFinished(issuer.close);
    const document = await check(issuer.identifier);
    expect(document).toMatchObject({
      issuer: issuer.identifier,
      exitCode: 0,
      outcome: 'usable',
      reason: null,
      options: { issuer: issuer.identifier },
    });
    expect(document.keys).toEqual([
      {
        kid: expect.any(String),
        kty: 'OKP',
        crv: 'Ed25519',
        algorithms: ['Ed25519', 'EdDSA'],
        bits: null,
        use: 'usable',
        cause: null,
      },
    ]);
    expect(document.findings.every(({ status }) => status === 'ok' || status === 'info')).toBe(true);
  });

  it('asks for the keys alone with --jwks-uri', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script('/elsewhere', json({ keys: [key.jwk] }));
    const jwksUri = `${issuer.url}/elsewhere`;
    const { exitCode, options } = await check(issuer.url, ['--jwks-uri', jwksUri]);
    expect(exitCode).toBe(0);
    expect(options).toEqual({ issuer: { issuer: issuer.url, jwksUri } });
    expect(new Set(issuer.requests.map(({ path }) => path))).toEqual(new Set(['/elsewhere']));
    const { stdout } = await run(['check', issuer.url, '--jwks-uri', jwksUri]);
    expect(stdout).toContain(`    issuer: { issuer: '${issuer.url}', jwksUri: '${jwksUri}' },\n`);
  });

  it('looks for the metadata where --metadata-url says', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script('/metadata', json({ issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` }));
    issuer.script(paths.jwks, json({ keys: [key.jwk] }));
    const document = await check(issuer.url, ['--metadata-url', `${issuer.url}/metadata`]);
    expect(document.exitCode).toBe(0);
    expect(about(document, 'metadata')).toHaveLength(1);
  });

  it('accepts plain http with --allow-insecure-requests, and says so in the options', async () => {
    const issuer = 'http://auth.example.com';
    const { fetch } = simulateWeb({
      [`${issuer}${paths.oauth}`]: { issuer, jwks_uri: `${issuer}/jwks` },
      [`${issuer}/jwks`]: { keys: [key.jwk] },
    });
    const { exitCode, options } = await check(issuer, ['--allow-insecure-requests'], { fetch });
    expect(exitCode).toBe(0);
    expect(options).toEqual({ issuer, allowInsecureRequests: true });
    expect((await run(['check', issuer, '--allow-insecure-requests'], { fetch })).stdout).toContain(
      '    allowInsecureRequests: true,\n',
    );
  });

  it("says if an API can't see that tokens and keys come from two hosts", async () => {
    const issuer = 'https://auth.example.com';
    const { fetch } = simulateWeb({
      [`${issuer}${paths.oauth}`]: { issuer, jwks_uri: 'https://keys.example.net/jwks' },
      'https://keys.example.net/jwks': { keys: [key.jwk] },
    });
    const document = await check(issuer, [], { fetch });
    expect(about(document, 'jwks_uri')[0]?.message).toContain('on another host');
    expect(document.exitCode).toBe(0);
  });
});

/** An issuer that is fine but for what the test changes. */
async function publish(keys: readonly unknown[], headers = {}): Promise<MisbehavingIssuer> {
  const issuer = await startMisbehavingIssuer();
  issuer.publish(keys, headers);
  return issuer;
}

describe('check, of an issuer with a slash too many,', () => {
  it('gives a command that works, with the options it got', async () => {
    const issuer = 'http://sso.internal:8080/realms/a';
    const odd = `${issuer}/odd?v=1&w=2`;
    const { fetch } = simulateWeb({
      [odd]: () => Response.json({ issuer, jwks_uri: `${issuer}/jwks` }),
      [`${issuer}/jwks`]: () => Response.json({ keys: [key.jwk] }),
    });
    const flags = ['--allow-insecure-requests', '--timeout', '7', '--metadata-url', odd];
    const [metadata] = about(await check(`${issuer}/`, flags, { fetch }), 'metadata');
    const [, command = ''] = /(npx .*)$/.exec(metadata?.fix ?? '') ?? [];
    expect(command).toContain(` check ${issuer} `);
    const [, , ...args] = splitWords(command, new Map());
    expect(args).toEqual(
      expect.arrayContaining(['--allow-insecure-requests', '--timeout=7', `--metadata-url=${odd}`]),
    );
    expect((await run(args, { fetch })).exitCode).toBe(0);
  });
});

describe('check, of an issuer that has no key for any token,', () => {
  const rsa = (modulusLength: number, members: object) => ({
    ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }),
    ...members,
  });

  it.each<[string, () => readonly unknown[], string]>([
    ['a short RSA key', () => [rsa(1024, { kid: 'a', alg: 'RS256' })], 'key'],
    ['two short RSA keys', () => [rsa(1024, { kid: 'a' }), rsa(1024, { kid: 'b', use: 'sig' })], 'key'],
    ['one id for both keys', () => [rsa(2048, { kid: 'a' }), rsa(2048, { kid: 'a' })], 'key_ids'],
    ['no id for both keys', () => [rsa(2048, { alg: 'RS256' }), rsa(2048, { alg: 'RS256' })], 'key_ids'],
  ])('says that it cannot be used: %s', async (_what, keys, step) => {
    const { url } = await publish(keys());
    const document = await check(url);
    expect(document).toMatchObject({ exitCode: 1, outcome: 'unusable', reason: null, options: null });
    expect(about(document, step).map(({ status }) => status)).toContain('failed');
    expect((await run(['check', url])).stdout).toMatch(
      /\n\nNo access token of this issuer can be verified: each is answered with 401\.$/,
    );
  });

  it('says that an API does not start with what is no issuer', async () => {
    const { stdout } = await run(['check', 'https://auth.example.com/?tenant=1']);
    expect(stdout).toMatch(/\n\nAn API with this issuer does not start: its options are refused\.$/);
  });

  it.each<[string, () => readonly unknown[]]>([
    ['keys of two algorithms', () => [rsa(2048, { alg: 'RS256' }), rsa(2048, { alg: 'PS256' })]],
    ['a good key beside a short one of that id', () => [rsa(1024, { kid: 'a' }), rsa(2048, { kid: 'a' })]],
    ['another id beside', () => [rsa(2048, { kid: 'a' }), rsa(2048, { kid: 'a' }), rsa(2048, { kid: 'b' })]],
  ])('not of %s', async (_what, keys) => {
    expect(await check((await publish(keys())).url)).toMatchObject({ exitCode: 0, outcome: 'usable' });
  });
});

describe('check, of an issuer that answers each question but not the resource server,', () => {
  /** The second request for keys is the resource server's. */
  async function checkWithSecondAnswer(second: () => Promise<Response>) {
    const issuer = await publish([key.jwk]);
    let asked = 0;
    const fetch: typeof globalThis.fetch = (input, init) => {
      asked += String(input).endsWith(paths.jwks) ? 1 : 0;
      return asked > 1 ? second() : globalThis.fetch(input, init);
    };
    const document = await check(issuer.url, ['--timeout', '1'], { fetch });
    expect(document).toMatchObject({ exitCode: 1, reason: 'jwks_unavailable' });
    return document.findings.filter(({ status }) => status === 'failed');
  }

  it('names the limit that metadata and keys have together', async () => {
    const [failed, ...others] = await checkWithSecondAnswer(() => new Promise(() => undefined));
    expect(others).toEqual([]);
    expect(failed).toMatchObject({ step: 'verifier', message: expect.stringContaining('time-out') });
    expect(failed?.fix).toMatch(/^Metadata and keys together .* 1 s.*--timeout/);
  });

  it('advises to try again', async () => {
    const [failed] = await checkWithSecondAnswer(async () => new Response('', { status: 502 }));
    expect(failed?.message).toContain('jwks_unavailable, status 502, ');
    expect(failed?.fix).toMatch(/^Each step above was fine .* again/);
  });
});

describe('check, of a usable issuer, warns', () => {
  const shortRsa = () => ({
    ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }),
    kid: 'short',
  });
  const withoutKid = (jwk: object) => ({ ...jwk, kid: undefined });

  it.each<[string, () => readonly unknown[], string, Finding['status'], string, string]>([
    [
      'a private key',
      () => [{ ...key.jwk, kid: 'p', d: 'AA' }],
      'key',
      'failed',
      'private key published',
      'at once',
    ],
    [
      'a symmetric key',
      () => [{ kty: 'oct', k: 'AA', kid: 's' }],
      'key',
      'failed',
      'symmetric key',
      'at once',
    ],
    ['a short RSA key', () => [shortRsa()], 'key', 'failed', 'RSA 1024 bits: too short', '2048 bits'],
    [
      'a broken key',
      () => [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }],
      'key',
      'warning',
      'malformed key',
      'RFC 7518',
    ],
    ['a key id that is none', () => [{ ...key.jwk, kid: 7 }], 'key', 'warning', 'unusable kid', '512'],
    ['a member that is no key', () => ['key'], 'key', 'warning', 'not a JSON object', 'RFC 7517'],
    [
      'one id for two keys',
      () => [{ ...other.jwk, kid: 'key-1' }, other.jwk],
      'key_ids',
      'warning',
      '"key-1"',
      'ambiguous_key',
    ],
    ['a key without id', () => [withoutKid(other.jwk)], 'key_ids', 'warning', 'no kid', 'ambiguous_key'],
  ])('of %s, with the fix', async (_what, keys, step, status, message, fix) => {
    const issuer = await publish([key.jwk, ...keys()]);
    const document = await check(issuer.url);
    expect(document).toMatchObject({ exitCode: 0, outcome: 'usable' });
    const [finding, ...others] = about(document, step).filter((one) => one.status !== 'ok');
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      status,
      message: expect.stringContaining(message),
      fix: expect.stringContaining(fix),
    });
  });

  it.each<[string, () => readonly unknown[]]>([
    ['keys for encryption', () => [key.jwk, { ...other.jwk, use: 'enc' }]],
    ['keys of unknown types', () => [key.jwk, { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'pq' }]],
    ['one id for keys of two kinds', () => [key.jwk, { ...generateRsa(), kid: 'key-1' }]],
    ['the same key twice', () => [key.jwk, key.jwk]],
    ['a single key without id', () => [withoutKid(key.jwk)]],
  ])('not of %s', async (_what, keys) => {
    const document = await check((await publish(keys())).url);
    expect(document.findings.filter(({ fix }) => fix !== null)).toEqual([]);
    expect(document.exitCode).toBe(0);
  });

  it("of answers that aren't called JSON, but reads them", async () => {
    const issuer = await publish([key.jwk], { 'Content-Type': 'text/plain' });
    const metadata = { issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}` };
    issuer.script(paths.oauth, json(metadata, { 'Content-Type': 'text/html' }));
    const document = await check(issuer.url);
    expect(document.exitCode).toBe(0);
    expect(about(document, 'metadata')[0]).toMatchObject({
      status: 'warning',
      fix: expect.stringContaining('8414'),
    });
    expect(about(document, 'key_set')[0]).toMatchObject({
      status: 'warning',
      fix: expect.stringContaining('jwk-set'),
    });
  });

  it('of metadata for another issuer at one of the places', async () => {
    const issuer = await publish([key.jwk]);
    issuer.script(
      paths.openid,
      json({ issuer: `${issuer.url}/`, jwks_uri: 'https://attacker.example/jwks' }),
    );
    const document = await check(issuer.url);
    expect(document.exitCode).toBe(0);
    expect(about(document, 'metadata').map(({ status }) => status)).toEqual(['ok', 'warning']);
  });

  it('not of locations with nothing there', async () => {
    const document = await check((await publish([key.jwk])).url);
    expect(about(document, 'metadata').map(({ status }) => status)).toEqual(['ok', 'info']);
  });

  it.each([
    [60_000, {}, '1 min ahead of', 'expire too early'],
    [-3_600_000, {}, '1 h behind', 'issued_in_future'],
    [4000, {}, undefined, undefined],
    [-4000, {}, undefined, undefined],
    [60_000, { Age: '60' }, undefined, undefined],
    [0, { Age: '60' }, '1 min behind', undefined],
    [60_000, { Age: 'x' }, '1 min ahead of', undefined],
  ])('of clocks that differ by %d ms with %j', async (difference, headers, distance, consequence) => {
    const now = Date.parse('2030-01-01T00:00:00.500Z');
    const issuer = await publish([key.jwk], { Date: new Date(now).toUTCString(), ...headers });
    const document = await check(issuer.url, [], { clock: () => now + difference });
    const [finding] = about(document, 'clock');
    if (distance === undefined) expect(finding).toMatchObject({ status: 'ok', fix: null });
    else {
      expect(finding).toMatchObject({ status: 'warning', fix: expect.stringContaining('NTP') });
      expect(finding?.message).toContain(distance);
      expect(finding?.message).toContain(consequence ?? '');
    }
    expect(document.exitCode).toBe(0);
  });

  it('not of clocks if the answers have no date', async () => {
    const issuer = await publish([key.jwk], { Date: 'today' });
    expect(about(await check(issuer.url), 'clock')).toMatchObject([{ status: 'info', fix: null }]);
  });

  it.each([
    [{}, 'no Cache-Control; by default keys are renewed after 600 s'],
    [
      { 'Cache-Control': 'public, max-age=900' },
      'Cache-Control: public, max-age=900; by default keys are renewed after 900 s',
    ],
    [{ 'Cache-Control': 'max-age=1' }, 'after 30 s'],
    [{ 'Cache-Control': 'max-age=86400' }, 'after 3600 s'],
  ])('not of caching, but says what it means: %j', async (headers, message) => {
    const issuer = await publish([key.jwk], headers);
    expect(about(await check(issuer.url), 'cache')[0]?.message).toContain(message);
  });

  it('in printable characters, whatever the issuer sends', async () => {
    const evil = '\u001b]0;owned\u0007\u202e\u009b2J';
    const issuer = await publish([
      { ...key.jwk, kid: evil, kty: 'EC' },
      { kty: evil, crv: evil, kid: evil },
    ]);
    const metadata = { issuer: issuer.url, jwks_uri: `${issuer.url}${paths.jwks}`, token_endpoint: evil };
    issuer.script(paths.oauth, json({ ...metadata, token_endpoint_auth_methods_supported: [evil] }));
    issuer.script(paths.openid, json({ ...metadata, issuer: evil }));
    for (const more of [[], ['--json']]) {
      const { stdout } = await run(['check', issuer.url, ...more]);
      expect(stdout).toContain('\\u001b');
      expect(stdout).not.toMatch(/[^\P{C}\n]/u);
    }
  });
});

describe('check ends', () => {
  it('when it is interrupted, without a word', async () => {
    const issuer = await publish([key.jwk]);
    const controller = new AbortController();
    issuer.script(paths.jwks, () => controller.abort());
    const { exitCode, stdout, stderr } = await run(['check', issuer.url], { signal: controller.signal });
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 130, stdout: '', stderr: '' });
    expect(issuer.count(paths.jwks)).toBe(1);
  });

  it.each<[readonly string[], string]>([
    [[], 'check takes one issuer'],
    [['https://a.example', 'https://b.example'], 'check takes one issuer'],
    [['https://a.example', '--jwks-uri', 'http://a.example/jwks'], '--jwks-uri takes an absolute https URL'],
    [['https://a.example', '--metadata-url', '/metadata'], '--metadata-url takes an absolute https URL'],
    [['https://a.example', '--timeout', '61'], '--timeout takes a number from 0.001 to 60, got 61'],
    [['https://a.example', '--timeout', 'x'], '--timeout takes a number'],
    [['https://a.example', '--jwks-url', 'x'], 'unknown option --jwks-url; did you mean --jwks-uri?'],
  ])("at once if it's used wrongly: %j", async (args, message) => {
    const { exitCode, stdout, stderr } = await run(['check', ...args]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

function generateRsa(): object {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
}
