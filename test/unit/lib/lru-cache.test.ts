import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LruCache } from '../../../src/lib/lru-cache.js';

describe('LruCache', () => {
  it('drops what was used least lately', { tags: ['OPS-07'] }, () => {
    const cache = new LruCache<string, number>({ max: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3);
    expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([true, false, true]);
    expect(cache.size).toBe(2);
  });

  it('keeps to a weight, and takes nothing that is heavier alone', { tags: ['OPS-07'] }, () => {
    const cache = new LruCache<string, string>({ max: 10, maxWeight: 10 });
    cache.set('a', 'a', 4);
    cache.set('b', 'b', 4);
    cache.set('c', 'c', 4);
    expect(cache.values()).toEqual(['b', 'c']);
    cache.set('b', 'heavy', 11);
    expect(cache.values()).toEqual(['c']);
    for (const weight of [Number.NaN, Number.POSITIVE_INFINITY]) cache.set('d', 'd', weight);
    expect(cache.values()).toEqual(['c']);
    cache.set('c', 'light', 1);
    cache.set('e', 'e', 9);
    expect(cache.values()).toEqual(['light', 'e']);
  });

  it('behaves as a list of pairs would', { tags: ['OPS-07'] }, () => {
    const keys = fc.integer({ min: 0, max: 7 });
    const act = fc.oneof(
      fc.record({ act: fc.constant('get' as const), key: keys }),
      fc.record({ act: fc.constant('delete' as const), key: keys }),
      fc.record({ act: fc.constant('set' as const), key: keys, weight: fc.integer({ min: 0, max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const cache = new LruCache<number, number>({ max: 4, maxWeight: 10 });
        let model: { key: number; value: number; weight: number }[] = [];
        for (const [value, one] of acts.entries()) {
          const known = model.find(({ key }) => key === one.key);
          model = model.filter((entry) => entry !== known || one.act === 'get');
          if (one.act === 'get') {
            expect(cache.get(one.key)).toBe(known?.value);
            if (known !== undefined) model = [...model.filter((entry) => entry !== known), known];
          } else if (one.act === 'delete') cache.delete(one.key);
          else {
            cache.set(one.key, value, one.weight);
            if (one.weight <= 10) model.push({ key: one.key, value, weight: one.weight });
            const weight = () => model.reduce((sum, entry) => sum + entry.weight, 0);
            while (model.length > 4 || weight() > 10) model.shift();
          }
          expect(cache.values()).toEqual(model.map((entry) => entry.value));
          expect(cache.size).toBe(model.length);
        }
      }),
      { numRuns: 300 },
    );
  });
});
