import { afterAll, beforeAll, describe, it } from 'vitest';
import { adapterContract, createTestIssuer } from '../../src/testing/index.js';
import type { RemoteHarness } from './remote.js';
import { keepResults, type Result } from './results.js';
import { runtimes } from './runtimes.js';
import { setupFor, startRemote } from './start.js';

const issuer = await createTestIssuer();
const setup = await setupFor(issuer);
const results: Result[] = [];

/** `RUNTIMES=Bun,Deno` runs these alone. */
const wanted = process.env.RUNTIMES?.split(',') ?? runtimes.map(({ name }) => name);
const places = await Promise.all(
  runtimes
    .filter(({ name }) => wanted.includes(name))
    .flatMap((runtime) => Object.keys(runtime.servers).map((framework) => ({ runtime, framework })))
    .map(async ({ runtime, framework }) => {
      let remote: RemoteHarness | undefined;
      const contract = await adapterContract(
        (options, settings) => {
          if (remote === undefined) throw new Error('the runtime has not started');
          return remote.start(options, settings);
        },
        { issuer, leaveOut: runtime.leaveOut?.[framework] ?? {} },
      );
      const start = async () => {
        remote = await startRemote(runtime, framework, setup.of);
        return remote;
      };
      return { name: `${framework} on ${runtime.name}`, runtime, framework, contract, start };
    }),
);

describe.each(places)('$name', ({ runtime, framework, contract, start }) => {
  let remote: RemoteHarness;
  const failed = new Set<string>();
  beforeAll(async () => {
    remote = await start();
  });
  afterAll(async () => {
    await contract.close();
    remote.close();
    const passed = contract.tests.length - failed.size;
    const { version } = remote;
    const { leftOut } = contract;
    results.push({ runtime: runtime.name, version, framework, passed, failed: failed.size, leftOut });
  });

  for (const { title, run } of contract.tests) {
    it(title, async () => {
      failed.add(title);
      await run();
      failed.delete(title);
    });
  }
});

afterAll(() => {
  setup.close();
  keepResults(results);
});
