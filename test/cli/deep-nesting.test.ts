import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startDevIssuer } from '../../tools/dev-issuer/index.js';
import { simulateWeb } from '../support/simulated-web.js';
import { run } from './run-program.js';

/** JSON.parse reads it. JSON.stringify, and whatever else recurses, ends with the stack. */
const DEEP = nested(100_000);
/** As deep as the longest token can be. */
const DEEP_CLAIM = nested(5500);
const ISSUER = 'https://auth.example.com';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deep-'));
  return () => rm(folder, { recursive: true });
});

function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

function segment(json: string): string {
  return Buffer.from(json).toString('base64url');
}

describe('a file that nests deeper than the stack is refused in words:', () => {
  const clients = `{"clients":[{"clientId":"a","clientSecret":"b","claims":{"x":${DEEP}}}]}`;
  const keys = `{"keys":[{"kid":"a","alg":"RS256","kty":"RSA","n":${DEEP}}]}`;
  const token = `${segment('{"alg":"ES256"}')}.${segment('{}')}.c2ln`;

  it.each<[string, string, readonly string[]]>([
    ['configuration', DEEP, ['dev-issuer', '--port', '0', '--config']],
    ['configuration with claims', clients, ['dev-issuer', '--port', '0', '--config']],
    ['configuration with a port', `{"port":${DEEP}}`, ['dev-issuer', '--port', '0', '--config']],
    ['keys of dev-issuer', keys, ['dev-issuer', '--port', '0', '--keys']],
    ['keys of token', keys, ['token', '--issuer', ISSUER, '--audience', 'a', '--keys']],
    ['key set', `{"keys":${DEEP}}`, ['explain', token, '--issuer', ISSUER, '--audience', 'a', '--jwks']],
  ])('%s', async (_what, content, args) => {
    const file = join(folder, 'deep.json');
    await writeFile(file, content);
    const ended = await run([...args, file]);
    expect({ ...ended, stderr: '' }).toEqual({ exitCode: 1, stdout: '', stderr: '' });
    expect(ended.stderr).toContain(`${file} nests deeper than 100 levels`);
  });
});

it('a claim that nests deeper than the stack is wrong use', async () => {
  const args = ['token', '--issuer', ISSUER, '--audience', 'a', '--keys', 'none.json', '--claim'];
  const { exitCode, stderr } = await run([...args, `x=${nested(50_000)}`]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('--claim takes JSON of at most 100 levels');
});

describe('check copes with documents that nest deeper than the stack:', { timeout: 30_000 }, () => {
  const jwksUri = `${ISSUER}/jwks`;
  const key = `{"kty":"RSA","kid":${DEEP},"crv":${DEEP},"n":${DEEP}}`;

  it.each([
    ['issuer', `{"issuer":${DEEP}}`, 'issuer is not a string'],
    ['jwks_uri', `{"issuer":"${ISSUER}","jwks_uri":${DEEP}}`, 'its jwks_uri is not an https URL: [[['],
    [
      'what is only shown',
      `{"issuer":"${ISSUER}","jwks_uri":"${jwksUri}","access_token_issuer":${DEEP},` +
        `"token_endpoint":"${ISSUER}/token","token_endpoint_auth_methods_supported":[${DEEP}],` +
        `"id_token_signing_alg_values_supported":[${DEEP}]}`,
      'client authentication by [[[',
    ],
    ['keys', `{"issuer":"${ISSUER}","jwks_uri":"${jwksUri}"}`, 'left out'],
  ])('%s', async (_what, metadata, text) => {
    const { fetch } = simulateWeb({
      [`${ISSUER}/.well-known/oauth-authorization-server`]: () => new Response(metadata),
      [jwksUri]: () => new Response(`{"keys":[${key},{"kty":${DEEP}}]}`),
    });
    for (const more of [[], ['--json']]) {
      const { exitCode, stdout, stderr } = await run(['check', ISSUER, ...more], { fetch });
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
      expect(stdout).toContain(text);
    }
  });
});

describe('explain copes with a token that nests deeper than the stack:', () => {
  const usual = `"iss":"${ISSUER}","aud":"a","exp":99999999999`;

  it.each<[string, string, string]>([
    ['alg', `{"alg":${DEEP_CLAIM}}`, '{}'],
    ['typ', `{"alg":"ES256","typ":${DEEP_CLAIM}}`, '{}'],
    ['claim_types', '{"alg":"ES256"}', `{${usual.replace('99999999999', DEEP_CLAIM)}}`],
    ['aud', '{"alg":"ES256"}', `{"iss":"${ISSUER}","aud":${DEEP_CLAIM}}`],
    ['token_kind', '{"alg":"ES256"}', `{${usual},"nonce":${DEEP_CLAIM}}`],
    ['cnf', '{"alg":"ES256"}', `{${usual},"client_id":"a","cnf":${DEEP_CLAIM}}`],
  ])('%s', async (step, header, claims) => {
    const token = `${segment(header)}.${segment(claims)}.c2ln`;
    for (const more of [[], ['--json']]) {
      const args = ['explain', token, '--issuer', ISSUER, '--audience', 'a', ...more];
      const { exitCode, stdout, stderr } = await run(args, { fetch: () => Promise.reject(new TypeError()) });
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
      expect(stdout).toMatch(more.length === 0 ? new RegExp(`✗ ${step}`) : `"step": "${step}"`);
    }
  });
});

it('dev-issuer answers a body that nests deeper than the stack', async () => {
  const issuer = await startDevIssuer({ port: 0, algorithm: 'ES256' });
  onTestFinished(issuer.close);
  const deep = nested(30_000);
  const requests: readonly (readonly [string, string])[] = [
    ['/dev/token', `{"clientId":${deep}}`],
    ['/dev/keys', `{"keepPrevious":${deep}}`],
    ['/dev/try', `{"url":"http://127.0.0.1:1/","headers":{"Authorization":${deep}}}`],
    ['/dev/try', deep],
  ];
  for (const [path, body] of requests) {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(`${issuer.issuer}${path}`, { method: 'POST', headers, body });
    expect([path, response.status]).toEqual([path, 400]);
  }
});
