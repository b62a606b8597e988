import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import { UnavailableError } from '../../../src/errors.js';
import { createMemoryReplayStore } from '../../../src/proof/replay-store.js';
import { listenTo } from '../../support/listen-to.js';
import { optionErrorWith } from '../../support/option-error.js';

/** A store whose clock stands still until it is moved. */
function storeOf(maxEntries?: number) {
  let now = Date.parse('2030-01-01T00:00:00Z');
  const store = createMemoryReplayStore({
    clock: () => now,
    ...(maxEntries !== undefined && { maxEntries }),
  });
  return {
    remember: (key: string, lifetimeSeconds = 65) => store.remember(key, lifetimeSeconds),
    step(seconds: number) {
      now += seconds * 1000;
    },
  };
}

describe('createMemoryReplayStore', () => {
  it('remembers a key for its lifetime, and forgets it soon after', { tags: ['DPP-19'] }, () => {
    const { remember, step } = storeOf();
    expect(remember('a')).toBe(true);
    for (const seconds of [0, 30, 34.9]) {
      step(seconds);
      expect(remember('a')).toBe(false);
    }
    step(10.1);
    expect(remember('a')).toBe(true);
  });

  it('knows a key whatever lifetime it is asked with', { tags: ['DPP-19'] }, () => {
    const { remember, step } = storeOf();
    expect([remember('a', 600), remember('a', 5), remember('b', 5), remember('b', 600)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    step(590);
    expect([remember('a'), remember('b')]).toEqual([false, true]);
  });

  it("refuses new keys when it's full, and still knows the old ones", {
    tags: ['DPP-20'],
  }, () => {
    const warnings = listenTo<WarningMessage>(channels.warning);
    const { remember, step } = storeOf(3);
    for (const key of ['a', 'b', 'c']) remember(key);
    const fault = thrownBy(() => remember('d'));
    expect(fault).toBeInstanceOf(UnavailableError);
    expect(fault).toMatchObject({ status: 503, reason: 'replay_store_full' });
    expect(fault).toHaveProperty('retryAfterSeconds', 70); // the next expiry, rounded up to ten seconds
    expect(warnings).toEqual([{ source: 'replayStore', detail: 'full' }]);
    expect(['a', 'b', 'c'].map((key) => remember(key))).toEqual([false, false, false]);
    step(75);
    expect(['d', 'a', 'b'].map((key) => remember(key))).toEqual([true, true, true]);
    expect(warnings).toHaveLength(1);
  });

  it('lets no proof in twice if the clock steps ahead and back', { tags: ['DPP-19'] }, () => {
    const { remember, step } = storeOf(10);
    expect(remember('one', 60)).toBe(true);
    step(3600);
    expect(remember('two', 60)).toBe(true);
    step(-3600);
    expect(remember('one', 60)).toBe(false);
    expect(remember('two', 60 + 3600)).toBe(false);
    step(70); // proofs of a later time aren't held up
    expect(remember('three', 60)).toBe(true);
  });

  it('keeps its bound under a million proofs', { tags: ['DPP-20'], timeout: 60_000 }, () => {
    const maxEntries = 50_000;
    const { remember, step } = storeOf(maxEntries);
    let kept = 0;
    let refused = 0;
    for (let index = 0; index < 1_000_000; index += 1) {
      if (index % 1000 === 0) step(1); // a thousand proofs a second
      try {
        if (remember(hash('sha256', String(index), 'base64url'))) kept += 1;
      } catch (error) {
        expect(error).toHaveProperty('reason', 'replay_store_full');
        refused += 1;
      }
    }
    // In any window of 65 seconds no more than there is room for: 1000 seconds have 15 such windows and a
    // piece.
    expect(kept + refused).toBe(1_000_000);
    expect(kept).toBeLessThanOrEqual(maxEntries * Math.ceil(1000 / 65));
    expect(refused).toBeGreaterThan(200_000);
  });

  it('has room for half a million keys by default, and frees it', {
    tags: ['DPP-20'],
    timeout: 60_000,
  }, () => {
    const { remember, step } = storeOf();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 500_000; index += 1) remember(hash('sha256', String(index), 'base64url'));
    expect(thrownBy(() => remember('one more'))).toMatchObject({ reason: 'replay_store_full' });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
    step(75);
    expect(remember('one more')).toBe(true);
  });

  it.each([
    [{ maxEntries: 0 }, 'option "maxEntries" takes a number from 1 to 10000000, got 0'],
    [{ maxEntries: 1.5 }, 'option "maxEntries" takes a whole number, got number'],
    [{ maxEntries: '5' }, 'option "maxEntries" takes a number from 1 to 10000000, got string'],
    [{ clock: 5 }, 'option "clock" takes a function, got number'],
    [{ ttl: 5 }, 'unknown option "ttl" in options; known are maxEntries, clock'],
    [null, 'option "options" takes an object, got null'],
  ])('refuses the options %j', (options, message) => {
    expect(() => createMemoryReplayStore(options as never)).toThrow(optionErrorWith(message));
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
