export type * from '../kit/fetch-types.js';
export * from './authenticate.js';
export * from './deny.js';
export * from './get-auth.js';
export * from './requirements.js';
