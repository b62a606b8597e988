import { type Checks, checkObject, numberBetween, optional, optionError, text } from '../lib/check.js';
import { withTimeLimit } from '../lib/deadline.js';
import type { ReplayStore } from '../proof/replay-store.js';

/**
 * The parts we use of a client, cluster or sentinel from the package `redis`. The application connects and
 * closes it.
 */
export interface RedisClient {
  /** Whether a command would be sent right away; undefined if the client doesn't say. */
  readonly isReady?: boolean;
  set(key: string, value: string, options: RedisSetOptions): Promise<unknown>;
}

/** `SET key value NX PX lifetime`. */
export interface RedisSetOptions {
  readonly condition: 'NX';
  readonly expiration: { readonly type: 'PX'; readonly value: number };
  /** The same for versions before 5, which would ignore the other form and always set the key. */
  readonly NX: true;
  readonly PX: number;
}

/** Options of {@link createRedisReplayStore}. */
export interface RedisReplayStoreOptions {
  /**
   * The beginning of every key. Default `oauth-resource-server:dpop:`. APIs with the same server can share
   * it.
   */
  readonly prefix?: string;
  /** Time limit of one command, in seconds, above 0, at most 4. Default 1. */
  readonly timeoutSeconds?: number;
}

const CHECKS = {
  prefix: optional(text, 'oauth-resource-server:dpop:'),
  timeoutSeconds: optional(numberBetween(0.001, 4), 1),
} satisfies Checks<RedisReplayStoreOptions>;

/**
 * Remembers used DPoP proofs in Redis or Valkey, for all instances of an API: the option `dpop.replayStore`.
 * It sends one command per request, `SET … NX PX`. If that fails or takes too long, or the client isn't
 * connected, the request is refused with 503 `replay_store_unavailable`.
 *
 * @param client from the package `redis`, version 4 or later, connected by the application
 * @throws {TypeError} an option is unknown or wrong
 * @example
 * ```ts
 * import { authenticate } from 'oauth-resource-server/express';
 * import { createRedisReplayStore } from 'oauth-resource-server/redis';
 * import { createClient } from 'redis';
 *
 * const client = await createClient({ url: 'redis://localhost:6379' }).on('error', console.error).connect();
 * app.use(authenticate({ ...options, dpop: { replayStore: createRedisReplayStore(client) } }));
 * ```
 */
export function createRedisReplayStore(
  client: RedisClient,
  options: RedisReplayStoreOptions = {},
): ReplayStore {
  if (!isClient(client)) throw optionError('client', 'a client of the package redis', client);
  const { prefix, timeoutSeconds } = checkObject(options, '', CHECKS);
  return {
    async remember(key, lifetimeSeconds) {
      // The command would wait for a connection, and so would every request, using memory.
      if (client.isReady === false) throw new Error('the Redis client is not connected');
      const milliseconds = Math.ceil(lifetimeSeconds * 1000);
      const reply = await withTimeLimit(timeoutSeconds, async () =>
        client.set(`${prefix}${key}`, '1', {
          condition: 'NX',
          expiration: { type: 'PX', value: milliseconds },
          NX: true,
          PX: milliseconds,
        }),
      );
      if (reply === 'OK') return true;
      if (reply === null) return false;
      throw new Error('Redis gave an unexpected reply');
    },
  };
}

function isClient(value: unknown): value is RedisClient {
  return typeof value === 'object' && value !== null && 'set' in value && typeof value.set === 'function';
}
