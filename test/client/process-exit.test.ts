import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createClientCertificate } from '../../src/testing/index.js';
import { hang, status } from '../support/misbehaving-issuer.js';
import { pemOf, startTlsServer } from '../support/tls-server.js';
import { grants, startTokenEndpoint, type TokenEndpoint } from './support/token-endpoint.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'client-process-exit-'));
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: fileURLToPath(new URL('../../src/client/index.ts', import.meta.url)),
      outDir: folder,
      emptyOutDir: true,
      rollupOptions: { output: { entryFileNames: 'package.mjs' } },
    },
  });
  // Elsewhere, so that only this one finds the optional package.
  await mkdir(join(folder, 'with-undici/node_modules'), { recursive: true });
  await copyFile(join(folder, 'package.mjs'), join(folder, 'with-undici/package.mjs'));
  const undici = fileURLToPath(new URL('../../node_modules/undici', import.meta.url));
  await symlink(undici, join(folder, 'with-undici/node_modules/undici'));
});

afterAll(() => rm(folder, { recursive: true }));

/**
 * Runs a module in a process of its own, where `client` gets tokens. Resolves with the exit code and what it
 * printed.
 */
function run(
  endpoint: Pick<TokenEndpoint, 'url'>,
  options: object,
  code: string,
  file = 'package.mjs',
): Promise<{ exitCode: number | null; output: string }> {
  const given = {
    tokenEndpoint: endpoint.url,
    clientId: 'order-service',
    clientSecret: 'secret',
    ...options,
  };
  const module = `
    import { createClientCredentials } from ${JSON.stringify(pathToFileURL(join(folder, file)))};
    let now = Date.now();
    const given = ${JSON.stringify(given)};
    const client = createClientCredentials({ ...given, clock: () => now, random: () => 0.9 });
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', module], { timeout: 10_000 });
  return new Promise((resolve) => {
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('close', (exitCode) => resolve({ exitCode, output: Buffer.concat(output).toString() }));
  });
}

describe('a process with a client that nobody closes', { timeout: 20_000 }, () => {
  it('ends when it has nothing else to do', async () => {
    const endpoint = await startTokenEndpoint();
    const code = 'console.log((await client.getToken()).accessToken);';
    expect(await run(endpoint, {}, code)).toEqual({ exitCode: 0, output: 'token-1\n' });
  });

  it('ends while a renewal in the background has failed and another attempt is due', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(grants(), (response) => {
      response.setHeader('Retry-After', '30');
      status(503)(response);
    });
    const code = `
      await client.getToken();
      now += 590_000;
      console.log((await client.getToken()).accessToken);`;
    const done = run(endpoint, { timeoutSeconds: 60 }, code);
    expect(await done).toEqual({ exitCode: 0, output: 'token-1\n' });
    expect(endpoint.requests).toHaveLength(2);
  });

  it('ends at the time limit at the latest when the authorization server hangs', async () => {
    const endpoint = await startTokenEndpoint();
    endpoint.script(hang);
    const code = 'client.getToken().catch((error) => console.log(error.reason));';
    expect(await run(endpoint, { timeoutSeconds: 0.2 }, code)).toEqual({ exitCode: 0, output: 'timeout\n' });
  });

  it('does not end while it waits for another attempt', async () => {
    const endpoint = await startTokenEndpoint();
    // The connection does not keep the process alive between two attempts.
    endpoint.script((response) => {
      response.shouldKeepAlive = false;
      status(503)(response);
    }, grants());
    const code = 'console.log((await client.getToken()).accessToken);';
    expect(await run(endpoint, {}, code)).toEqual({ exitCode: 0, output: 'token-1\n' });
  });

  it("doesn't end if a caller joins a renewal that waits for another attempt", async () => {
    const endpoint = await startTokenEndpoint();
    const failing = (response: Parameters<typeof hang>[0]): void => {
      response.shouldKeepAlive = false;
      status(503)(response);
    };
    endpoint.script(grants(), failing, grants());
    const code = `
      const { subscribe } = await import('node:diagnostics_channel');
      await client.getToken();
      const failed = new Promise((resolve) => {
        subscribe('oauth-resource-server:client', ({ event }) => event === 'failed' && setImmediate(resolve));
      });
      now += 590_000;
      await client.getToken();
      await failed;
      now += 10_000;
      console.log((await client.getToken()).accessToken);`;
    const done = run(endpoint, { timeoutSeconds: 60 }, code);
    expect(await done).toEqual({ exitCode: 0, output: 'token-1\n' });
    expect(endpoint.requests).toHaveLength(3);
  });

  it.each([
    ['a function for the secret', 'clientSecret', 'credential_unavailable'],
    ['a fetch of the application', 'fetch', 'timeout'],
  ])("doesn't end while a caller waits for %s that hangs", async (_what, option, reason) => {
    const endpoint = await startTokenEndpoint();
    const code = `
      const hanging = { ...given, timeoutSeconds: 0.2, ${option}: () => new Promise(() => {}) };
      createClientCredentials(hanging).getToken().catch((error) => console.log(error.reason));`;
    expect(await run(endpoint, {}, code)).toEqual({ exitCode: 0, output: `${reason}\n` });
  });

  it('ends when the only caller stops waiting', async () => {
    const endpoint = await startTokenEndpoint();
    const code = `
      const hanging = { ...given, timeoutSeconds: 60, fetch: () => new Promise(() => {}) };
      const signal = AbortSignal.timeout(50);
      createClientCredentials(hanging).getToken({ signal }).catch(({ name }) => console.log(name));`;
    expect(await run(endpoint, {}, code)).toEqual({ exitCode: 0, output: 'TimeoutError\n' });
  });

  it('ends with open connections that have shown a certificate', async () => {
    const { origin, close } = await startTlsServer((request, response) => {
      const { url } = request;
      request.resume().on('end', () => {
        if (url === '/token') grants()(response);
        else response.end('ok');
      });
    });
    onTestFinished(close);
    const certificate = pemOf(await createClientCertificate());
    const options = { certificate, clientSecret: undefined, origins: [origin] };
    const code = `console.log(await (await client.fetch(${JSON.stringify(origin)})).text());`;
    const done = run({ url: `${origin}/token` }, options, code, 'with-undici/package.mjs');
    expect(await done).toEqual({ exitCode: 0, output: 'ok\n' });
  });
});

it("doesn't keep the token of a caller once its exchange has succeeded or failed", {
  tags: ['OPS-02'],
  timeout: 20_000,
}, async () => {
  const endpoint = await startTokenEndpoint();
  const code = `
    import { getHeapSnapshot } from 'node:v8';
    import { createTokenExchange } from ${JSON.stringify(pathToFileURL(join(folder, 'package.mjs')))};
    // Made here, so that no source has the texts that are looked for.
    const make = (mark, number) => Buffer.from(mark).toString('base64url') + '-' + number + '-' + 'q'.repeat(30);
    const pattern = (mark) => new RegExp(Buffer.from(mark).toString('base64url') + '-[0-9]-q{30}', 'g');
    let issued = 0;
    let error = 'invalid_grant';
    const exchange = createTokenExchange({
      tokenEndpoint: 'https://auth.example.com/token',
      clientId: 'inventory-service',
      clientSecret: 'secret',
      random: () => 0,
      origins: ['https://warehouse.example.com'],
      fetch: async (url) => String(url).startsWith('https://auth.example.com')
        ? issued === 5
          ? Response.json({ error }, { status: 400 })
          : Response.json({ access_token: make('issued', ++issued), token_type: 'Bearer', expires_in: 600 })
        : new Response('ok'),
    });
    const call = async (caller) => {
      const api = exchange.for({ token: make('subject', caller), expiresAt: Date.now() / 1000 + 900 });
      await (await api.fetch('https://warehouse.example.com')).text();
    };
    for (let caller = 0; caller < 5; caller += 1) await call(caller);
    await call(5).catch(({ reason }) => console.log(reason));
    error = 'server_error';
    await call(6).catch(({ reason }) => console.log(reason));
    /nothing/.test('nothing'); // V8 remembers the last text that matched
    await new Promise((resolve) => setImmediate(resolve));
    const chunks = [];
    for await (const chunk of getHeapSnapshot()) chunks.push(chunk); // after a garbage collection
    const heap = Buffer.concat(chunks).toString();
    const count = (mark) => new Set(heap.match(pattern(mark))).size;
    console.log(count('issued'), count('subject'), exchange.origins.length);`;
  expect(await run(endpoint, {}, code)).toEqual({
    exitCode: 0,
    output: 'subject_refused\nserver_error\n5 0 1\n',
  });
});

it('says what to install if a certificate is given and undici is missing', async () => {
  const endpoint = await startTokenEndpoint();
  const certificate = pemOf(await createClientCertificate());
  const code = `client.getToken().catch(({ reason, detail }) => console.log(reason, detail));`;
  const { output } = await run(endpoint, { certificate, clientSecret: undefined }, code);
  expect(output).toBe(
    'credential_unavailable the option certificate: it needs the package undici, which cannot be loaded: ' +
      'npm install undici@7\n',
  );
  expect(endpoint.requests).toHaveLength(0);
});
