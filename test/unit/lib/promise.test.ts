import { expect, it } from 'vitest';
import { isPromise } from '../../../src/lib/promise.js';

it('knows promises of every kind by their method, and nothing else', () => {
  class Other<T> extends Promise<T> {}
  const withThen = (then: unknown): object => Object.fromEntries([['then', then]]);
  const thenable = withThen(() => undefined);
  for (const value of [Promise.resolve(1), Other.resolve(1), thenable, Object.create(thenable)])
    expect(isPromise(value)).toBe(true);
  for (const value of [undefined, null, 'then', 0, {}, [], withThen('then'), withThen(undefined)])
    expect(isPromise(value)).toBe(false);
});
