import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { signedJws } from '../../src/testing/forged-jws.js';
import { createTestIssuer, type ListeningIssuer, type TestIssuer } from '../../src/testing/index.js';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import { json, paths, startMisbehavingIssuer, status } from '../support/misbehaving-issuer.js';
import { run, type Surroundings } from './run-program.js';

const ISSUER = 'https://issuer.example.com';
const AUDIENCE = 'https://api.example.com';
const START = Date.parse('2030-01-01T00:00:00Z');
const NOW = START / 1000;
const usual = ['--issuer', ISSUER, '--audience', AUDIENCE];

let key: SigningKey;
let jwks: string;
let folder: string;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
  folder = await mkdtemp(join(tmpdir(), 'explain-'));
  jwks = await fileWith('jwks.json', JSON.stringify({ keys: [key.jwk] }));
  return () => rm(folder, { recursive: true });
});

async function fileWith(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function tokenWith(claims: object = {}, header: object = {}): string {
  return signedJws(
    { alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...header },
    { iss: ISSUER, aud: AUDIENCE, exp: NOW + 298, client_id: 'order-service', ...claims },
    key,
  );
}

/** Explains a token with the keys in a file, at a time that stands still, without a network. */
function explain(token: string, more: readonly string[] = [], surroundings: Surroundings = {}) {
  const fetch = () => Promise.reject(new Error('somebody was asked'));
  return run(['explain', token, ...usual, '--jwks', jwks, ...more], {
    clock: () => START,
    fetch,
    ...surroundings,
  });
}

/** The lines about a step: what it found, and what it expected and advises where it failed. */
function linesAbout(step: string, stdout: string): string {
  const lines = stdout.split('\n');
  const start = lines.findIndex((line) => line.slice(2).startsWith(`${step} `));
  const rest = lines.slice(start + 1).findIndex((line) => !line.startsWith('  '));
  return lines.slice(start, start + 1 + rest).join('\n');
}

describe('explain, of a good token,', () => {
  it('shows every check and what the API gets to know', async () => {
    const { exitCode, stdout, stderr } = await explain(tokenWith({ scope: 'read:inventory write:orders' }), [
      '--scope',
      'read:inventory',
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatchInlineSnapshot(`
      "✓ credentials     Bearer and a token of 349 characters
      ✓ size            349 of at most 16384 characters
      ✓ structure       three parts of base64url
      ✓ header          a JSON object
      ✓ alg             "ES256"
      ✓ crit            no extension
      ✓ typ             "at+jwt"
      ✓ claims          a JSON object
      ✓ iss             "https://issuer.example.com"
      ✓ claim_types     registered claims have the right types
      ✓ exp             2030-01-01T00:04:58Z, in 4 min 58 s
      ✓ nbf             none
      ✓ iat             none
      ✓ token_kind      an access token by its type
      ✓ aud             "https://api.example.com"
      ✓ key             kid "key-1", ES256
      ✓ signature       by the issuer's key
      ✓ cnf             not bound to a key
      ✓ scope           "read:inventory", "write:orders"

      Accepted. The API gets:

        clientId  "order-service"
        subject   none
        scopes    "read:inventory", "write:orders""
    `);
  });

  it('has the steps of RFC 9068 if tokens have to follow it', async () => {
    const strict = ['--token-type', 'at+jwt'];
    const full = tokenWith({ iat: NOW, sub: 'order-service', jti: '1' });
    const { exitCode, stdout } = await explain(full, strict);
    expect(exitCode).toBe(0);
    expect(linesAbout('token_type', stdout)).toBe('✓ token_type      "at+jwt"');
    expect(linesAbout('required_claims', stdout)).toContain('✓');
    expect((await explain(tokenWith(), strict)).stdout).toContain('without "sub", "iat", "jti"');
  });

  it('describes itself to programs', async () => {
    const { exitCode, stdout } = await explain(tokenWith({ scope: 'read:inventory' }), ['--json']);
    expect(exitCode).toBe(0);
    const { steps, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      outcome: 'accepted',
      reason: null,
      message: null,
      hint: null,
      answer: null,
      auth: {
        issuer: ISSUER,
        subject: null,
        clientId: 'order-service',
        actor: null,
        audience: [AUDIENCE],
        scopes: ['read:inventory'],
        expiresAt: NOW + 298,
      },
    });
    expect(steps).toHaveLength(18);
    expect(steps[0]).toEqual({
      step: 'credentials',
      status: 'passed',
      reason: null,
      actual: expect.any(String),
      expected: null,
      fix: null,
    });
  });
});

describe('explain, of a token that is refused,', () => {
  it('shows everything that is wrong at once, and what the client gets', async () => {
    const { exitCode, stdout } = await explain(tokenWith({ exp: NOW - 60, aud: 'https://other.example' }), [
      '--scope',
      'read:inventory',
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatchInlineSnapshot(`
      "✓ credentials     Bearer and a token of 295 characters
      ✓ size            295 of at most 16384 characters
      ✓ structure       three parts of base64url
      ✓ header          a JSON object
      ✓ alg             "ES256"
      ✓ crit            no extension
      ✓ typ             "at+jwt"
      ✓ claims          a JSON object
      ✓ iss             "https://issuer.example.com"
      ✓ claim_types     registered claims have the right types
      ✗ exp             2029-12-31T23:59:00Z, 1 min ago
        expected        later than 2029-12-31T23:59:55Z, 5 s ago
        fix             Get a new token. If it is a new one, compare the clocks: here it is 2030-01-01T00:00:00Z.
      ✓ nbf             none
      ✓ iat             none
      ✓ token_kind      an access token by its type
      ✗ aud             "https://other.example"
        expected        "https://api.example.com"
        fix             Make the client ask the issuer for this API (resource or audience). Is the audience configured as the issuer calls this API, and is the token one for it?
      – key             not reached
      – signature       not reached
      ✓ cnf             not bound to a key
      ✗ scope           none
        expected        "read:inventory"
        fix             Make the client ask for "read:inventory". If it was granted, it is in another claim: use scopeClaim (--scope-claim).

      Refused: expired. That is the first ✗. Fix the others too.
      The client gets:

        HTTP 401
        WWW-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token expired"
        Cache-Control: no-store
        Content-Type: application/json; charset=utf-8
        Content-Length: 72

        {"error":"invalid_token","error_description":"The access token expired"}"
    `);
  });

  it('describes itself to programs', async () => {
    const { exitCode, stdout } = await explain(tokenWith({ iss: `${ISSUER}/` }), ['--json']);
    expect(exitCode).toBe(1);
    const { steps, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      outcome: 'refused',
      reason: 'iss_mismatch',
      message: 'The access token was issued by an untrusted issuer',
      hint: 'the issuer differs from a configured one only by a trailing slash',
      answer: {
        status: 401,
        headers: expect.objectContaining({ 'WWW-Authenticate': expect.stringContaining('invalid_token') }),
        body: expect.stringContaining('invalid_token'),
      },
      auth: null,
    });
    expect(steps.find(({ step }: { step: string }) => step === 'iss')).toEqual({
      step: 'iss',
      status: 'failed',
      reason: 'iss_mismatch',
      actual: `"${ISSUER}/"`,
      expected: `"${ISSUER}"`,
      fix: expect.stringContaining('trailing slash'),
    });
  });

  it.each<[string, object, object, string, readonly string[]]>([
    ['alg', {}, { alg: 'HS256' }, 'alg', ['"HS256"', 'RS256', 'can also forge']],
    ['crit', {}, { crit: ['x'] }, 'crit', ['"crit": ["x"]', 'leave the extension out']],
    ['b64', {}, { b64: false }, 'crit', ['"b64": false', 'leave the extension out']],
    [
      'typ',
      {},
      { typ: 'logout+jwt' },
      'typ',
      ['"logout+jwt"', '"at+jwt", "JWT" or none', 'Send the access token'],
    ],
    ['the issuer', { iss: 'https://b.example' }, {}, 'iss', [`"${ISSUER}"`, 'another environment']],
    ['no issuer', { iss: undefined }, {}, 'iss', ['none']],
    [
      'a claim of the wrong type',
      { nbf: 'soon', client_id: 7 },
      {},
      'claim_types',
      ['"client_id": 7', '"nbf": "soon"', 'mapping'],
    ],
    [
      'the end',
      { exp: NOW - 5 },
      {},
      'exp',
      ['5 s ago', '2029-12-31T23:59:55Z', 'Get a new token', '2030-01-01T00:00:00Z'],
    ],
    ['no end', { exp: undefined }, {}, 'exp', ['none', 'for ever']],
    ['an endless end', { exp: 2 ** 53 - 1 }, { kid: 'x' }, 'exp', ['9007199254740991']],
    ['the beginning', { nbf: NOW + 6 }, {}, 'nbf', ['in 6 s', '2030-01-01T00:00:05Z', 'clocks']],
    ['the issue', { iat: NOW + 6 }, {}, 'iat', ['in 6 s', 'set both by NTP']],
    ['a slash of the audience', { aud: `${AUDIENCE}/` }, {}, 'aud', [`"${AUDIENCE}/"`, 'trailing slash']],
    ['the audience', { aud: ['a', 'b'] }, {}, 'aud', ['["a","b"]', 'resource or audience']],
    ['no audience', { aud: undefined }, {}, 'aud', ['none', '--client-id']],
    ['an ID token', { nonce: 'n' }, { typ: 'JWT' }, 'token_kind', ['"nonce": "n"', 'not the ID token']],
    [
      'no mark',
      { client_id: undefined, scope: undefined },
      { typ: 'JWT' },
      'token_kind',
      ['neither scope nor client', '--client-id-claim'],
    ],
    ['the key', {}, { kid: 'key-2' }, 'key', ['"key-2"', 'kid "key-1", ES256', 'withdrawn']],
    [
      'the algorithm of the key',
      {},
      { alg: 'RS256' },
      'key',
      ['"RS256"', 'kid "key-1", ES256', 'another algorithm'],
    ],
    ['a binding', { cnf: { jkt: 'x' } }, {}, 'cnf', ['{"jkt":"x"}', 'with a DPoP proof']],
    ['the scope', { scope: 'a' }, {}, 'scope', ['"a"', '"b"', 'ask for "b"', '--scope-claim']],
  ])('names expected and actual, and what to change: %s', async (_what, claims, header, step, words) => {
    const { exitCode, stdout } = await explain(tokenWith({ scope: 'a b', ...claims }, header), [
      '--scope',
      'a b',
    ]);
    expect(exitCode).toBe(1);
    for (const word of words) expect(linesAbout(step, stdout)).toContain(word);
  });

  it.each<[string, string, readonly string[]]>([
    ['', 'credentials', ['nothing', 'variable']],
    ['Bearer', 'credentials', ['no token']],
    ['Bearer ""', 'credentials', ['a quotation mark as character 1']],
    ['Basic b3JkZXI6c2VjcmV0', 'credentials', ['the scheme Basic']],
    ['Authorization: abc.def.ghi', 'credentials', ['no scheme']],
    ['abc def', 'credentials', ['a space as character 4', 'wrapped']],
    ['abc\ndef', 'credentials', ['a line break as character 4', 'wrapped']],
    ['abc\u00e9', 'credentials', ['U+00E9']],
    ['a\u{1f511}', 'credentials', ['U+1F511']],
    ['==', 'credentials', ['padding and no token']],
    ['a=b', 'credentials', ['"=" in the middle']],
    ['a'.repeat(16_385), 'size', ['16385 characters', 'leave claims out']],
    ['undefined', 'structure', ['the word undefined', 'variable']],
    ['2YotnFZFEjr1zCsicMWpAA', 'structure', ['opaque', 'resource']],
    ['a.b.c.d.e', 'structure', ['encrypted']],
    ['a.b', 'structure', ['2 parts', 'cut off']],
    ['YWJj.YWJj.YR', 'structure', ['the third part']],
    ['YWJj.YWJj.YWJj', 'header', ['the first part', 'JSON object']],
  ])("says what is wrong with something that isn't a token: %j", async (input, step, words) => {
    const { exitCode, stdout } = await explain('-', [], { input });
    expect(exitCode).toBe(1);
    for (const word of words) expect(linesAbout(step, stdout)).toContain(word);
  });

  it("doesn't compare a date that isn't one", async () => {
    const { stdout } = await explain(tokenWith({ exp: 'soon', nbf: 'now' }));
    expect(linesAbout('claim_types', stdout)).toContain('✗');
    expect(linesAbout('exp', stdout)).toBe('– exp             not reached');
    expect(linesAbout('nbf', stdout)).toBe('– nbf             not reached');
    expect(linesAbout('iat', stdout)).toBe('✓ iat             none');
  });

  it('names a key that is offered in the header, and does not look at it', async () => {
    const offers = { kid: 'key-2', jku: 'https://attacker.example/jwks', jwk: key.jwk };
    const { stdout } = await explain(tokenWith({}, offers));
    expect(linesAbout('key', stdout)).toContain('what the token offers in "jwk", "jku" is ignored');
    expect(stdout).not.toContain('attacker');
  });

  it('escapes what a terminal would obey', async () => {
    const evil = '\u001b]0;owned\u0007\u202e\u009b2J';
    const { stdout } = await explain(
      tokenWith({ iss: evil, aud: [evil], scope: evil }, { kid: evil, alg: evil, typ: evil }),
      ['--scope', 'a'],
    );
    expect(stdout).toContain('\\u001b]0;owned\\u0007\\u202e\\u009b2J');
    expect(stdout).not.toMatch(/[^\P{C}\n]/u);
  });
});

describe('explain reads the token', () => {
  it.each([
    ['as an argument', (token: string) => [token], undefined],
    ['as two words', (token: string) => ['Bearer', token], undefined],
    ['as a line in words', (token: string) => ['Authorization:', 'Bearer', token], undefined],
    ['as a line', (token: string) => [`authorization: bearer ${token}`], undefined],
    ['from standard input', () => [], (token: string) => token],
    ['from standard input for -', () => ['-'], (token: string) => `${token}\r\n`],
    ['from a line on standard input', () => [], (token: string) => `  Authorization:Bearer ${token}\n`],
  ])('%s', async (_how, positionals, input) => {
    const token = tokenWith();
    const args = ['explain', ...positionals(token), ...usual, '--jwks', jwks];
    const { exitCode } = await run(args, { clock: () => START, input: input?.(token) });
    expect(exitCode).toBe(0);
  });

  it('from standard input no further than any token goes', async () => {
    const { exitCode, stderr } = await run(['explain', ...usual, '--jwks', jwks], {
      input: 'a'.repeat(1_100_000),
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('more than a token');
  });

  it('not from a terminal', async () => {
    const { exitCode, stderr } = await run(['explain', ...usual]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('give a token');
  });

  it('until it is interrupted', async () => {
    const controller = new AbortController();
    const stdin = new Readable({ read: () => controller.abort() });
    const { exitCode, stdout, stderr } = await run(['explain', ...usual], {
      stdin,
      signal: controller.signal,
    });
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 130, stdout: '', stderr: '' });
  });
});

describe('explain refuses wrong use:', () => {
  const token = 'eyJhbGciOiJub25lIn0.e30.';

  it.each<[string, readonly string[], string]>([
    ['no issuer', [token, '--audience', AUDIENCE], '--issuer is missing'],
    ['no audience', [token, '--issuer', ISSUER], '--audience is missing'],
    [
      'an issuer on plain http',
      [token, '--issuer', 'http://a.example', '--audience', 'a'],
      '--issuer takes an absolute https URL',
    ],
    ['an empty audience', [token, '--issuer', ISSUER, '--audience='], '--audience takes a non-empty string'],
    [
      'a symmetric algorithm',
      [token, ...usual, '--algorithm', 'HS256'],
      '--algorithm takes a list of at least one of RS256',
    ],
    ['a type', [token, ...usual, '--token-type', 'jwt'], "--token-type takes 'any' or 'at+jwt'"],
    [
      'a tolerance',
      [token, ...usual, '--clock-tolerance', '301'],
      '--clock-tolerance takes a number from 0 to 300, got 301',
    ],
    ['a time limit', [token, ...usual, '--timeout', '0'], '--timeout takes a number'],
    ['a scope', [token, ...usual, '--scope', 'a"b'], '--scope takes scopes'],
    ['an empty scope', [token, ...usual, '--scope', ' '], '--scope takes scopes'],
    [
      'two sources of keys',
      [token, ...usual, '--jwks-uri', 'https://a.example', '--metadata-url', 'https://a.example'],
      'give at most one of',
    ],
    [
      'keys on plain http',
      [token, ...usual, '--jwks-uri', 'http://a.example'],
      '--jwks-uri takes an absolute https URL (http only for loopback hosts, or with --allow-insecure-requests)',
    ],
    ['something beside -', ['-', token, ...usual], '- must be the only argument'],
  ])('%s', async (_what, args, message) => {
    const { exitCode, stdout, stderr } = await run(['explain', ...args], { input: '' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`oauth-resource-server: ${message}`);
    expect(stderr).not.toContain(token);
  });

  it.each<[string, object | string, string]>([
    ['that is no JSON', 'secret', 'is not JSON'],
    ['that is no key set', {}, '--jwks takes a JWK Set'],
    [
      'with a private key',
      { keys: [{ kty: 'EC', crv: 'P-256', x: 'secret', y: 'secret', d: 'secret' }] },
      '--jwks has a private key',
    ],
    ['with a symmetric key', { keys: [{ kty: 'oct', k: 'secret' }] }, '--jwks has a symmetric key'],
  ])('a file %s, without quoting its content', { tags: ['OPS-01'] }, async (what, content, message) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    const path = await fileWith(`${what}.json`, text);
    const { exitCode, stderr } = await run(['explain', token, ...usual, '--jwks', path]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`oauth-resource-server: ${path}`);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('secret');
  });
});

describe('explain asks the issuer', () => {
  async function listen(): Promise<{
    issuer: TestIssuer;
    listening: ListeningIssuer;
    options: readonly string[];
  }> {
    const issuer = await createTestIssuer();
    const listening = await issuer.listen();
    onTestFinished(listening.close);
    const options = ['--issuer', listening.identifier, '--audience', listening.options.audience];
    return { issuer, listening, options };
  }

  it('once for its metadata and once for its keys', async () => {
    const { listening, options } = await listen();
    expect((await run(['explain', await listening.token(), ...options])).exitCode).toBe(0);
    expect(listening.requests).toMatchObject({ '/.well-known/oauth-authorization-server': 1, '/jwks': 1 });
  });

  it("not at all if the token can't be valid", { tags: ['OPS-06'] }, async () => {
    const { listening, options } = await listen();
    for (const claims of [{ iss: 'https://attacker.example' }, { exp: 0 }, { aud: 'x' }]) {
      expect((await run(['explain', await listening.token(claims), ...options])).exitCode).toBe(1);
    }
    expect(Object.values(listening.requests).every((count) => count === 0)).toBe(true);
  });

  it('and no address that the token names', { tags: ['JWT-17'] }, async () => {
    const { listening, options } = await listen();
    const visited: string[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      visited.push(String(input));
      return globalThis.fetch(input, init);
    };
    const offers = { jku: 'http://127.0.0.1:9/jwks', x5u: 'http://127.0.0.1:9/x5u' };
    await run(['explain', await listening.token({}, offers), ...options], { fetch });
    expect(visited.every((url) => url.startsWith(`${listening.identifier}/`))).toBe(true);
    expect(visited).toHaveLength(2);
  });

  it('for keys at the given address', async () => {
    const { listening, options } = await listen();
    const uri = ['--jwks-uri', `${listening.identifier}/jwks`];
    expect((await run(['explain', await listening.token(), ...options, ...uri])).exitCode).toBe(0);
    expect(listening.requests['/.well-known/oauth-authorization-server']).toBe(0);
  });

  it('and says so if the issuer is out of reach', async () => {
    const { listening, options } = await listen();
    const token = await listening.token();
    await listening.close();
    const { exitCode, stdout } = await run(['explain', token, ...options]);
    expect(exitCode).toBe(1);
    expect(linesAbout('key', stdout)).toMatch(/ECONNREFUSED[\s\S]*check http:\/\/127/);
    expect(stdout).toContain('Cannot be verified right now: metadata_unavailable.');
    expect(stdout).toContain('  HTTP 503\n  Retry-After: 1\n');
    const document = JSON.parse((await run(['explain', token, ...options, '--json'])).stdout);
    expect(document).toMatchObject({ outcome: 'unavailable', reason: 'metadata_unavailable' });
  });

  it.each([
    ['--jwks-uri', `${ISSUER.replace('https', 'http')}/jwks`],
    ['--metadata-url', `${ISSUER.replace('https', 'http')}/metadata`],
  ])('and repeats %s in the command that it advises', async (flag, url) => {
    const fetch = () => Promise.reject(new TypeError('fetch failed'));
    const flags = [flag, url, '--timeout', '7', '--allow-insecure-requests'];
    const { stdout } = await run(['explain', tokenWith(), ...usual, ...flags], { fetch, clock: () => START });
    expect(linesAbout('key', stdout)).toContain(
      `npx oauth-resource-server check ${ISSUER} ${flag}=${url} --timeout=7 --allow-insecure-requests`,
    );
  });

  it.each([
    [{ keys: [] }, 'jwks_invalid'],
    [{ keys: 7 }, 'no "keys" array'],
  ])('and says what is wrong with its keys: %j', async (keys, words) => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([]);
    issuer.script(paths.jwks, json(keys));
    const claims = { iss: issuer.url, exp: Math.floor(Date.now() / 1000) + 60 };
    const { exitCode, stdout } = await run([
      'explain',
      tokenWith(claims),
      '--issuer',
      issuer.url,
      '--audience',
      AUDIENCE,
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain(words);
  });

  it('until it is interrupted', async () => {
    const issuer = await startMisbehavingIssuer();
    const controller = new AbortController();
    issuer.script(paths.oauth, () => controller.abort());
    const claims = { iss: issuer.url, exp: Math.floor(Date.now() / 1000) + 60 };
    const args = ['explain', tokenWith(claims), '--issuer', issuer.url, '--audience', AUDIENCE];
    const { exitCode, stdout } = await run(args, { signal: controller.signal });
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
    expect(issuer.requests).toHaveLength(1);
  });

  it('for no longer than allowed', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, () => undefined);
    issuer.script(paths.openid, status(500));
    const claims = { iss: issuer.url, exp: Math.floor(Date.now() / 1000) + 60 };
    const args = [
      'explain',
      tokenWith(claims),
      '--issuer',
      issuer.url,
      '--audience',
      AUDIENCE,
      '--timeout',
      '0.05',
    ];
    expect((await run(args)).stdout).toContain('no keys of the issuer: time-out');
  });
});

describe('explain takes the options of the resource server:', () => {
  it('an issuer that is no https URL, if its keys are given', async () => {
    const issuer = 'http://issuer.example.com';
    const explainPlain = (...more: readonly string[]) =>
      run(['explain', tokenWith({ iss: issuer }), '--issuer', issuer, '--audience', AUDIENCE, ...more], {
        clock: () => START,
      });
    expect((await explainPlain()).exitCode).toBe(2);
    expect((await explainPlain('--jwks', jwks)).exitCode).toBe(0);
  });

  it.each<[string, object, readonly string[], number]>([
    ['a tolerance', { exp: NOW - 200 }, ['--clock-tolerance', '300'], 0],
    ['another audience', { aud: 'other' }, ['--audience', 'other'], 0],
    ['the algorithms', {}, ['--algorithm', 'RS256', '--algorithm', 'PS256'], 1],
    [
      'where the scopes are',
      { scp: ['a', 'b'] },
      ['--scope-claim', 'scp', '--scope', 'a', '--scope', 'b'],
      0,
    ],
    ['clients of tokens without audience', { aud: undefined }, ['--client-id', 'order-service'], 0],
    [
      'where the client is',
      { aud: undefined, client_id: undefined, azp: 'x' },
      ['--client-id', 'x', '--client-id-claim', 'azp'],
      0,
    ],
  ])('%s', async (_what, claims, more, exitCode) => {
    expect((await explain(tokenWith(claims), more)).exitCode).toBe(exitCode);
  });
});

describe('explain, of a token that may be something else than an access token,', () => {
  const own = { typ: 'JWT' };
  const lines = async (claims: object, more: readonly string[] = [], header: object = own) =>
    (await explain(tokenWith(claims, header), more)).stdout;

  it('advises nothing that weakens a check if nothing but the audience marks it', {
    tags: ['ATP-17'],
  }, async () => {
    const claims = { aud: 'web', azp: 'web', client_id: 'web', scope: 'read:inventory' };
    const about = linesAbout('token_kind', await lines(claims, ['--audience', 'web']));
    expect(about).toContain('Its only audience is its own client, as in an ID token. Send the access token');
    const { exitCode } = await explain(tokenWith(claims, own), [
      ...['--audience', 'web', '--audience-may-be-client'],
    ]);
    expect(exitCode).toBe(0);
  });

  it('looks at the kind of an ID token before its audience', { tags: ['ATP-17'] }, async () => {
    const token = tokenWith(
      { aud: 'web', azp: 'web', nonce: 'n', scope: undefined, client_id: undefined },
      own,
    );
    const { stdout } = await explain(token);
    expect(stdout).toContain('Refused: not_an_access_token.');
    expect(stdout.indexOf('✗ token_kind')).toBeLessThan(stdout.indexOf('✗ aud'));
    expect(linesAbout('token_kind', stdout)).toContain('Send the access token, not the ID token');
  });

  it.each<[string, object, object, readonly string[]]>([
    ['an ID token', { aud: 'web', azp: 'web', nonce: 'n' }, own, []],
    ['a token for its client', { aud: 'web', client_id: 'web' }, own, []],
    ['a token for another API', { aud: 'https://billing.example.com' }, {}, []],
    ['a token for nobody', { aud: undefined }, {}, []],
    ['a token of another type', {}, own, ['--token-type', 'at+jwt']],
    ['a token without its claims', { jti: undefined, sub: undefined }, {}, ['--token-type', 'at+jwt']],
    ['a token from the future', { iat: NOW + 600, nbf: NOW + 600 }, {}, []],
    ['a token without scope and client', { scope: undefined, client_id: undefined, azp: 'web' }, own, []],
  ])('advises nothing that weakens a check for %s', async (_what, claims, header, more) => {
    const fixes = (await lines(claims, more, header)).split('\n').filter((line) => /^ {2}fix/.test(line));
    expect(fixes).not.toEqual([]);
    expect(fixes.join('\n')).not.toMatch(
      /audienceMayBeClient|audience-may-be|mayBeAbsent|may-be-absent|tolerance|tokenType|token-type|claim azp|configure the audience/i,
    );
  });

  it.each([{ nonce: 'n' }, { at_hash: 'a' }])('still calls it an ID token with %j', async (mark) => {
    const stdout = await lines({ aud: 'web', client_id: 'web', ...mark }, ['--audience', 'web']);
    expect(linesAbout('token_kind', stdout)).toContain('Send the access token');
    expect(linesAbout('token_kind', stdout)).not.toContain('audienceMayBeClient');
  });

  it('takes the nonce of a login for harmless where the issuer puts it into access tokens', async () => {
    const claims = { client_id: undefined, azp: 'web', scp: 'read:inventory', nonce: 'n' };
    expect(linesAbout('token_kind', await lines(claims))).toContain('✗ token_kind');
    expect(linesAbout('token_kind', await lines(claims, ['--nonce-may-be-present']))).toContain(
      '✓ token_kind',
    );
  });

  it("takes Keycloak's older access tokens for what they are, in spite of their nonce", async () => {
    const claims = { client_id: undefined, azp: 'web', nonce: 'n' };
    expect(linesAbout('token_kind', await lines({ ...claims, typ: 'Bearer' }))).toContain('✓ token_kind');
    expect(linesAbout('token_kind', await lines({ ...claims, typ: 'ID' }))).toContain('"typ": "ID"');
  });

  it("says that azp alone doesn't mark an access token", { tags: ['ATP-17'] }, async () => {
    const claims = { client_id: undefined, azp: 'order-service' };
    const about = linesAbout('token_kind', await lines(claims));
    expect(about).toContain('neither scope nor client');
    expect(about).toContain('"azp" does not count: ID tokens have it too.');
    const accepted = await lines(claims, ['--client-id-claim', 'azp']);
    expect(linesAbout('token_kind', accepted)).toBe('✓ token_kind      with "azp"');
  });

  it.each([
    ['typ', 'Refresh'],
    ['token_type', 'refresh_token'],
    ['type', 'id'],
  ])('says what "%s": "%s" means, whatever the type in the header', async (name, value) => {
    for (const header of [own, {}]) {
      const about = linesAbout('token_kind', await lines({ [name]: value, scope: 'a' }, [], header));
      expect(about).toContain(`✗ token_kind      "${name}": "${value}"`);
      expect(about).toContain(`by its "${name}" this is another token`);
    }
  });
});
