import { chmod, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClientCredentials } from '../../src/client/index.js';
import { createResourceServer } from '../../src/index.js';
import { createClientCertificate, createServerCertificate } from '../../src/testing/index.js';
import { readKeysFile } from '../../tools/dev-issuer/index.js';
import { temporaryFolder } from '../dev-issuer/support.js';
import { sendOverTls } from '../support/tls-client.js';
import { type Run, run, type Surroundings } from './run-program.js';

interface Running {
  /** The first line that was printed. */
  readonly firstLine: string;
  /** Ends the command, as Ctrl-C does. */
  end(): Promise<Run>;
}

/** Runs `dev-issuer` until it has printed its first line. */
async function start(args: readonly string[], surroundings: Surroundings = {}): Promise<Running> {
  const controller = new AbortController();
  let finished: Promise<Run> | undefined;
  const firstLine = await new Promise<string>((resolve, reject) => {
    finished = run(['dev-issuer', '--port=0', '--algorithm=ES256', ...args], {
      ...surroundings,
      onLine: resolve,
      signal: controller.signal,
    });
    finished.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  const end = async (): Promise<Run> => {
    controller.abort();
    if (finished === undefined) throw new Error('it was not started');
    return finished;
  };
  onTestFinished(async () => {
    await end();
  });
  return { firstLine, end };
}

/** Writes a configuration file. */
async function configFile(content: unknown): Promise<string> {
  const file = join(await temporaryFolder(), 'dev-issuer.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function urlIn(line: string): string {
  return /^dev-issuer: listening on (http:\/\/\S+)$/.exec(line)?.[1] ?? '';
}

describe('dev-issuer', () => {
  it('prints where it listens in its first line, then what to paste, and ends with 0', async () => {
    const { firstLine, end } = await start([]);
    const issuer = urlIn(firstLine);
    expect(issuer).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const { exitCode, stdout, stderr } = await end();
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const text of [
      'order-service: secret dev-secret, scopes read:inventory write:orders',
      `  const resourceServer = createResourceServer({\n    issuer: '${issuer}',\n    audience: 'https://inventory.example.com',\n  });`,
      `    clientId: 'order-service',\n    clientSecret: 'dev-secret',\n    scope: 'read:inventory write:orders',\n`,
      `  ISSUER=${issuer}\n`,
      `  SCOPE='read:inventory write:orders'\n`,
      `curl -s --user order-service:dev-secret --data-urlencode grant_type=client_credentials`,
      `curl -i -H "Authorization: Bearer $TOKEN"`,
    ])
      expect(stdout).toContain(text);
    await expect(fetch(`${issuer}/jwks`)).rejects.toThrow('fetch failed');
  });

  it('logs each request with its outcome, and nothing with --json', async () => {
    const plain = await start([], { clock: () => Date.parse('2030-01-02T03:04:05') });
    const json = await start(['--json']);
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'read:inventory' });
    for (const issuer of [urlIn(plain.firstLine), JSON.parse(json.firstLine).issuer]) {
      const headers = { Authorization: `Basic ${btoa('order-service:dev-secret')}` };
      await fetch(`${issuer}/token`, { method: 'POST', headers, body: form });
      await fetch(`${issuer}/%1b[31m`);
    }
    expect((await plain.end()).stderr.split('\n')).toEqual([
      '03:04:05  200  POST /token  order-service, client_credentials, scope read:inventory, for https://inventory.example.com',
      '03:04:05  404  GET /…  not_found: there is nothing at this path',
    ]);
    const { stdout, stderr } = await json.end();
    expect([stdout.split('\n').length, stderr]).toEqual([1, '']);
  });

  it('gives out what it says: the settings of API and client fit together', async () => {
    const { firstLine } = await start(['--json']);
    const { issuer, clients } = JSON.parse(firstLine);
    const [{ clientId, clientSecret, scopes, audience }] = clients;
    const client = createClientCredentials({
      issuer,
      clientId,
      clientSecret,
      scope: scopes,
      resource: audience[0],
    });
    const { accessToken } = await client.getToken();
    client.close();
    const server = createResourceServer({ issuer, audience });
    expect(await server.verify(accessToken)).toMatchObject({ clientId, scopes });
    server.close();
  });

  it('prints one line of JSON with --json', async () => {
    const { end } = await start([
      '--json',
      '--client',
      'a:b:read:x write:y',
      '--audience',
      'x',
      '--audience',
      'y',
    ]);
    const { stdout } = await end();
    expect(stdout.split('\n')).toHaveLength(1);
    const { issuer, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      tokenEndpoint: `${issuer}/token`,
      introspectionEndpoint: `${issuer}/introspect`,
      jwksUri: `${issuer}/jwks`,
      clients: [{ clientId: 'a', clientSecret: 'b', scopes: ['read:x', 'write:y'], audience: ['x', 'y'] }],
      pid: process.pid,
    });
  });

  it.each<[name: string, args: readonly string[], clients: unknown]>([
    [
      'id, secret and scopes',
      ['--client=a:b:c:d e:f'],
      [{ clientId: 'a', clientSecret: 'b', scopes: ['c:d', 'e:f'] }],
    ],
    ['id and secret', ['--client=a:b'], [{ clientId: 'a', clientSecret: 'b', scopes: [] }]],
    [
      'an id',
      ['--client=a'],
      [{ clientId: 'a', clientSecret: expect.stringMatching(/^[\w-]{24}$/), scopes: [] }],
    ],
    [
      'id and scopes',
      ['--client=a::c'],
      [{ clientId: 'a', clientSecret: expect.stringMatching(/^[\w-]{24}$/), scopes: ['c'] }],
    ],
    [
      'several, with common scopes',
      ['--client=a:b', '--client=c:d:own', '--scope=x y', '--scope=z'],
      [
        { clientId: 'a', scopes: ['x', 'y', 'z'] },
        { clientId: 'c', scopes: ['own'] },
      ],
    ],
    [
      'scopes only',
      ['--scope=x'],
      [{ clientId: 'order-service', clientSecret: 'dev-secret', scopes: ['x'] }],
    ],
  ])('reads clients from flags: %s', async (_, args, clients) => {
    const { firstLine } = await start(['--json', ...args]);
    expect(JSON.parse(firstLine).clients).toMatchObject(clients as object[]);
  });

  it('takes algorithm, lifetime and host from flags', async () => {
    const { firstLine } = await start(['--json', '--lifetime=60', '--host=localhost']);
    const { issuer } = JSON.parse(firstLine);
    expect(issuer).toMatch(/^http:\/\/localhost:/);
    const settings = JSON.parse(await (await fetch(`${issuer}/dev/settings`)).text());
    expect(settings).toMatchObject({ algorithm: 'ES256', lifetimeSeconds: 60 });
  });

  it('takes the first line of its text for a promise: it answers by then', async () => {
    const { firstLine } = await start([]);
    expect((await fetch(`${urlIn(firstLine)}/jwks`)).status).toBe(200);
  });

  it.each([
    ['an unknown flag', ['--cleint=a'], 'unknown option --cleint; did you mean --client?'],
    ['an argument', ['4400'], 'dev-issuer takes options only'],
    ['a port that is no number', ['--port=http'], '--port takes a number'],
    ['a port beyond all', ['--port=70000'], '--port takes a number from 0 to 65535, got 70000'],
    [
      'every address of the machine',
      ['--host=0.0.0.0'],
      '--host takes localhost, an address of 127.0.0.0/8 or ::1',
    ],
    ['another machine', ['--host=example.com'], 'a development issuer is for one machine'],
    ['a symmetric algorithm', ['--algorithm=HS256'], "--algorithm takes 'RS256' or"],
    ['no lifetime', ['--lifetime=0'], '--lifetime takes a number from 1 to 31536000, got 0'],
    ['a client without id', ['--client=:secret'], '--client takes a non-empty string'],
    ['a scope with a quote', ['--scope="c"'], '--scope takes scopes without quotes'],
    ['a scope of a client with a quote', ['--client=a:b:"c"'], '--client takes a list of scopes'],
    [
      'the same client twice',
      ['--client=a:b', '--client=a:c'],
      '--client names a client that is already listed',
    ],
  ])('refuses %s with 2', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await run(['dev-issuer', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('serves https for clients with certificates, with files beside the configuration', async () => {
    const [server, client] = await Promise.all([createServerCertificate(), createClientCertificate()]);
    const config = await configFile({
      clients: [{ clientId: 'order-service', certificate: 'client.pem', scopes: ['read:inventory'] }],
      tls: { cert: 'server.pem', key: 'server.key', mtlsPort: 0 },
    });
    const texts = [server.certificate, server.privateKey, client.certificate];
    for (const [index, name] of ['server.pem', 'server.key', 'client.pem'].entries())
      await writeFile(join(dirname(config), name), texts[index] ?? '');
    const { firstLine } = await start(['--config', config, '--json']);
    const { issuer, mtlsTokenEndpoint } = JSON.parse(firstLine);
    expect(issuer).toMatch(/^http:/);
    const { origin, pathname: path } = new URL(mtlsTokenEndpoint);
    const { status, body } = await sendOverTls(origin, {
      ...{ path, method: 'POST', certificate: client },
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials&client_id=order-service',
    });
    expect([status, JSON.parse(body).scope]).toEqual([200, 'read:inventory']);
  });

  it('takes nonces, certificate, key and authorities from flags', async () => {
    const { certificate, privateKey } = await createServerCertificate();
    const folder = await temporaryFolder();
    const [cert, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
    await writeFile(cert, certificate);
    await writeFile(key, privateKey);
    const tls = ['--tls-cert', cert, '--tls-key', key];
    const { firstLine } = await start([...tls, '--tls-ca', cert, '--dpop-nonce']);
    expect(firstLine).toMatch(/^dev-issuer: listening on https:\/\/127\.0\.0\.1:\d+$/);
    const { end } = await start([...tls, '--mtls-port', '0']);
    expect((await end()).stdout).toMatch(
      /Clients with certificates get tokens at:\n\n {2}https:\S+\/token\n/,
    );
    for (const [args, message] of [
      [['--tls-key', key], '--tls-cert'],
      [[...tls, '--mtls-port', '70000'], '--mtls-port'],
      [['--tls-cert', key, '--tls-key', key], 'in PEM'],
    ] as const) {
      const { exitCode, stderr } = await run(['dev-issuer', '--port=0', ...args]);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain('PRIVATE');
    }
  });

  it('does not run in production', async () => {
    const { exitCode, stdout, stderr } = await run(['dev-issuer', '--port=0'], {
      env: { NODE_ENV: 'production' },
    });
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'oauth-resource-server: dev-issuer is for development and does not run with NODE_ENV=production',
    });
  });

  it('says that the port is taken', async () => {
    const { firstLine } = await start([]);
    const { exitCode, stderr } = await run(['dev-issuer', '--port', new URL(urlIn(firstLine)).port]);
    expect([exitCode, stderr]).toEqual([
      1,
      'oauth-resource-server: the port is taken; choose another one with --port',
    ]);
  });
});

describe('dev-issuer --config', () => {
  const client = { clientId: 'a', clientSecret: 'b', scopes: ['c'], claims: { tenant: 'acme' } };

  it('reads all of it from a file, and flags go before it', async () => {
    const config = await configFile({ lifetimeSeconds: 60, audience: 'x', clients: [client] });
    const { firstLine } = await start(['--json', '--config', config, '--audience=y']);
    expect(JSON.parse(firstLine).clients).toEqual([
      { clientId: 'a', clientSecret: 'b', scopes: ['c'], audience: ['y'] },
    ]);
    const { firstLine: other } = await start(['--json', '--config', config, '--client=z:z', '--scope=s']);
    expect(JSON.parse(other).clients).toMatchObject([{ clientId: 'z', scopes: ['s'] }]);
  });

  it('lays the flags of TLS over those of the file', async () => {
    const { certificate, privateKey } = await createServerCertificate();
    const config = await configFile({ tls: { cert: 'server.pem', key: 'server.key' } });
    await writeFile(join(dirname(config), 'server.pem'), certificate);
    await writeFile(join(dirname(config), 'server.key'), privateKey);
    const { firstLine } = await start(['--json', '--config', config, '--mtls-port=0']);
    expect(JSON.parse(firstLine).mtlsTokenEndpoint).toMatch(/^https:/);
    const wrong = await run(['dev-issuer', '--config', config, '--mtls-port=70000']);
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--mtls-port takes') });
  });

  it('finds the file for the keys beside it, and keeps tokens valid over a restart', async () => {
    const config = await configFile({ keys: 'dev-keys.json', clients: [client] });
    const idsOf = async (): Promise<unknown> => {
      const { firstLine, end } = await start(['--config', config]);
      const { keys } = JSON.parse(await (await fetch(`${urlIn(firstLine)}/jwks`)).text());
      await end();
      return keys;
    };
    expect(await idsOf()).toEqual(await idsOf());
    expect(await readKeysFile(join(dirname(config), 'dev-keys.json'))).toHaveLength(1);
  });

  it.each<[name: string, content: unknown, message: string]>([
    ['no JSON', '{ "secret": dev-secret }', 'is not JSON'],
    ['a list', [], 'option "options" takes an object'],
    [
      'an unknown member',
      { prot: 4400 },
      'unknown option "prot" in options; did you mean port? Known are host, port,',
    ],
    ['a wrong member', { port: '4400' }, 'option "port" takes a number from 0 to 65535, got string'],
    [
      'a wrong member of a client',
      { clients: [client, { clientId: 'b', scopes: 'x' }] },
      'option "clients[1].scopes" takes a list of scopes',
    ],
    [
      'an unknown member of a client',
      { clients: [{ ...client, secret: 'x' }] },
      'unknown option "secret" in clients[0]',
    ],
    ['an address of another interface', { host: '0.0.0.0' }, 'option "host" takes localhost'],
  ])('refuses %s with 1, naming file and member', async (_, content, message) => {
    const config = await configFile(content);
    const { exitCode, stdout, stderr } = await run(['dev-issuer', '--config', config]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`oauth-resource-server: ${config}`);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('dev-secret');
  });

  it('says that there is no such file', async () => {
    const { exitCode, stderr } = await run(['dev-issuer', '--config', 'nowhere.json']);
    expect([exitCode, stderr]).toEqual([
      1,
      'oauth-resource-server: nowhere.json cannot be read: there is no such file',
    ]);
  });

  it('has no place for common scopes', async () => {
    const config = await configFile({ clients: [client] });
    const { exitCode, stderr } = await run(['dev-issuer', '--config', config, '--scope=x']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--scope is for clients of --client; those of the file have their own');
  });
});

describe('dev-issuer --keys', () => {
  it('warns of keys that others can read', async () => {
    const keys = join(await temporaryFolder(), 'keys.json');
    expect((await (await start(['--keys', keys])).end()).stderr).toBe('');
    await chmod(keys, 0o644);
    expect((await (await start(['--keys', keys])).end()).stderr).toContain(
      'warning: others on this machine can read',
    );
  });

  it("refuses a file that isn't a key file, with 1", async () => {
    const keys = await configFile('{"keys":[]}');
    const { exitCode, stderr } = await run(['dev-issuer', '--port=0', '--keys', keys]);
    expect([exitCode, stderr]).toEqual([1, `oauth-resource-server: ${keys}: "keys" is empty`]);
  });
});
