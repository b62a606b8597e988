import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type AuthorizationServer, CLIENTS, TOKEN_LIFETIME_SECONDS } from './authorization-server.js';

/**
 * This package's own authorization server for development, started like `npx oauth-resource-server dev-issuer
 * --config … --json`: in a process of its own, so that it can be killed.
 *
 * @param program the module that the command runs
 */
export async function startDevIssuer(program: string = installedProgram()): Promise<AuthorizationServer> {
  const folder = await mkdtemp(join(tmpdir(), 'dev-issuer-'));
  const config = join(folder, 'config.json');
  const keys = join(folder, 'keys.json');
  await writeFile(config, JSON.stringify(configuration(keys)));
  const startAt = (port: string): Promise<Running> =>
    startProgram([program, 'dev-issuer', '--config', config, '--port', port, '--json']);

  let { issuer, child } = await startAt('0').catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    throw error;
  });
  return {
    name: 'dev-issuer',
    issuer,
    async start({ newKey = false } = {}) {
      if (newKey) await rm(keys);
      ({ issuer, child } = await startAt(new URL(issuer).port));
    },
    kill: () => kill(child),
    async close() {
      await kill(child);
      await rm(folder, { recursive: true });
    },
  };
}

/** What `dev-issuer` reads from the file that `--config` names. */
function configuration(keys: string): object {
  const clients = CLIENTS.map(({ api, ...client }) => ({ ...client, audience: api }));
  return { keys, lifetimeSeconds: TOKEN_LIFETIME_SECONDS, clients };
}

/** Where `npx` finds the program. */
function installedProgram(): string {
  const name = 'oauth-resource-server';
  const require = createRequire(import.meta.url);
  const { bin } = require(`${name}/package.json`) as { bin: Record<string, string> };
  return join(dirname(require.resolve(`${name}/package.json`)), bin[name] ?? '');
}

interface Running {
  readonly issuer: string;
  readonly child: ChildProcess;
}

/** Starts the program. Resolves when it has printed where it is. */
async function startProgram(args: readonly string[]): Promise<Running> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const endIt = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', endIt); // it must not outlive the demo, whatever becomes of that
  child.once('exit', () => process.off('exit', endIt));

  for await (const line of createInterface(child.stdout)) {
    const { issuer } = JSON.parse(line) as { issuer: string };
    return { issuer, child };
  }
  await ended(child);
  throw new Error(`the authorization server ended with exit code ${child.exitCode}`);
}

/** Ends the process with SIGKILL: it cannot prepare for it. */
async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
