export type * from '../kit/fetch-types.js';
export { getAuth } from '../kit/index.js';
export * from '../kit/plain-requirements.js';
export * from './deny.js';
export * from './resource-server.js';
