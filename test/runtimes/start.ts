import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { ContractSettings, StartContractServer, TestIssuer } from '../../src/testing/index.js';
import { bundleServer } from './bundle.js';
import { type Runtime } from './runtimes.js';
import type { Setup } from './servers/setup.js';

/** A harness that runs in another process. */
export interface RemoteHarness {
  readonly start: StartContractServer;
  close(): void;
}

/** Starts a harness in a runtime: the client of the contract stays here, the server is there. */
export async function startRemote(
  { command, servers }: Runtime,
  framework: string,
  setup: (settings: ContractSettings) => Setup,
): Promise<RemoteHarness> {
  const [program = '', ...options] = command;
  const bundle = await bundleServer(servers[framework] ?? '');
  const child = spawn(program, [...options, bundle], { stdio: ['pipe', 'pipe', 'inherit'] });
  const control = await firstLine(child);
  return {
    async start(_options, settings) {
      const response = await fetch(control, { method: 'POST', body: JSON.stringify(setup(settings)) });
      if (!response.ok) throw new Error(await response.text());
      const url = String(await response.json());
      const handled = async () => Number(await (await fetch(`${control}/?url=${url}`)).json());
      return { url, handled, close: async () => undefined };
    },
    close: () => void child.kill(),
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

/** What the test issuer knows of opaque tokens, over HTTP. */
export async function serveIntrospection(issuer: TestIssuer): Promise<{ url: string; close: () => void }> {
  const { endpoint } = issuer.introspectionOptions.issuer.introspection;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end(JSON.stringify(await endpoint(Buffer.concat(chunks).toString(), new AbortController().signal)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
