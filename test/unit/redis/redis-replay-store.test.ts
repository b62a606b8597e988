import { describe, expect, it, vi } from 'vitest';
import { createRedisReplayStore, type RedisClient, type RedisSetOptions } from '../../../src/redis/index.js';
import { stopTimers } from '../../support/protected-api.js';

/** A client that gives one reply to every command. */
function clientThat(reply: () => Promise<unknown>) {
  const commands: [string, string, RedisSetOptions][] = [];
  const client: RedisClient = {
    set: (...command) => {
      commands.push(command);
      return reply();
    },
  };
  return { client, commands };
}

describe('createRedisReplayStore', () => {
  it('sets a key that is not there, with its lifetime, in one command', { tags: ['DPP-19'] }, async () => {
    const { client, commands } = clientThat(async () => 'OK');
    expect(await createRedisReplayStore(client).remember('key', 64.9991)).toBe(true);
    const options = {
      condition: 'NX',
      expiration: { type: 'PX', value: 65_000 },
      NX: true,
      PX: 65_000,
    };
    expect(commands).toEqual([['oauth-resource-server:dpop:key', '1', options]]);
  });

  it('knows a key that was there', { tags: ['DPP-19'] }, async () => {
    const { client, commands } = clientThat(async () => null);
    expect(await createRedisReplayStore(client, { prefix: 'mine:' }).remember('key', 1)).toBe(false);
    expect(commands[0]?.[0]).toBe('mine:key');
  });

  it.each([undefined, 'QUEUED', 'ok', 1, true, {}])(
    'does not understand the reply %j',
    { tags: ['DPP-20'] },
    async (reply) => {
      const { client } = clientThat(async () => reply);
      await expect(createRedisReplayStore(client).remember('key', 1)).rejects.toThrow('unexpected reply');
    },
  );

  it('fails at once if there is no connection', { tags: ['DPP-20'] }, async () => {
    const { client, commands } = clientThat(async () => 'OK');
    const store = createRedisReplayStore({ ...client, isReady: false });
    await expect(store.remember('key', 1)).rejects.toThrow('not connected');
    expect(commands).toEqual([]);
    expect(await createRedisReplayStore({ ...client, isReady: true }).remember('key', 1)).toBe(true);
  });

  it('fails with the client', { tags: ['DPP-20'] }, async () => {
    const { client } = clientThat(() => Promise.reject(new Error('closed')));
    await expect(createRedisReplayStore(client).remember('key', 1)).rejects.toThrow('closed');
    const broken = createRedisReplayStore({
      set: () => {
        throw new Error('closed');
      },
    });
    await expect(broken.remember('key', 1)).rejects.toThrow('closed');
  });

  it.each([
    ['a second', {}, 1000],
    ['as long as it is told', { timeoutSeconds: 3 }, 3000],
  ])('waits %s for a reply', { tags: ['DPP-20'] }, async (_, options, milliseconds) => {
    stopTimers();
    const { client } = clientThat(() => new Promise(() => undefined));
    let isOver = false;
    const refused = expect(createRedisReplayStore(client, options).remember('key', 1)).rejects.toThrow(
      'time-out',
    );
    void refused.then(() => {
      isOver = true;
    });
    vi.advanceTimersByTime(milliseconds - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    vi.advanceTimersByTime(1);
    await refused;
  });

  it.each([
    [undefined, undefined, 'option "client" takes a client of the package redis, got undefined'],
    [{}, undefined, 'option "client" takes a client of the package redis, got object'],
    [{ set() {} }, { ttl: 1 }, 'unknown option "ttl" in options; known are prefix, timeoutSeconds'],
    [{ set() {} }, { prefix: '' }, 'option "prefix" takes a non-empty string, got an empty string'],
    [{ set() {} }, { timeoutSeconds: 5 }, 'option "timeoutSeconds" takes a number from 0.001 to 4, got 5'],
  ])('refuses %o with %o', (client, options, message) => {
    expect(() => createRedisReplayStore(client as never, options as never)).toThrow(new TypeError(message));
  });
});
