import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import {
  hang,
  json,
  type MisbehavingIssuer,
  paths,
  startMisbehavingIssuer,
  status,
} from '../support/misbehaving-issuer.js';
import { audience, tokenBy } from '../support/protected-api.js';

let folder: string;
let key: SigningKey;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
  folder = await mkdtemp(join(tmpdir(), 'process-exit-'));
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: fileURLToPath(new URL('../../src/index.ts', import.meta.url)),
      outDir: folder,
      emptyOutDir: true,
      rollupOptions: { output: { entryFileNames: 'package.mjs' } },
    },
  });
});

afterAll(() => rm(folder, { recursive: true }));

/**
 * Runs a module in a process of its own, where `server` protects an API of `issuer`. Resolves with the exit
 * code and what it printed.
 */
function run(
  issuer: MisbehavingIssuer,
  keys: object,
  code: string,
): Promise<{ exitCode: number | null; output: string }> {
  const options = { issuer: issuer.url, audience, keys };
  const module = `
    import { createResourceServer } from ${JSON.stringify(pathToFileURL(join(folder, 'package.mjs')))};
    let now = Date.now();
    const server = createResourceServer({ ...${JSON.stringify(options)}, clock: () => now });
    const token = ${JSON.stringify(tokenBy(key, issuer.url))};
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', module], { timeout: 10_000 });
  return new Promise((resolve) => {
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('close', (exitCode) => resolve({ exitCode, output: Buffer.concat(output).toString() }));
  });
}

describe('a process that uses this package and does not close it', { timeout: 20_000 }, () => {
  it('ends when it has nothing else to do, though a refresh is planned', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([key.jwk]);
    const code = 'for (const _ of [1, 2]) console.log((await server.verify(token)).clientId);';

    expect(await run(issuer, {}, code)).toEqual({ exitCode: 0, output: 'order-service\norder-service\n' });
    expect(issuer.count(paths.jwks)).toBe(1);
  });

  it('ends while an issuer is down and another attempt is planned', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.publish([key.jwk]);
    issuer.script(paths.jwks, json({ keys: [key.jwk] }), status(503));
    const code = 'await server.ready(); now += 700_000; console.log((await server.verify(token)).clientId);';

    expect(await run(issuer, {}, code)).toEqual({
      exitCode: 0,
      output: 'order-service\n',
    });
    expect(issuer.count(paths.jwks)).toBe(2);
  });

  it('hears of it if ready() waits for a function that never answers', async () => {
    const issuer = await startMisbehavingIssuer();
    const code = `
      const jwks = () => new Promise(() => undefined);
      const trusted = { issuer: ${JSON.stringify(issuer.url)}, jwks, keys: { timeoutSeconds: 0.2 } };
      const waiting = createResourceServer({ issuer: trusted, audience: 'x' });
      await waiting.ready().catch((error) => console.log(error.reason));`;
    expect(await run(issuer, {}, code)).toEqual({ exitCode: 0, output: 'jwks_unavailable\n' });
  });

  it('ends at the time limit at the latest when an issuer hangs', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, hang);
    const code = 'server.ready().catch((error) => console.log(error.reason));';

    expect(await run(issuer, { timeoutSeconds: 0.2 }, code)).toEqual({
      exitCode: 0,
      output: 'metadata_unavailable\n',
    });
  });
});
