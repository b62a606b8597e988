import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { ContractSettings, TestIssuer } from '../../src/testing/index.js';
import { bundleServer } from './bundle.js';
import type { RemoteHarness } from './remote.js';
import type { Runtime } from './runtimes.js';
import type { Setup } from './servers/setup.js';
import { startWorkerHarness } from './start-workerd.js';

/** Starts a harness in a runtime: the client of the contract stays here, the server is there. */
export async function startRemote(
  { command, servers }: Runtime,
  framework: string,
  setup: (settings: ContractSettings) => Setup,
): Promise<RemoteHarness> {
  if (servers[framework]?.endsWith('-workerd')) return startWorkerHarness(servers[framework], setup);
  const [program = '', ...options] = command;
  const bundle = await bundleServer(servers[framework] ?? '');
  // A group of its own: what Deno's package starts is a program that starts Deno.
  const child = spawn(program, [...options, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const { url: control, version } = JSON.parse(await firstLine(child));
  return {
    version,
    async start(_options, settings) {
      const response = await fetch(control, { method: 'POST', body: JSON.stringify(setup(settings)) });
      if (!response.ok) throw new Error(await response.text());
      const url = String(await response.json());
      const handled = async () => Number(await (await fetch(`${control}/?url=${url}`)).json());
      return { url, handled, close: async () => undefined };
    },
    close() {
      if (child.pid !== undefined) process.kill(-child.pid);
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the process has no standard output');
  const lines = createInterface(child.stdout);
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code}`);
  });
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => undefined); // when it's told to end
  return String(line);
}

/**
 * What the servers in other processes are told of a test issuer, which is asked over HTTP about opaque
 * tokens.
 */
export async function setupFor(issuer: TestIssuer) {
  const { issuer: trusted, audience } = issuer.options;
  const { endpoint } = issuer.introspectionOptions.issuer.introspection;
  const keys = await (typeof trusted.jwks === 'function' ? trusted.jwks() : trusted.jwks);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const token = Buffer.concat(chunks).toString();
    response.end(JSON.stringify(await endpoint(token)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  const introspection = `http://127.0.0.1:${port}`;
  return {
    of: (settings: ContractSettings) =>
      ({
        ...settings,
        issuer: trusted.issuer,
        audience,
        keys: keys ?? { keys: [] },
        introspection,
      }) satisfies Setup,
    close: () => void server.close(),
  };
}
