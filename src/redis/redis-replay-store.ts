import { checkNames, numberBetween, optionError, stringOf } from '../lib/check.js';
import { withTimeLimit } from '../lib/deadline.js';
import type { ReplayStore } from '../proof/replay-store.js';

/** What is used of a client, cluster or sentinel of the package `redis`. Connecting and closing it is up to the application. */
export interface RedisClient {
  /** Whether a command would be sent now; undefined where the client does not say. */
  readonly isReady?: boolean;
  set(key: string, value: string, options: RedisSetOptions): Promise<unknown>;
}

/** `SET key value NX PX lifetime`. */
export interface RedisSetOptions {
  readonly condition: 'NX';
  readonly expiration: { readonly type: 'PX'; readonly value: number };
  /** The same for versions before 5: one that did not understand it would set the key in any case. */
  readonly NX: true;
  readonly PX: number;
}

/** Options of {@link createRedisReplayStore}. */
export interface RedisReplayStoreOptions {
  /** What keys begin with. Default `oauth-resource-server:dpop:`. APIs that share a server may share it too. */
  readonly prefix?: string;
  /** Time limit of one command, in seconds, above 0, at most 4. Default 1. */
  readonly timeoutSeconds?: number;
}

const DEFAULT_PREFIX = 'oauth-resource-server:dpop:';
const DEFAULT_TIMEOUT_SECONDS = 1;

/**
 * Remembers used DPoP proofs in Redis or Valkey, for all instances of an API: option `dpop.replayStore`. One command per request, `SET … NX PX`. Where it fails,
 * takes too long, or the client is not connected, the request is refused with 503 `replay_store_unavailable`.
 *
 * @param client of the package `redis`, version 4 or later, connected by the application
 * @throws {TypeError} an unknown option, or a wrong one
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://localhost:6379' }).on('error', console.error).connect();
 * app.use(authenticate({ issuer, audience, dpop: { replayStore: createRedisReplayStore(client) } }));
 * ```
 */
export function createRedisReplayStore(
  client: RedisClient,
  options: RedisReplayStoreOptions = {},
): ReplayStore {
  if (!isClient(client)) throw optionError('client', 'a client of the package redis', client);
  checkNames(options, ['prefix', 'timeoutSeconds'], 'options');
  const prefix = stringOf(options.prefix, 'prefix') ?? DEFAULT_PREFIX;
  const timeoutSeconds =
    numberBetween(options.timeoutSeconds, 0.001, 4, 'timeoutSeconds') ?? DEFAULT_TIMEOUT_SECONDS;
  return {
    async remember(key, lifetimeSeconds) {
      // It would wait for a connection, and with it every request and its memory.
      if (client.isReady === false) throw new Error('the Redis client is not connected');
      const reply = await withTimeLimit(timeoutSeconds, () =>
        setNew(client, `${prefix}${key}`, lifetimeSeconds),
      );
      if (reply === 'OK') return true;
      if (reply === null) return false;
      throw new Error('Redis gave an unexpected reply');
    },
  };
}

async function setNew(client: RedisClient, key: string, lifetimeSeconds: number): Promise<unknown> {
  const milliseconds = Math.ceil(lifetimeSeconds * 1000);
  return client.set(key, '1', {
    condition: 'NX',
    expiration: { type: 'PX', value: milliseconds },
    NX: true,
    PX: milliseconds,
  });
}

function isClient(value: unknown): value is RedisClient {
  return typeof value === 'object' && value !== null && 'set' in value && typeof value.set === 'function';
}
