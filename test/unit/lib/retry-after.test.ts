import { describe, expect, it } from 'vitest';
import { readRetryAfter } from '../../../src/lib/retry-after.js';

const NOW = Date.parse('2030-01-01T00:00:00Z');

describe('readRetryAfter', () => {
  it.each<[string | null, number | undefined]>([
    ['30', 30],
    ['0', 0],
    ['007', 7],
    ['Tue, 01 Jan 2030 00:01:30 GMT', 90],
    ['Mon, 31 Dec 2029 23:59:00 GMT', 0],
    ['86400', 300],
    ['9'.repeat(400), 300],
    ['Wed, 01 Jan 2031 00:00:00 GMT', 300],
    [null, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1, 2', undefined],
    ['soon', undefined],
    ['2030-01-01T00:01:30Z', undefined],
    ['Tue, 99 Foo 2030 00:01:30 GMT', undefined],
  ])('reads %j as %s', { tags: ['CLI-16'] }, (value, seconds) => {
    expect(readRetryAfter(value, NOW)).toBe(seconds);
  });
});
