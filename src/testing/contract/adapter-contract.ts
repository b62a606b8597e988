import { AssertionError } from 'node:assert';
import type { ResourceServerOptions } from '../../index.js';
import { callable, checkNames, text } from '../../lib/check.js';
import { createClientCertificate } from '../certificate.js';
import { createDpopKey } from '../dpop-key.js';
import { createTestIssuer, type TestIssuer } from '../test-issuer.js';
import { type Configuration, contractOptions } from './configurations.js';
import { contract, forgeryRow } from './contract.js';
import { forgedProofRow, forgedRequest } from './dpop-rows.js';
import { expectAnswer, expectEqual, expectSameAsGet } from './expect-answer.js';
import { type RawRequest, send } from './http-client.js';
import type { ContractClient, ContractRow } from './row.js';

/** A client with keys and certificates of its own. */
export async function createContractClient(): Promise<ContractClient> {
  const [key, otherKey, certificate, otherCertificate] = await Promise.all([
    createDpopKey(),
    createDpopKey(),
    createClientCertificate(),
    createClientCertificate(),
  ]);
  return { key, otherKey, certificate, otherCertificate };
}

/** What a server of the contract is told in addition to the options of the resource server. */
export interface ContractSettings {
  /** The name of the options, for messages and for servers in another process: `introspection`. */
  readonly configuration: Configuration;
  /** Whether there's a CORS layer that answers preflights and lets every origin in. */
  readonly hasCors: boolean;
  /** Whether the framework believes `X-Forwarded-Proto` and `X-Forwarded-Host` of a proxy on loopback. */
  readonly trustsProxies: boolean;
}

/** A running server with the routes of the contract. */
export interface ContractServer {
  /** Without a trailing slash: `http://127.0.0.1:49152`. */
  readonly url: string;
  /** How often a handler behind the adapter ran so far. The one of `/public` doesn't count. */
  readonly handled: () => number | Promise<number>;
  close(): Promise<unknown>;
}

/**
 * Starts the routes of the contract on a framework, protected by the adapter under test.
 *
 * @param options of the resource server
 */
export type StartContractServer = (
  options: ResourceServerOptions,
  settings: ContractSettings,
) => ContractServer | Promise<ContractServer>;

/** Options of {@link adapterContract} and {@link proveAdapter}. */
export interface ContractOptions {
  /**
   * Rows that don't apply, by their title or by the name of their configuration, each with the reason:
   * `{ 'trusting proxies': 'the framework has no such setting' }`. They're counted as left out. Default none.
   */
  readonly leaveOut?: Readonly<Record<string, string>>;
  /** The issuer of the tokens. It must have the default audience and client. Default a new one. */
  readonly issuer?: TestIssuer;
}

/** One behavior that every adapter has. */
export interface ContractTest {
  /** The behavior as a sentence. Unique. */
  readonly title: string;
  /** The requirements that it proves, as docs/requirements.md of this package lists them. */
  readonly ids: readonly string[];
  /**
   * Sends a request, and compares the answer.
   *
   * @throws {AssertionError} what was expected, and what came (the promise rejects)
   */
  run(): Promise<void>;
}

/** A row that was declared not to apply. */
export interface LeftOutRow {
  readonly title: string;
  readonly why: string;
}

/** The contract, for one adapter. */
export interface AdapterContract {
  readonly tests: readonly ContractTest[];
  readonly leftOut: readonly LeftOutRow[];
  /** Stops the servers that the tests started. */
  close(): Promise<void>;
}

/** What {@link proveAdapter} found. */
export interface ContractReport {
  /** How many rows the adapter passed. */
  readonly passed: number;
  readonly leftOut: readonly LeftOutRow[];
}

/**
 * What every adapter of this package answers, as tests for yours: more than 500 requests over HTTP, the
 * forgeries of the testing kit among them, each with the status, the challenge and the body that must come
 * back.
 *
 * `start` is called once per set of options, about thirty times. docs/adapters.md lists the routes that it
 * starts.
 *
 * @param start starts the routes of the contract on a framework, protected by the adapter
 * @throws {TypeError} an unknown option, or one of the wrong type; a row to leave out that doesn't exist (the
 *   promise rejects)
 * @example
 * ```ts
 * import { after, test } from 'node:test';
 * import { adapterContract } from 'oauth-resource-server/testing';
 *
 * const contract = await adapterContract(startInventory);
 * for (const { title, run } of contract.tests) test(title, run);
 * after(() => contract.close());
 * ```
 */
