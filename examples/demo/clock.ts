/** A clock that can be moved ahead, so that the demo need not wait. */
export interface Clock {
  /** Milliseconds since the epoch, as the option `clock` of the resource server wants it. */
  readonly now: () => number;
  advance(seconds: number): void;
}

export function createClock(): Clock {
  let aheadMilliseconds = 0;
  return {
    now: () => Date.now() + aheadMilliseconds,
    advance(seconds) {
      aheadMilliseconds += seconds * 1000;
    },
  };
}
