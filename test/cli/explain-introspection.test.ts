import { describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer, type ListeningIssuer } from '../../src/testing/index.js';
import { getToken, inventory, start } from '../dev-issuer/support.js';
import { json, startMisbehavingIssuer, status } from '../support/misbehaving-issuer.js';
import { startOidcProvider } from './oidc-provider.js';
import { run, type Surroundings } from './run-program.js';

const AUDIENCE = 'https://inventory.example.com';
const SECRET = 'S3cr3t-of-the-API';
const TOKEN = 'opaque-0123456789';
const START = Date.parse('2030-01-01T00:00:00Z');
const credentials = ['--introspection-client', 'inventory-api', '--client-secret-env', 'API_SECRET'];

interface Step {
  readonly step: string;
  readonly status: string;
  readonly reason: string | null;
  readonly actual: string | null;
  readonly fix: string | null;
}

interface Document {
  readonly outcome: string;
  readonly reason: string | null;
  readonly steps: readonly Step[];
}

async function explain(
  token: string,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<Document & { readonly exitCode: number }> {
  const env = { API_SECRET: SECRET };
  const { exitCode, stdout, stderr } = await run(['explain', '--json', ...args, '--', token], {
    env,
    ...surroundings,
  });
  expect(stderr).toBe('');
  expect(stdout).not.toContain(SECRET);
  expect(stdout).not.toContain(token);
  return { exitCode, ...JSON.parse(stdout) };
}

const step = ({ steps }: Document, name: string): Step | undefined => steps.find((one) => one.step === name);

describe('explain, of an opaque token without credentials,', () => {
  const usual = ['--issuer', 'https://auth.example.com', '--audience', AUDIENCE];
  const fetch = () => Promise.reject(new Error('somebody was asked'));

  it.each([TOKEN, 'ory_at_0123456789.abcdef', 'abcd.efgh.ijkl', 'abc/def+ghi'])(
    'says how to configure introspection: %s',
    async (token) => {
      const document = await explain(token, usual, { fetch });
      expect(document).toMatchObject({ exitCode: 1, reason: 'malformed_token' });
      const failed = document.steps.find(({ status: is }) => is === 'failed');
      expect(failed?.fix).toMatch(/option introspection.*--introspection-client.*--client-secret-env/);
    },
  );

  it.each(['eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9', 'eyJhbGciOiJSUzI1NiJ9.e30'])(
    'tells it from a JWT that was cut off: %s',
    async (token) => {
      const document = await explain(token, usual, { fetch });
      expect(step(document, 'structure')?.fix).toMatch(/cut off/);
      expect(step(document, 'structure')?.fix).not.toContain('introspection');
    },
  );
});

/** Explains an opaque token of which the issuer says this, at a time that stands still. */
async function explainAnswer(answer: object, more: readonly string[] = [], code = 200) {
  const issuer = await startMisbehavingIssuer();
  issuer.script('/introspect', code === 200 ? json(answer) : status(code, answer));
  const endpoint = ['--introspection-endpoint', `${issuer.url}/introspect`];
  const args = ['--issuer', issuer.url, '--audience', AUDIENCE, ...credentials, ...endpoint, ...more];
  const document = await explain(TOKEN, args, { clock: () => START });
  return { document, asked: issuer.count('/introspect') };
}

const usual = {
  active: true,
  aud: AUDIENCE,
  client_id: 'order-service',
  scope: 'read:inventory',
  exp: START / 1000 + 60,
  token_type: 'Bearer',
};

describe('explain, of an opaque token with credentials,', () => {
  it('asks once, and shows what the issuer says', { tags: ['INT-04'] }, async () => {
    const { document, asked } = await explainAnswer(usual, ['--scope', 'read:inventory']);
    expect(document).toMatchObject({ exitCode: 0, outcome: 'accepted', reason: null });
    expect(document.steps.map(({ step: name, actual }) => [name, actual])).toEqual([
      ['credentials', 'Bearer and a token of 17 characters'],
      ['size', '17 of at most 16384 characters'],
      ['structure', 'opaque: the issuer is asked about it'],
      ['introspection', 'active, says the issuer'],
      ['claim_types', 'registered claims have the right types'],
      ['iss', 'none, and an answer needs none'],
      ['token_kind', '"token_type": "Bearer"'],
      ['exp', '2030-01-01T00:01:00Z, in 1 min'],
      ['nbf', 'none'],
      ['iat', 'none'],
      ['aud', `"${AUDIENCE}"`],
      ['cnf', 'not bound to a key'],
      ['scope', '"read:inventory"'],
    ]);
    expect(asked).toBe(1);
  });

  it.each<[string, object, string, string, string, (readonly string[])?]>([
    ['is not active', { active: false }, 'introspection', 'token_inactive', 'expired, was revoked'],
    [
      'is of another issuer',
      { ...usual, iss: 'https://x.example' },
      'iss',
      'iss_mismatch',
      'Configure the issuer',
    ],
    ['has an exp that is a text', { ...usual, exp: 'soon' }, 'claim_types', 'invalid_claim', 'claim mapping'],
    ['expired', { ...usual, exp: START / 1000 - 60 }, 'exp', 'expired', 'new token'],
    ['has no exp', { ...usual, exp: undefined }, 'exp', 'missing_claim', 'exp'],
    ['is for another API', { ...usual, aud: 'https://b.example' }, 'aud', 'aud_mismatch', 'ask the issuer'],
    ['is for nobody', { ...usual, aud: undefined }, 'aud', 'aud_mismatch', 'clientIds (--client-id)'],
    [
      'is a refresh token',
      { ...usual, token_use: 'refresh_token' },
      'token_kind',
      'not_an_access_token',
      'refresh',
    ],
    [
      'is of another type',
      { ...usual, token_type: 'mac' },
      'token_kind',
      'token_type_mismatch',
      'access token',
    ],
    [
      'is bound to a key',
      { ...usual, cnf: { 'x5t#S256': 'a' } },
      'cnf',
      'unsupported_confirmation',
      'mutual TLS',
    ],
    ['lacks a scope', usual, 'scope', 'insufficient_scope', '"write:orders"', ['--scope', 'write:orders']],
  ])('says what is wrong with one that %s', async (_what, answer, name, reason, fix, more = []) => {
    const { document } = await explainAnswer(answer, more);
    expect(document).toMatchObject({ exitCode: 1, outcome: 'refused', reason });
    const [first] = document.steps.filter(({ status: is }) => is === 'failed');
    expect(first).toMatchObject({ step: name, reason });
    expect(first?.fix).toContain(fix);
  });

  it.each<[string, object, readonly string[], string]>([
    ['aud', { ...usual, aud: undefined }, ['--may-be-absent', 'aud'], 'none, and it may be absent'],
    [
      'aud',
      { ...usual, aud: undefined },
      ['--client-id', 'order-service'],
      'none, but the client is "order-service"',
    ],
    [
      'exp',
      { ...usual, exp: undefined },
      ['--may-be-absent', 'exp'],
      'none; it is asked about again after 30 s',
    ],
  ])('accepts answers without %s as configured', async (name, answer, more, actual) => {
    const { document } = await explainAnswer(answer, more);
    expect(document.exitCode).toBe(0);
    expect(step(document, name)).toMatchObject({ status: 'passed', actual });
  });

  it.each<[number, object, string, RegExp]>([
    [401, { error: 'invalid_client' }, 'introspection_auth_failed', /id and secret/],
    [404, {}, 'introspection_unavailable', /introspection endpoint/],
    [400, { error: 'invalid_request' }, 'introspection_unavailable', /parameters/],
    [502, {}, 'introspection_unavailable', /log/],
  ])('says why there is no answer: %d', async (code, answer, reason, fix) => {
    const { document } = await explainAnswer(answer, [], code);
    expect(document).toMatchObject({ exitCode: 1, outcome: 'unavailable', reason });
    expect(step(document, 'introspection')?.fix).toMatch(fix);
  });

  it('still explains a JWT by its signature, and asks nobody about it', async () => {
    const issuer = await start();
    const args = ['--issuer', issuer.issuer, '--audience', inventory, ...credentials];
    const { exitCode, steps } = await explain(await getToken(issuer), args);
    expect(exitCode).toBe(0);
    expect(steps.map(({ step: name }) => name)).not.toContain('introspection');
  });

  it('says of a JWT whose issuer has no keys how it can be verified', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script('/introspect', json({ active: true }));
    const endpoint = ['--introspection-endpoint', `${issuer.url}/introspect`];
    const claims = { iss: issuer.url, aud: AUDIENCE, exp: START, scope: 'a' };
    const segments = [{ alg: 'RS256' }, claims, 'x'].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    const args = ['--issuer', issuer.url, '--audience', AUDIENCE, ...credentials, ...endpoint];
    const document = await explain(segments.join('.'), args);
    expect(document.reason).toBe('no_matching_key');
    expect(step(document, 'key')?.fix).toContain("tokens: ['opaque', 'jwt']");
  });
});