export async function adapterContract(
  start: StartContractServer,
  options: ContractOptions = {},
): Promise<AdapterContract> {
  callable(start, 'adapterContract.start');
  checkNames(options, ['leaveOut', 'issuer'], 'adapterContract');
  const { leaveOut = {}, issuer = await createTestIssuer() } = options;
  const client = await createContractClient();
  const rows = [
    ...contract,
    ...(await issuer.forgeries({ scope: 'read:inventory' })).map(forgeryRow),
    ...(await forgedProofRows(issuer)),
  ];

  const started = new Map<Configuration, Promise<ContractServer>>();
  const serverWith = (configuration: Configuration): Promise<ContractServer> => {
    const begin = () => start(contractOptions(configuration, issuer), contractSettings(configuration));
    const server = started.get(configuration) ?? Promise.resolve(begin());
    started.set(configuration, server);
    return server;
  };
  const test = ({ title, ids = [], configuration = 'default', request, expected }: ContractRow) => ({
    title,
    ids,
    configuration,
    async run() {
      const server = await serverWith(configuration);
      const before = await server.handled();
      const response = await send(server.url, await request(issuer, server.url, client));
      expectAnswer(response, expected);
      const isPublic = 'ok' in (expected.body ?? {}) && expected.status === 200;
      const isHandled = response.status < 300 && response.status !== 204 && !isPublic;
      expectEqual('handlers that ran', (await server.handled()) - before, isHandled ? 1 : 0);
    },
  });
  const headTest = (line: string) => ({
    title: `answers HEAD with the fields of GET: ${line}`,
    ids: ['BRR-30'],
    configuration: 'default',
    async run() {
      const { url } = await serverWith('default');
      const get: RawRequest = { path: '/stock/42', headers: [['Authorization', line]] };
      expectSameAsGet(await send(url, { ...get, method: 'HEAD' }), await send(url, get));
    },
  });

  const all = [...rows.map(test), ...['Bearer', 'Bearer abc', 'Basic abc'].map(headTest)];
  checkLeftOut(leaveOut, new Set(all.flatMap(({ title, configuration }) => [title, configuration])));
  const why = ({ title, configuration }: (typeof all)[number]): string | undefined =>
    leaveOut[title] ?? leaveOut[configuration];
  return {
    tests: all.filter((one) => why(one) === undefined).map(({ title, ids, run }) => ({ title, ids, run })),
    leftOut: all.flatMap((one) => {
      const reason = why(one);
      return reason === undefined ? [] : [{ title: one.title, why: reason }];
    }),
    async close() {
      // A server that didn't start failed the tests that wanted it.
      const servers = await Promise.allSettled(started.values());
      for (const server of servers) if (server.status === 'fulfilled') await server.value.close();
    },
  };
}

/**
 * Proves an adapter: runs the whole of {@link adapterContract}, and fails if any answer is wrong.
 *
 * @param start starts the routes of the contract on a framework, protected by the adapter
 * @returns how many rows passed, and which were left out
 * @throws {AssertionError} every row that failed, with what was expected and what came (the promise rejects)
 * @throws {TypeError} see {@link adapterContract}
 * @example
 * ```ts
 * import { proveAdapter } from 'oauth-resource-server/testing';
 *
 * const { passed, leftOut } = await proveAdapter(startInventory);
 * console.log(`${passed} rows, and ${leftOut.length} left out`);
 * ```
 */
export async function proveAdapter(
  start: StartContractServer,
  options: ContractOptions = {},
): Promise<ContractReport> {
  const { tests, leftOut, close } = await adapterContract(start, options);
  const failures: string[] = [];
  try {
    for (const { title, run } of tests) {
      try {
        await run();
      } catch (error) {
        failures.push(`  ${title}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await close();
  }
  if (failures.length === 0) return { passed: tests.length, leftOut };
  const message = [`Of ${tests.length} rows, ${failures.length} failed:`, ...failures].join('\n');
  throw new AssertionError({ message, operator: 'proveAdapter', stackStartFn: proveAdapter });
}

/**
 * Rows for forged proofs. They're made again when the first of them is sent: on a slow machine these would be
 * too old by then.
 */
async function forgedProofRows(issuer: TestIssuer): Promise<readonly ContractRow[]> {
  const forge = () => issuer.dpopForgeries(forgedRequest, { scope: 'read:inventory' });
  let fresh: ReturnType<typeof forge> | undefined;
  return (await forge()).map((forgery, index) => ({
    ...forgedProofRow(forgery),
    async request(...sent) {
      fresh ??= forge();
      return forgedProofRow((await fresh)[index] ?? forgery).request(...sent);
    },
  }));
}

/** What the framework is told in addition to the options. */
export function contractSettings(configuration: Configuration): ContractSettings {
  return {
    configuration,
    hasCors: configuration !== 'without CORS',
    trustsProxies: configuration === 'trusting proxies',
  };
}

function checkLeftOut(leaveOut: Readonly<Record<string, string>>, known: ReadonlySet<string>): void {
  for (const [name, why] of Object.entries(leaveOut)) {
    if (!known.has(name))
      throw new TypeError(
        `the contract has no row and no configuration ${JSON.stringify(name)} to leave out`,
      );
    text(why, `adapterContract.leaveOut['${name}']`);
  }
}
