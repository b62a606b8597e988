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
    ['7 ', 7],
    ['\t7\t ', 7],
    ['Tue, 01 Jan 2030 00:01:30 GMT ', 90],
    ['Tuesday, 01-Jan-30 00:01:30 GMT', 90],
    ['Monday, 31-Dec-29 23:59:00 GMT', 0],
    ['Wednesday, 01-Jan-31 00:00:00 GMT', 300],
    ['Friday, 01-Jan-79 00:00:00 GMT', 300], // 49 years ahead
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0], // 64 years ahead would be more than 50
    ['Tue Jan  1 00:01:30 2030', 90],
    ['Tue Jan 01 00:01:30 2030', 90],
    ['Mon Dec 31 23:59:00 2029', 0],
    ['Sun Nov  6 08:49:37 1994', 0],
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
    ['Tuesday, 99-Foo-30 00:01:30 GMT', undefined],
    ['Tue Foo 99 00:01:30 2030', undefined],
    ['Tue, 01 Jan 2030 99:99:99 GMT', undefined],
    ['Tue, 01 Jan 2030 00:01:30 CET', undefined],
    ['Tue, 1 Jan 2030 00:01:30 GMT', undefined],
    ['1 Jan 2030', undefined],
    ['7 7', undefined],
    [' ', undefined],
  ])('reads %j as %s', { tags: ['CLI-16'] }, (value, seconds) => {
    expect(readRetryAfter(value, NOW)).toBe(seconds);
  });
});
