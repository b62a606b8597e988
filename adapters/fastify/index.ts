import './request-types.js';

export type { Auth } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export * from './deny.js';
export * from './plugin.js';
export * from './requirements.js';
