import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renewalAge, tokenLifetime } from '../../../src/client/lifetime.js';

describe('tokenLifetime', () => {
  it.each<[number | undefined, number]>([
    [600, 600],
    [0, 0],
    [undefined, 60],
    [1e15, 86_400],
    [Number.POSITIVE_INFINITY, 86_400],
  ])('takes expires_in %s as %s seconds', { tags: ['CLI-10'] }, (expiresIn, seconds) => {
    expect(tokenLifetime(expiresIn, 60)).toBe(seconds);
  });
});

describe('renewalAge', () => {
  it.each([
    ['10 % of a long lifetime', 3600, 3240],
    ['10 seconds of a short one', 60, 50],
    ['half of a very short one', 12, 6],
    ['nothing of none', 0, 0],
  ])('leaves %s', { tags: ['CLI-13'] }, (_what, lifetime, age) => {
    expect(renewalAge(lifetime, () => 0)).toBe(age);
  });

  it('comes up to half of the margin earlier', { tags: ['CLI-13'] }, () => {
    expect(renewalAge(3600, () => 1)).toBe(3060);
  });

  it('is never before half of the lifetime, and never after it', { tags: ['CLI-13'] }, () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 86_400, noNaN: true }), fc.double(), (lifetime, random) => {
        const age = renewalAge(lifetime, () => random);
        expect(age).toBeGreaterThanOrEqual(lifetime / 2);
        expect(age).toBeLessThanOrEqual(lifetime);
      }),
    );
  });
});
