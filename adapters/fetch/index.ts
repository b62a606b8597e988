export type * from '../kit/fetch-types.js';
export { getAuth } from '../kit/index.js';
export * from './deny.js';
export * from './requirements.js';
export * from './resource-server.js';
