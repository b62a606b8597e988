export type { Auth, FetchConnection, Requirement } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export * from './deny.js';
export * from './requirements.js';
export * from './resource-server.js';
