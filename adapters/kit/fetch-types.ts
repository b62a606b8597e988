/** The types of the entries for the Fetch standard. */
export type { Auth, FetchConnection, Requirement } from '../../src/index.js';
export type * from './core-types.js';
export type { FetchOptions } from './fetch-entrance.js';
