export type * from '../kit/fetch-types.js';
export * from './authenticate.js';
export * from './requirements.js';
