/** Two ways to tell the time, in milliseconds. */
export interface Time {
  /** Since the epoch. Can be set, in either direction. */
  readonly clock: () => number;
  /**
   * Since any moment. Can't be set, but may stand still while the machine sleeps. Default `performance.now`.
   */
  readonly monotonic?: () => number;
}

/** Seconds since it was started. */
export type Stopwatch = () => number;

/**
 * Starts a stopwatch. If the two clocks disagree, the larger span counts: neither a clock that was set back
 * nor a machine that slept makes a token live longer.
 */
export function startStopwatch({ clock, monotonic = () => performance.now() }: Time): Stopwatch {
  const startedAt = clock();
  const startedAtMonotonic = monotonic();
  return () => Math.max(clock() - startedAt, monotonic() - startedAtMonotonic) / 1000;
}
