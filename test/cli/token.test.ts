import { join } from 'node:path';
import { Readable } from 'node:stream';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { Interruption } from '../../tools/cli/program.js';
import { startTokenEndpoint } from '../client/support/token-endpoint.js';
import { billing, inventory, start, temporaryFolder } from '../dev-issuer/support.js';
import { json, status } from '../support/misbehaving-issuer.js';
import { run } from './run-program.js';

const secret = ['--client-secret-env', 'SECRET'];
const env = { SECRET: 'dev-secret' };

describe('token, from an authorization server', () => {
  it('prints the token and nothing else', async () => {
    const { issuer } = await start();
    const args = ['--issuer', issuer, '--client-id', 'order-service', ...secret];
    const { exitCode, stdout, stderr } = await run(
      ['token', ...args, '--scope', 'read:inventory', '--resource', billing],
      { env },
    );
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const server = createResourceServer({ issuer, audience: billing });
    expect(await server.verify(stdout)).toMatchObject({
      clientId: 'order-service',
      scopes: ['read:inventory'],
    });
    server.close();
  });

  it('names the API by the parameter audience too', async () => {
    const { issuer } = await start();
    const args = ['--issuer', issuer, '--client-id', 'order-service', ...secret, '--audience', billing];
    expect(decodeJwt((await run(['token', ...args], { env })).stdout).aud).toBe(billing);
  });

  it('asks a token endpoint for which there is no metadata', async () => {
    const { issuer } = await start();
    const args = ['--token-endpoint', `${issuer}/token`, '--client-id', 'order-service', ...secret];
    const { exitCode, stdout, stderr } = await run(['token', ...args, '--resource', billing], { env });
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(decodeJwt(stdout)).toMatchObject({ iss: issuer, aud: billing, client_id: 'order-service' });
  });

  it('finds the metadata at an unusual place, and still compares the issuer', async () => {
    const endpoint = await startTokenEndpoint();
    const { issuer, url } = endpoint;
    endpoint.page('/odd', json({ issuer, token_endpoint: url }));
    const args = ['--metadata-url', `${issuer}/odd`, '--client-id', 'order-service', ...secret];
    expect(await run(['token', '--issuer', issuer, ...args], { env })).toMatchObject({ stdout: 'token-1' });
    const other = await run(['token', '--issuer', `${issuer}/`, ...args], { env });
    expect([other.exitCode, other.stdout]).toEqual([1, '']);
    expect(other.stderr).toContain('The metadata names another issuer');
    expect([endpoint.others, endpoint.requests.length]).toEqual([['/odd', '/odd'], 1]);
  });

  it('sends further parameters, and the secret as --authentication-method says', async () => {
    const endpoint = await startTokenEndpoint();
    const args = ['--token-endpoint', endpoint.url, '--client-id', 'order-service', ...secret];
    const parameters = ['--parameter', 'tenant=acme & co', '--parameter=expr=a=b', '--parameter', 'n=7'];
    const method = ['--authentication-method', 'client_secret_post'];
    expect((await run(['token', ...args, ...parameters, ...method], { env })).exitCode).toBe(0);
    expect(Object.fromEntries(endpoint.requests[0]?.parameters ?? [])).toEqual({
      grant_type: 'client_credentials',
      tenant: 'acme & co',
      expr: 'a=b',
      n: '7',
      client_id: 'order-service',
      client_secret: 'dev-secret',
    });
  });

  it('asks a server without https if told so, and not for longer than told', async () => {
    const url = 'http://auth.internal:8080/token';
    const args = ['token', '--token-endpoint', url, '--client-id', 'order-service', ...secret];
    const refused = await run(args, { env });
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /--token-endpoint takes .*, got "http:\/\/auth\.internal.* --allow-insecure-requests$/m,
    );

    const endpoint = await startTokenEndpoint();
    const fetch: typeof globalThis.fetch = (_input, init) => globalThis.fetch(endpoint.url, init);
    const allowed = [...args, '--allow-insecure-requests'];
    expect(await run(allowed, { env, fetch })).toMatchObject({ exitCode: 0, stdout: 'token-1' });
    const forever = () => new Promise<never>(() => undefined);
    const late = await run([...allowed, '--timeout', '0.05'], { env, fetch: forever });
    expect(late).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('did not answer in time') });
  });

  it('hints at another method if the secret has characters that Basic encodes', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(status(401, { error: 'invalid_client' }));
    const args = ['--token-endpoint', endpoint.url, '--client-id', 'order-service', ...secret];
    const { exitCode, stderr } = await run(['token', ...args], { env: { SECRET: 'canary+/' } });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/\(invalid_client\): client_secret_basic encodes .* client_secret_post sends/);
    expect(stderr).not.toContain('canary');
  });

  it('prints one line of JSON with --json', async () => {
    const { issuer } = await start();
    const now = Date.parse('2030-01-01T00:00:00Z');
    const args = ['--issuer', issuer, '--client-id', 'order-service', ...secret, '--json'];
    const { stdout } = await run(['token', ...args], { env, clock: () => now });
    const { accessToken, expiresAt, scope } = JSON.parse(stdout);
    expect(stdout.split('\n')).toHaveLength(1);
    expect(accessToken).toMatch(/^eyJ/);
    expect(expiresAt).toBe(now / 1000 + 3600);
    expect(scope).toEqual(['read:inventory', 'write:orders']);
  });

  it.each<[name: string, flags: readonly string[], surroundings: object]>([
    ['the environment', secret, { env }],
    ['standard input', ['--client-secret-stdin'], { input: 'dev-secret\n' }],
    ['the first line of standard input', ['--client-secret-stdin'], { input: 'dev-secret\r\nlogin: x\n' }],
    ['the command line', ['--client-secret', 'dev-secret'], {}],
  ])('takes the secret from %s', async (_, flags, surroundings) => {
    const { issuer } = await start();
    const args = ['token', '--issuer', issuer, '--client-id', 'order-service', ...flags];
    expect((await run(args, surroundings)).exitCode).toBe(0);
  });

  it.each([
    ['a wrong secret', ['--client-id', 'order-service'], 'wrong', 'invalid_client'],
    [
      'a scope that the client may not have',
      ['--client-id', 'order-service', '--scope', 'admin'],
      'dev-secret',
      'invalid_scope',
    ],
    [
      'an API that it may not have',
      ['--client-id', 'order-service', '--resource', 'https://x.example'],
      'dev-secret',
      'invalid_target',
    ],
  ])('ends with 1 for %s, and says why', async (_, flags, SECRET, code) => {
    const { issuer } = await start();
    const { exitCode, stdout, stderr } = await run(['token', '--issuer', issuer, ...flags, ...secret], {
      env: { SECRET },
    });
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^oauth-resource-server: The authorization server refused the request for an access token/,
    );
    expect(stderr).toContain(code);
    expect(stderr).not.toContain(SECRET);
  });

  it('ends with 1 when the authorization server is out of reach', async () => {
    const issuer = await start();
    await issuer.close();
    const url = issuer.issuer;
    const client = ['--client-id', 'order-service', ...secret];
    const { exitCode, stdout, stderr } = await run(['token', '--issuer', url, ...client, '--timeout=7'], {
      env,
    });
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'oauth-resource-server: The metadata of the authorization server cannot be fetched: ' +
        `${url}/.well-known/openid-configuration: ECONNREFUSED. ` +
        `To find out more, run: npx oauth-resource-server check ${url} --timeout=7`,
    );
    const other = await run(['token', '--token-endpoint', `${url}/token`, ...client], { env });
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain(`cannot be reached: ${url}/token: ECONNREFUSED. Is this the address of`);
  });

  it('ends when the user has enough', async () => {
    const controller = new AbortController();
    const fetch: typeof globalThis.fetch = () => {
      controller.abort();
      return new Promise(() => undefined);
    };
    const args = ['token', '--issuer', 'https://auth.example.com', '--client-id', 'a', ...secret];
    expect((await run(args, { env, fetch, signal: controller.signal })).exitCode).toBe(130);
  });

  it.each(['token', 'check', 'explain'])(
    'ends while %s waits for the secret on standard input',
    async (name) => {
      const controller = new AbortController();
      const stdin = new Readable({ read: () => controller.abort(new Interruption(143)) });
      const args: Record<string, readonly string[]> = {
        token: ['--issuer=http://127.0.0.1:1', '--client-id=a'],
        check: ['http://127.0.0.1:1', '--introspection-client=a'],
        explain: ['opaque', '--issuer=http://127.0.0.1:1', '--audience=a', '--introspection-client=a'],
      };
      const flags = [...(args[name] ?? []), '--client-secret-stdin'];
      const ended = await run([name, ...flags], { stdin, signal: controller.signal });
      expect(ended).toEqual({ exitCode: 143, stdout: '', stderr: '' });
      expect(stdin.destroyed).toBe(true);
    },
  );

  it('reads no secret from a terminal, which would show it', async () => {
    const args = ['token', '--issuer', 'http://127.0.0.1:1', '--client-id', 'a', '--client-secret-stdin'];
    const { exitCode, stderr } = await run(args); // without input: a terminal
    expect(exitCode).toBe(2);
    expect(stderr).toContain('standard input is a terminal, which would show the secret');
  });

  it.each<[name: string, args: readonly string[], message: string]>([
    ['nothing', [], 'token needs --issuer and --client-id, or --keys'],
    ['no client', ['--issuer=http://127.0.0.1:1'], 'token needs --issuer and --client-id, or --keys'],
    [
      'no secret',
      ['--issuer=http://127.0.0.1:1', '--client-id=a'],
      'token needs one of --client-secret-env, --client-secret-stdin and --client-secret',
    ],
    [
      'two secrets',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--client-secret=x'],
      'token needs one of',
    ],
    [
      'a variable that is not set',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', '--client-secret-env=OTHER'],
      'there is no secret in the environment variable of --client-secret-env',
    ],
    [
      'an empty standard input',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', '--client-secret-stdin'],
      'there is no secret in standard input',
    ],
    ['an issuer that is no URL', ['--issuer=auth', '--client-id=a', ...secret], '--issuer takes'],
    [
      'an issuer without https',
      ['--issuer=http://auth.example.com', '--client-id=a', ...secret],
      '--issuer takes',
    ],
    [
      'a resource that is no URI',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--resource=inventory'],
      '--resource takes',
    ],
    [
      'a scope with a quote',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--scope="x"'],
      '--scope takes scopes',
    ],
    [
      'several audiences',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--audience=a', '--audience=b'],
      'several --audience are for tokens from --keys',
    ],
    [
      'a claim',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--claim=a=b'],
      '--claim is for tokens from --keys',
    ],
    [
      'a token endpoint without https',
      ['--token-endpoint=http://auth.example.com/token', '--client-id=a', ...secret],
      '--token-endpoint takes',
    ],
    [
      'metadata without an issuer',
      ['--metadata-url=http://127.0.0.1:1/odd', '--client-id=a', ...secret],
      'token needs --issuer and --client-id, or --keys; --token-endpoint can replace --issuer',
    ],
    [
      'metadata beside a token endpoint',
      [
        ...['--issuer=http://127.0.0.1:1', '--token-endpoint=http://127.0.0.1:1/token', '--client-id=a'],
        ...['--metadata-url=http://127.0.0.1:1/odd', ...secret],
      ],
      '--metadata-url does not go with --token-endpoint, which needs no metadata',
    ],
    [
      'a secret with a tab',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', '--client-secret=a\tb'],
      "the client's secret has a control character",
    ],
    [
      'a parameter without a name',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--parameter==eyJ'],
      '--parameter takes name=value',
    ],
    [
      'a parameter without a value',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--parameter=eyJ'],
      '--parameter takes name=value',
    ],
    [
      'a parameter twice',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--parameter=a=1', '--parameter=a=eyJ'],
      '--parameter names a parameter twice',
    ],
    [
      'a parameter with an empty value',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--parameter=a='],
      '--parameter takes a non-empty string',
    ],
    [
      'a parameter that has its own flag',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--parameter=client_secret=eyJ'],
      '--parameter cannot have "client_secret"',
    ],
    [
      'an unknown method',
      ['--issuer=http://127.0.0.1:1', '--client-id=a', ...secret, '--authentication-method=eyJ'],
      "--authentication-method takes 'client_secret_basic' or 'client_secret_post'",
    ],
    ['a token', ['eyJhbGciOiJub25lIn0.e30.'], 'token takes options only'],
  ])('refuses %s with 2', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await run(['token', ...args], { env, input: '' });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('eyJ');
  });
});