it('explains an opaque token of a real authorization server', async () => {
  const client = { id: 'inventory-api', secret: SECRET };
  const issuer = await startOidcProvider(client);
  const granted = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const { access_token: token } = (await granted.json()) as { access_token: string };
  const args = ['--issuer', issuer, '--audience', AUDIENCE, ...credentials];
  const refused = await explain(token, args);
  expect(refused).toMatchObject({ exitCode: 1, reason: 'aud_mismatch' });
  expect(step(refused, 'introspection')).toMatchObject({ status: 'passed' });
  expect(step(refused, 'aud')?.fix).toContain('docs/introspection.md');
  expect(await explain(token, [...args, '--may-be-absent', 'aud'])).toMatchObject({ exitCode: 0 });
  const checked = await run(['check', issuer, ...credentials], { env: { API_SECRET: SECRET } });
  expect(checked.exitCode).toBe(0);
  expect(checked.stdout).toContain('a made-up token is not active');
});

/** The decision is the verifier's: whatever the answer, both say the same. */
it('never disagrees with the verifier about an opaque token', { timeout: 30_000 }, async () => {
  const issuer: ListeningIssuer = await (await createTestIssuer({ audience: AUDIENCE })).listen();
  onTestFinished(issuer.close);
  const { clientId, clientSecret = '' } = issuer.introspectionOptions.issuer.introspection;
  const tokens = [
    issuer.opaqueToken(),
    issuer.opaqueToken({ scope: 'read:inventory' }),
    issuer.opaqueToken({ aud: 'https://b.example' }),
    issuer.opaqueToken({ aud: [] }),
    issuer.opaqueToken({ aud: undefined }),
    issuer.opaqueToken({ exp: 0 }),
    issuer.opaqueToken({ exp: 'x' }),
    issuer.opaqueToken({ iss: 'https://b.example', aud: 'c' }),
    issuer.opaqueToken({ nbf: 99999999999 }),
    issuer.opaqueToken({ iat: 99999999999 }),
    issuer.opaqueToken({ client_id: 7 }),
    issuer.opaqueToken({ token_use: 'refresh' }),
    issuer.opaqueToken({ token_type: 'DPoP' }),
    issuer.opaqueToken({ typ: 'Refresh' }),
    issuer.opaqueToken({ cnf: { jkt: 'x' }, token_type: 'DPoP' }),
    'unknown',
    'a,b',
    'x'.repeat(16_385),
  ];
  const server = createResourceServer({ ...issuer.introspectionOptions, dpop: 'off' });
  onTestFinished(() => server.close());
  for (const token of tokens) {
    const decision = await server.authenticate(
      new Request('https://api.example.com/', { headers: { authorization: `Bearer ${token}` } }),
    );
    const expected = decision.kind === 'denied' ? decision.error.reason : null;
    const args = ['--issuer', issuer.identifier, '--audience', AUDIENCE];
    const asks = ['--introspection-client', clientId, '--client-secret-env', 'API_SECRET'];
    const document = await explain(token, [...args, ...asks], { env: { API_SECRET: String(clientSecret) } });
    expect([token.slice(0, 20), document.reason]).toEqual([token.slice(0, 20), expected]);
    const [first] = document.steps.filter(({ status: is }) => is === 'failed');
    expect([token.slice(0, 20), first?.reason ?? null]).toEqual([token.slice(0, 20), expected]);
  }
});

describe('explain is used wrongly', () => {
  it.each<[readonly string[], string, string | undefined]>([
    [
      ['x', '--introspection-endpoint', 'https://a.example/i'],
      '--introspection-client is missing',
      undefined,
    ],
    [['x', '--introspection-client', 'api'], 'give one of --client-secret-env', undefined],
    [['x', '--may-be-absent', 'aud'], '--may-be-absent is for tokens that', undefined],
    [['x', ...credentials, '--may-be-absent', 'iss'], '--may-be-absent takes a list of', undefined],
    [['--introspection-client', 'api', '--client-secret-stdin'], 'standard input has the secret', 'secret'],
  ])('by %j', async (args, message, input) => {
    const common = ['--issuer', 'https://auth.example.com', '--audience', AUDIENCE];
    const { exitCode, stderr } = await run(['explain', ...args, ...common], {
      env: { API_SECRET: SECRET },
      input,
    });
    expect({ exitCode }).toEqual({ exitCode: 2 });
    expect(stderr).toContain(message);
  });
});
