import { expect, it } from 'vitest';
import { unlessAborted } from '../../../src/client/unless-aborted.js';

const never = new Promise<never>(() => undefined);

it('waits for the promise where there is no signal, and where it is not aborted', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), undefined)).toBe(7);
  expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
  await expect(unlessAborted(Promise.reject(new Error('x')), signal)).rejects.toThrow('x');
});

it('rejects with the reason of a signal that is aborted, or was', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = unlessAborted(never, controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(unlessAborted(never, controller.signal)).rejects.toBe(reason);
});

it('leaves no rejection unhandled when the promise fails afterwards', async () => {
  const failing = Promise.reject(new Error('later'));
  await expect(unlessAborted(failing, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});
