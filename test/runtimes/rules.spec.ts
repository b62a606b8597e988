import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Algorithm } from '../../src/index.js';
import { adapterContract, createTestIssuer } from '../../src/testing/index.js';
import { bundleServer } from './bundle.js';
import { runtimes, workerd } from './runtimes.js';
import { setupFor } from './start.js';
import { startWorkerHarness, startWorkers } from './start-workerd.js';

const run = promisify(execFile);
const READ = { scope: 'read:inventory' };
const ALGORITHMS: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** One good token and one with another signature, of an issuer for each algorithm. */
const made = await Promise.all(
  ALGORITHMS.map(async (algorithm) => {
    const issuer = await createTestIssuer({ algorithm, issuer: `urn:${algorithm}` });
    const { jwks } = issuer.options.issuer;
    const token = await issuer.token(READ);
    const other = await issuer.token({ ...READ, scope: 'admin' });
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${other.slice(other.lastIndexOf('.') + 1)}`;
    const keys = typeof jwks === 'function' ? await jwks() : jwks;
    return {
      trusted: { issuer: issuer.identifier, jwks: keys },
      audience: issuer.options.audience,
      token,
      forged,
    };
  }),
);
const audience = made[0]?.audience;
const issuers = made.map(({ trusted }) => trusted);
const processes = runtimes.filter(({ name }) => name !== workerd.name);

describe.each(processes)('$name', ({ command }) => {
  const verify = async (tokens: readonly string[], more: readonly string[] = command): Promise<unknown> => {
    const [program = '', ...given] = more;
    const message = JSON.stringify({ options: { issuer: issuers, audience }, tokens });
    const { stdout } = await run(program, [...given, await bundleServer('plain'), message], {
      timeout: 30_000,
    });
    return JSON.parse(stdout);
  };

  it('verifies every algorithm, refuses forged signatures, and ends by itself', async () => {
    expect(await verify(made.map(({ token }) => token))).toEqual(made.map(() => 200));
    const refused = made.map(() => [401, 'signature_invalid']);
    expect(await verify(made.map(({ forged }) => forged))).toEqual(refused);
  });

  it.runIf(command.includes('--allow-all'))(
    'refuses without the permission to read the environment',
    async () => {
      const stranger = await createTestIssuer({ issuer: 'urn:stranger' });
      const strict = command.map((part) => (part === '--allow-all' ? '--no-prompt' : part));
      expect(await verify([await stranger.token()], strict)).toEqual([[401, 'iss_mismatch']]);
    },
  );
});

describe('workerd', () => {
  it('verifies every algorithm, and refuses forged signatures', async () => {
    const { urls, close } = await startWorkers('edge-workerd', [{ issuer: issuers, audience }]);
    onTestFinished(close);
    const send = (sent: string) => fetch(`${urls[0]}/`, { headers: { Authorization: `Bearer ${sent}` } });
    const statuses = await Promise.all(made.map(async ({ token }) => (await send(token)).status));
    expect(Object.fromEntries(ALGORITHMS.map((name, index) => [name, statuses[index]]))).toEqual(
      Object.fromEntries(ALGORITHMS.map((name) => [name, 200])),
    );
    for (const { forged } of made) {
      const refused = await send(forged);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('invalid_token'),
      ]);
    }
  });

  it('refuses what it would need the address of a proxy for, and runs no handler', async () => {
    const issuer = await createTestIssuer();
    const setup = await setupFor(issuer);
    const remote = await startWorkerHarness('fetch-workerd', setup.of);
    onTestFinished(() => {
      remote.close();
      setup.close();
    });
    const { leaveOut } = workerd;
    const left = new Set(Object.keys(leaveOut?.fetch ?? {}));
    const { tests, close } = await adapterContract(remote.start, { issuer });
    const ofProxies = tests.filter(
      ({ title, ids }) => left.has(title) && ids.some((id) => id.startsWith('MTL-')),
    );
    expect(ofProxies.length).toBe(9);
    for (const { title, run: send } of ofProxies)
      await expect(send(), title).rejects.toThrow(/^the (?:status|body): expected .*(?:got 401|another)/s);
    await close();
  });
});
