import type { InsecureRequests } from './url.js';

/**
 * What all parts of a resource server or a client share: the time, the network, and what may be fetched over
 * it.
 */
export interface Runtime {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Tolerated difference between other clocks and ours, in seconds. */
  readonly clockToleranceSeconds: number;
  readonly fetch: typeof globalThis.fetch;
  /** Where plain http is allowed beside loopback hosts. */
  readonly allowInsecureRequests: InsecureRequests;
}
