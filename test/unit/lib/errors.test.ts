import { expect, it } from 'vitest';
import { TimeLimitExceeded } from '../../../src/lib/deadline.js';
import { describeError, SafeError } from '../../../src/lib/errors.js';
import { FetchFailure } from '../../../src/lib/fetch.js';

it.each<[unknown, string]>([
  [new SafeError('a fixed text'), 'a fixed text'],
  [new FetchFailure('status', 'status 503', { status: 503 }), 'status 503'],
  [new TimeLimitExceeded(), 'time-out'],
  [new Error('secret'), 'Error'],
  [new RangeError('secret'), 'RangeError'],
  ['secret', 'string'],
  [undefined, 'undefined'],
  [{ message: 'secret' }, 'object'],
])('says of %s: %s', { tags: ['OPS-02'] }, (thrown, words) => {
  expect(describeError(thrown)).toBe(words);
});
