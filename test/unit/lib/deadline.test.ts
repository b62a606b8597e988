import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { TimeLimitExceeded, unlessAborted, withTimeLimit } from '../../../src/lib/deadline.js';
import { stopTimers } from '../../support/protected-api.js';

const never = () => new Promise<never>(() => undefined);

it('puts no listener on a signal that many calls share', async () => {
  stopTimers(); // nobody waits for the time limit, which would reject in whatever test runs a minute later
  const { signal } = new AbortController();
  const waiting = [unlessAborted(never(), signal), withTimeLimit(60, never, signal)];
  expect(waiting).toHaveLength(2);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('makes one signal for all calls that share one, and leaves no listener on it', async () => {
  const made = vi.spyOn(AbortSignal, 'any');
  onTestFinished(() => made.mockRestore());
  const { signal } = new AbortController();
  for (let times = 0; times < 20; times += 1) {
    await unlessAborted(Promise.resolve(), signal);
    await withTimeLimit(60, async () => undefined, signal);
  }
  await new Promise(setImmediate);
  expect(made).toHaveBeenCalledTimes(1);
  const follower = made.mock.results[0]?.value as AbortSignal; // what any() returns
  expect(getEventListeners(follower, 'abort')).toEqual([]);
});

describe('withTimeLimit', () => {
  it('passes on what is done in time, and leaves no timer behind', async () => {
    stopTimers();
    expect(await withTimeLimit(5, async () => 'done')).toBe('done');
    await expect(withTimeLimit(5, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends what does not heed its signal', { tags: ['KEY-08'] }, async () => {
    stopTimers();
    const limited = withTimeLimit(5, never);
    vi.advanceTimersByTime(4_999);
    expect(await Promise.race([limited, 'pending'])).toBe('pending');
    vi.advanceTimersByTime(1);
    await expect(limited).rejects.toThrow(TimeLimitExceeded);
  });

  it('lets what heeds its signal say why it failed', async () => {
    stopTimers();
    const limited = withTimeLimit(
      5,
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted while loading')));
        }),
    );
    vi.advanceTimersByTime(5_000);
    await expect(limited).rejects.toThrow('aborted while loading');
  });

  it('is not bothered by a failure that comes too late', async () => {
    let fail: (reason: Error) => void = () => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    await expect(withTimeLimit(0.001, () => late)).rejects.toThrow(TimeLimitExceeded);
    fail(new Error('late')); // an unhandled rejection would fail the run
    await new Promise(setImmediate);
  });

  it('ends with the time limit around it, also when that is over already', async () => {
    const outer = new AbortController();
    const seen: boolean[] = [];
    const wait = (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        seen.push(signal.aborted);
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve());
      });
    const limited = withTimeLimit(5, wait, outer.signal);
    outer.abort();
    await limited;
    await withTimeLimit(5, wait, outer.signal);
    expect(seen).toEqual([false, true]);
  });

  it('does not keep the process alive', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const outer = new AbortController();
    const limited = withTimeLimit(
      60,
      (signal) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve());
        }),
      outer.signal,
    );
    onTestFinished(() => limited);
    expect(timers()).toBe(before);
    outer.abort();
  });
});

describe('unlessAborted', () => {
  it('waits for the promise where there is no signal, and where it is not aborted', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(7), undefined)).toBe(7);
    expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
    await expect(unlessAborted(Promise.reject(new Error('x')), signal)).rejects.toThrow('x');
  });

  it('rejects with the reason of a signal that is aborted, or was', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = unlessAborted(never(), controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(unlessAborted(never(), controller.signal)).rejects.toBe(reason);
  });

  it('leaves no rejection unhandled when the promise fails afterwards', async () => {
    const failing = Promise.reject(new Error('later'));
    await expect(unlessAborted(failing, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('heeds a signal of another make, and leaves no listener on it', async () => {
    const listeners: (() => void)[] = [];
    const foreign = {
      aborted: false,
      reason: new Error('enough'),
      addEventListener: (_name: string, listener: () => void) => listeners.push(listener),
      removeEventListener: () => listeners.pop(),
    } as unknown as AbortSignal; // as far as it's looked at
    await unlessAborted(Promise.resolve(), foreign);
    await Promise.resolve();
    expect(listeners).toEqual([]);
    const waiting = unlessAborted(never(), foreign);
    listeners[0]?.();
    await expect(waiting).rejects.toBe(foreign.reason);
  });
});
