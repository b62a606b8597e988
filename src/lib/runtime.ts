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
  /** Whether plain http is allowed for other hosts than loopback. */
  readonly allowInsecureRequests: boolean;
}
