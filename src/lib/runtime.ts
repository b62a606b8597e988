import type { InsecureRequests } from './url.js';

/** What dates in tokens are compared with. */
export interface TokenClock {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** How far other clocks and ours may differ, in seconds. */
  readonly clockToleranceSeconds: number;
}

/**
 * What all parts of a resource server or a client share: the time, the network, and which addresses are
 * allowed.
 */
export interface Runtime extends TokenClock {
  readonly fetch: typeof globalThis.fetch;
  /** Where plain http is allowed, apart from loopback hosts. */
  readonly allowInsecureRequests: InsecureRequests;
}
