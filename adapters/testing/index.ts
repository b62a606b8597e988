export * from '../../src/testing/index.js';
export type { ProvenRoute } from './lock-file.js';
export { type ProofReport, type ProveOptions, prove } from './prove.js';
export type { RouteSample } from './requests.js';
