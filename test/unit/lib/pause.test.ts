import { describe, expect, it } from 'vitest';
import { fraction, isWithin, pauseAfter, spanFrom } from '../../../src/lib/pause.js';

describe('pauses', () => {
  const limits = { firstSeconds: 1, maxSeconds: 30 };
  const seconds = (failures: readonly number[], backoff: Parameters<typeof pauseAfter>[1]) =>
    failures.map((count) => pauseAfter(count, backoff));

  it('double from the first to the longest', { tags: ['KEY-14', 'CLI-16'] }, () => {
    expect(seconds([1, 2, 3, 4, 5, 6, 7, 100, 10_000], limits)).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30]);
    expect(seconds([1, 2, 3], { firstSeconds: 0.25, maxSeconds: Number.POSITIVE_INFINITY })).toEqual([
      0.25, 0.5, 1,
    ]);
    expect(seconds([1, 2], { firstSeconds: 1, maxSeconds: 0 })).toEqual([0, 0]);
  });

  it.each([
    [0.5, () => 1, [1, 2, 4, 30]],
    [0.5, () => 0.5, [0.75, 1.5, 3, 22.5]],
    [0.5, () => 0, [0.5, 1, 2, 15]],
    [0, () => 1, [1, 2, 4, 30]],
    [0, () => 0, [0, 0, 0, 0]],
    [0, () => Number.NaN, [0, 0, 0, 0]],
  ])(
    'are spread from a part of them (%s) up to all of it (%#)',
    { tags: ['CLI-16'] },
    (least, random, expected) => {
      expect(seconds([1, 2, 3, 7], { ...limits, spread: { least, random } })).toEqual(expected);
    },
  );
});

it.each([
  [0.3, 0.3],
  [-1, 0],
  [7, 1],
  [Number.NaN, 0],
  ['x' as unknown as number, 0],
])('takes %s from a function of the application as %s', (given, taken) => {
  expect(fraction(() => given)).toBe(taken);
});

describe('a span', () => {
  const span = spanFrom(1_000_000, 2);

  it.each([
    [1_000_000, true],
    [1_001_999, true],
    [1_002_000, false],
    [999_999, false],
    [Number.NaN, false],
  ])('has the moment %s in it: %s', (now, expected) => {
    expect(isWithin(span, now)).toBe(expected);
  });

  it('has no moment in it if there is none, or if it has no length', () => {
    expect(isWithin(undefined, 0)).toBe(false);
    expect(isWithin(spanFrom(5, 0), 5)).toBe(false);
  });
});
