export type { Auth, Auth as RequestAuth } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export * from './authenticate.js';
export * from './deny.js';
export * from './requirements.js';
