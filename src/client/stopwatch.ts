/** Two ways to tell the time, in milliseconds. */
export interface Time {
  /** Since the epoch. Can be set, in either direction. */
  readonly clock: () => number;
  /** Since any moment. Cannot be set, but may stand still while the machine sleeps. */
  readonly monotonic: () => number;
}

/** Seconds since it was started. */
export type Stopwatch = () => number;

/**
 * Starts a stopwatch. Where the two clocks disagree the larger span counts: a clock that was set back does
 * not make a token live longer, and neither does a machine that slept.
 */
export function startStopwatch({ clock, monotonic }: Time): Stopwatch {
  const startedAt = clock();
  const startedAtMonotonic = monotonic();
  return () => Math.max(clock() - startedAt, monotonic() - startedAtMonotonic) / 1000;
}
