import { expect, it } from 'vitest';
import { startStopwatch } from '../../../src/client/stopwatch.js';

/** Two clocks: one that can be set, one that only goes. */
function twoClocks() {
  let wall = 1_000_000;
  let steady = 50;
  return {
    time: { clock: () => wall, monotonic: () => steady },
    pass(seconds: number) {
      wall += seconds * 1000;
      steady += seconds * 1000;
    },
    set(seconds: number) {
      wall += seconds * 1000;
    },
  };
}

it('counts seconds', { tags: ['CLI-13'] }, () => {
  const { time, pass } = twoClocks();
  const age = startStopwatch(time);
  pass(12.5);
  expect(age()).toBe(12.5);
});

it('goes on when the clock is set back', { tags: ['CLI-13'] }, () => {
  const { time, pass, set } = twoClocks();
  const age = startStopwatch(time);
  set(-3600);
  pass(10);
  expect(age()).toBe(10);
});

it('counts the time that a machine slept, which only the clock tells', { tags: ['CLI-13'] }, () => {
  const { time, set } = twoClocks();
  const age = startStopwatch(time);
  set(3600);
  expect(age()).toBe(3600);
});
