import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type ContractSettings, contractSettings } from '../../src/testing/contract/adapter-contract.js';
import { contract } from '../../src/testing/contract/contract.js';
import { bundleServer } from './bundle.js';
import type { RemoteHarness } from './remote.js';
import { workerd } from './runtimes.js';
import type { Setup } from './servers/setup.js';

/** Workers that listen. */
export interface RunningWorkers {
  readonly version: string;
  /** The URLs, in the order of the bindings. */
  readonly urls: readonly string[];
  close(): void;
}

/** From 2026-08-04 on Node's API is there without a flag. */
const COMPATIBILITY_DATE = '2026-11-01';

/**
 * Runs one Worker for each of the bindings, on ports of its own.
 *
 * @param entry of `servers/`
 * @param setups what each Worker has as its binding `setup`
 * @param compatibilityDate what it has of the API of Workers
 */
export async function startWorkers(
  entry: string,
  setups: readonly object[],
  compatibilityDate: string = COMPATIBILITY_DATE,
): Promise<RunningWorkers> {
  const bundle = await bundleServer(entry);
  const config = `${dirname(bundle)}/config.capnp`;
  writeFileSync(config, configuration(setups, compatibilityDate));
  const [program = ''] = workerd.command;
  const child = spawn(program, ['serve', config, '--control-fd=3'], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const close = (): void => void child.kill();
  const urls: string[] = [];
  // The fourth stream is the one that was asked for.
  for await (const line of createInterface(child.stdio[3] as Readable)) {
    const { event, socket, port } = JSON.parse(line);
    if (event === 'listen') urls[Number(socket)] = `http://127.0.0.1:${port}`;
    if (Object.keys(urls).length === setups.length) return { version: COMPATIBILITY_DATE, urls, close };
  }
  throw new Error('workerd ended');
}

/** The harness of Workers: one Worker for each configuration of the contract. */
export async function startWorkerHarness(
  entry: string,
  setup: (settings: ContractSettings) => Setup,
): Promise<RemoteHarness> {
  const configurations = [...new Set(contract.map(({ configuration = 'default' }) => configuration))];
  const setups = configurations.map((configuration) => setup(contractSettings(configuration)));
  const { version, urls, close } = await startWorkers(entry, setups);
  return {
    version,
    async start(_options, { configuration }) {
      const url = urls[configurations.indexOf(configuration)] ?? '';
      const handled = async () => Number(await (await fetch(`${url}/-/handled`)).json());
      return { url, handled, close: async () => undefined };
    },
    close,
  };
}

function configuration(setups: readonly object[], date: string): string {
  const flags = date < '2026-08-04' ? 'compatibilityFlags = ["nodejs_compat"],' : '';
  const names = setups.map((_setup, index) => index);
  const worker = (setup: object, index: number): string =>
    [
      `const worker${index} :Workerd.Worker = (`,
      '  modules = [(name = "server.mjs", esModule = embed "server.mjs")],',
      `  compatibilityDate = "${date}", ${flags}`,
      `  bindings = [(name = "setup", json = ${JSON.stringify(JSON.stringify(setup))})],`,
      '  globalOutbound = "network",',
      ');',
    ].join('\n');
  return [
    'using Workerd = import "/workerd/workerd.capnp";',
    'const config :Workerd.Config = (services = [',
    ...names.map((name) => `  (name = "${name}", worker = .worker${name}),`),
    '  (name = "network", network = (allow = ["private"])),',
    '], sockets = [',
    ...names.map((name) => `  (name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}"),`),
    ']);',
    ...setups.map(worker),
  ].join('\n');
}
