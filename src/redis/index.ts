export type { ReplayStore } from '../proof/replay-store.js';
export type { RedisClient, RedisReplayStoreOptions, RedisSetOptions } from './redis-replay-store.js';
export { createRedisReplayStore } from './redis-replay-store.js';
