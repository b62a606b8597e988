import { describe, expect, it } from 'vitest';
import { fractionOf, pauseAfter, retryDelay } from '../../../src/client/backoff.js';

describe('pauses', () => {
  it('double from one second to half a minute', { tags: ['CLI-16'] }, () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => pauseAfter(failures, () => 1));
    expect(longest).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it('are spread over their second half', { tags: ['CLI-16'] }, () => {
    expect(pauseAfter(3, () => 0)).toBe(2);
    expect(pauseAfter(3, () => 0.5)).toBe(3);
  });
});

it('delays between attempts double and are spread over the whole span', { tags: ['CLI-16'] }, () => {
  expect([1, 2, 3].map((failures) => retryDelay(failures, () => 1))).toEqual([0.25, 0.5, 1]);
  expect(retryDelay(3, () => 0)).toBe(0);
});

it.each([
  [0.3, 0.3],
  [-1, 0],
  [7, 1],
  [Number.NaN, 0],
  ['x' as unknown as number, 0],
])('takes %s from a function of the application as %s', (given, taken) => {
  expect(fractionOf(() => given)).toBe(taken);
});