describe('token --keys', () => {
  const issuer = 'http://127.0.0.1:4400';

  /** The file of a development issuer, which does not run any more. */
  async function keysFile(): Promise<string> {
    const keys = join(await temporaryFolder(), 'keys.json');
    await (await start({ keys })).close();
    return keys;
  }

  it('makes the token that the development issuer would make', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    const running = await start({ keys });
    const { exitCode, stdout } = await run([
      'token',
      ...['--keys', keys, '--issuer', running.issuer, '--audience', inventory],
      ...['--client-id', 'x', '--scope', 'read:inventory', '--lifetime', '60'],
    ]);
    expect(exitCode).toBe(0);
    expect(decodeProtectedHeader(stdout)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
    const server = createResourceServer({ issuer: running.issuer, audience: inventory });
    const auth = await server.verify(stdout);
    server.close();
    expect(auth).toMatchObject({ clientId: 'x', subject: 'x', scopes: ['read:inventory'] });
    expect(auth.expiresAt - Number(auth.claims.iat)).toBe(60);
  });

  it('overrides claims with JSON or text', async () => {
    const claims = ['tenant=acme', 'level=3', 'id="7"', 'roles=["a","b"]', 'sub=alice', 'text=a=b', 'exp=0'];
    const { stdout } = await run([
      'token',
      ...['--keys', await keysFile(), '--issuer', issuer, '--audience', 'a', '--audience', 'b'],
      ...claims.flatMap((claim) => ['--claim', claim]),
    ]);
    expect(decodeJwt(stdout)).toMatchObject({
      iss: issuer,
      aud: ['a', 'b'],
      client_id: 'order-service',
      tenant: 'acme',
      level: 3,
      id: '7',
      roles: ['a', 'b'],
      sub: 'alice',
      text: 'a=b',
      exp: 0,
    });
    expect(decodeJwt(stdout)).not.toHaveProperty('scope');
  });

  it('prints one line of JSON with --json', async () => {
    const now = Date.parse('2030-01-01T00:00:00Z');
    const args = [
      '--keys',
      await keysFile(),
      '--issuer',
      issuer,
      '--audience',
      'a',
      '--scope',
      'x y',
      '--json',
    ];
    const { stdout } = await run(['token', ...args], { clock: () => now });
    expect(JSON.parse(stdout)).toEqual({
      accessToken: expect.stringMatching(/^eyJ/),
      expiresAt: now / 1000 + 3600,
      scope: ['x', 'y'],
    });
  });

  it.each<[name: string, args: readonly string[], message: string]>([
    ['no issuer', ['--audience=a'], 'a token from --keys needs --issuer and --audience'],
    ['no audience', ['--issuer=x'], 'a token from --keys needs --issuer and --audience'],
    [
      'a secret',
      ['--issuer=x', '--audience=a', '--client-secret=x'],
      '--client-secret is for tokens without --keys',
    ],
    [
      'a parameter',
      ['--issuer=x', '--audience=a', '--parameter=a=b'],
      '--parameter is for tokens without --keys',
    ],
    [
      'a token endpoint',
      ['--issuer=x', '--audience=a', '--token-endpoint=http://127.0.0.1:1'],
      '--token-endpoint is for tokens without --keys',
    ],
    ['a claim without value', ['--issuer=x', '--audience=a', '--claim=admin'], '--claim takes name=value'],
    ['a claim without name', ['--issuer=x', '--audience=a', '--claim==x'], '--claim takes name=value'],
    [
      'a claim twice',
      ['--issuer=x', '--audience=a', '--claim=a=1', '--claim=a=2'],
      '--claim names a claim twice',
    ],
    [
      'a claim with its own flag',
      ['--issuer=x', '--audience=a', '--claim=iss=y'],
      'the claim iss is for --issuer',
    ],
    [
      'a lifetime that is no number',
      ['--issuer=x', '--audience=a', '--lifetime=1h'],
      '--lifetime takes a number',
    ],
    [
      'no lifetime',
      ['--issuer=x', '--audience=a', '--lifetime=0'],
      '--lifetime takes a number from 1 to 31536000, got 0',
    ],
    ['half a second', ['--issuer=x', '--audience=a', '--lifetime=1.5'], '--lifetime takes a whole number'],
    ['an empty issuer', ['--issuer=', '--audience=a'], '--issuer takes a non-empty string'],
    [
      'an empty audience',
      ['--issuer=x', '--audience=a', '--audience='],
      '--audience takes a non-empty string',
    ],
    ['an audience with a line break', ['--issuer=x', '--audience=a\n'], '--audience ends with a line break'],
    [
      'an empty client',
      ['--issuer=x', '--audience=a', '--client-id='],
      '--client-id takes a non-empty string',
    ],
  ])('refuses %s with 2', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await run(['token', '--keys=keys.json', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('ends with 1 when the file is not there', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    const { exitCode, stdout, stderr } = await run(['token', '--keys', keys, '--issuer=x', '--audience=a']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`oauth-resource-server: ${keys}: there is no such file; dev-issuer --keys makes it`);
  });
});
