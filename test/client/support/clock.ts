/** A clock that goes only when the test says so. */
export interface ManualClock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  step(seconds: number): void;
}

export function manualClock(start: number = Date.parse('2030-01-01T00:00:00Z')): ManualClock {
  let now = start;
  return {
    now: () => now,
    step(seconds) {
      now += seconds * 1000;
    },
  };
}
