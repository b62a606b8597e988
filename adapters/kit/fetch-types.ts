/** The types that the entries for the Fetch standard have. */
export type { Auth, FetchConnection, Requirement } from '../../src/index.js';
export type * from './core-types.js';
export type { FetchOptions } from './fetch-entrance.js';
