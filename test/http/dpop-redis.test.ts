import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { channels, type ResourceServerOptions, type WarningMessage } from '../../src/index.js';
import { createRedisReplayStore, type RedisReplayStoreOptions } from '../../src/redis/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { listenTo } from '../support/listen-to.js';
import { type RedisServer, redisProgram, startRedisServer } from '../support/redis-server.js';
import { express5Harness } from './harnesses/express.js';

const BASE_URL = 'https://api.example.com';
const READ = '/stock/42';

describe.runIf(redisProgram !== undefined)('several instances of an API with one Redis server', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer(redisProgram ?? '');
  });

  afterAll(() => redis.close());

  /** A client of its own for each instance, as in different processes. */
  async function connect() {
    const client = createClient({ socket: { path: redis.socket, reconnectStrategy: 20 } });
    client.on('error', () => undefined); // the tests break the connection on purpose
    await client.connect();
    onTestFinished(() => client.destroy());
    return client;
  }

  async function startInstances(count: number, options: RedisReplayStoreOptions = {}) {
    const issuer = await createTestIssuer();
    const key = await createDpopKey();
    const token = await issuer.token({ scope: 'read:inventory', cnf: { jkt: key.thumbprint } });
    const instances = await Promise.all(
      Array.from({ length: count }, async () => {
        const client = await connect();
        const replayStore = createRedisReplayStore(client, options);
        const settings: ResourceServerOptions = {
          ...issuer.options,
          baseUrl: BASE_URL,
          dpop: { replayStore },
        };
        const running = await express5Harness.start(settings);
        onTestFinished(() => running.close());
        return { client, handled: running.handled, url: running.url };
      }),
    );
    return {
      instances,
      headers: () => key.headers({ url: `${BASE_URL}${READ}`, token }),
      /** The status of a request to one of the instances. */
      async get(index: number, headers: Readonly<Record<string, string>>): Promise<number> {
        const url = instances[index % count]?.url ?? '';
        return (await send(url, { path: READ, headers: Object.entries(headers) })).status;
      },
    };
  }

  it('refuse a proof that another instance has seen', { tags: ['DPP-19', 'DPP-21'] }, async () => {
    const { headers, get } = await startInstances(2);
    const once = await headers();
    expect(await get(0, once)).toBe(200);
    expect(await get(1, once)).toBe(401);
    expect(await get(0, once)).toBe(401);
    expect(await get(1, await headers())).toBe(200);
  });

  it('allow one of many equal concurrent requests', { tags: ['DPP-19'] }, async () => {
    const { headers, get, instances } = await startInstances(2);
    const once = await headers();
    const statuses = await Promise.all(Array.from({ length: 40 }, (_, index) => get(index, once)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(39);
    expect(instances.map(({ handled }) => handled()).sort()).toEqual([0, 1]);
  });

  it('leave a digest for each proof, which Redis forgets', { tags: ['DPP-20'] }, async () => {
    const prefix = 'test:';
    const { headers, get, instances } = await startInstances(1, { prefix });
    expect(await get(0, await headers())).toBe(200);
    const client = instances[0]?.client;
    const [key = '', another] = (await client?.keys(`${prefix}*`)) ?? [];
    expect([key.length, another]).toEqual([prefix.length + 43, undefined]);
    const lifetime = Number(await client?.pTTL(key));
    expect(lifetime).toBeGreaterThan(50_000);
    expect(lifetime).toBeLessThanOrEqual(66_000);
  });

  it('answer 503 while Redis is gone, and go on when it is back', { tags: ['DPP-20'] }, async () => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const { headers, get, instances } = await startInstances(2);
    expect(await get(0, await headers())).toBe(200);
    await redis.crash();
    for (const index of [0, 1, 0, 1]) expect(await get(index, await headers())).toBe(503);
    expect(instances.map(({ handled }) => handled())).toEqual([1, 0]);
    expect(warnings).toHaveLength(4);
    for (const warning of warnings) expect(warning).toMatchObject({ source: 'replayStore' });

    const ready = instances.map(
      ({ client }) => new Promise<void>((resolve) => client.once('ready', () => resolve())),
    );
    await redis.start();
    await Promise.all(ready);
    const proof = await headers();
    expect([await get(1, proof), await get(0, proof)]).toEqual([200, 401]);
  });

  it('answer 503 within the time limit while Redis hangs', { tags: ['DPP-20'] }, async () => {
    const { headers, get, instances } = await startInstances(1, { timeoutSeconds: 0.2 });
    redis.pause();
    const proof = await headers();
    try {
      expect(await get(0, proof)).toBe(503);
    } finally {
      redis.resume();
    }
    expect(instances[0]?.handled()).toBe(0);
    await instances[0]?.client.ping();
    expect(await get(0, await headers())).toBe(200);
  });
});
