export type { Auth, Requirement } from '../../src/index.js';
export type * from '../kit/core-types.js';
export * from '../kit/plain-requirements.js';
export * from './authenticate.js';
export * from './deny.js';
export * from './get-auth.js';
export type { MethodAccess, Methods } from './methods.js';
