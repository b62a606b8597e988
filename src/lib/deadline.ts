import { setMaxListeners } from 'node:events';
import { startBackgroundTimer } from './background-timer.js';
import { SafeError } from './errors.js';

/**
 * How much longer than its time limit work can take, in seconds: to give up, and to handle what came of it.
 */
export const GRACE_SECONDS = 1;

/** Something exceeded its time limit. */
export class TimeLimitExceeded extends SafeError {
  constructor() {
    super('time-out');
  }
}

/**
 * Gives `act` this many seconds, even if it ignores its signal.
 *
 * @param outer ends it early when aborted
 * @param startTimer `setTimeout` to keep the process alive meanwhile. Default: the timer doesn't
 * @throws {TimeLimitExceeded} if `act` doesn't reject by itself once its signal is aborted
 */
export async function withTimeLimit<T>(
  seconds: number,
  act: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
  startTimer: (act: () => void, milliseconds: number) => NodeJS.Timeout = startBackgroundTimer,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const around = outer && follow(outer);
  if (around?.aborted) abort();
  around?.addEventListener('abort', abort);
  let timer: NodeJS.Timeout | undefined;
  try {
    // Called first, so that a limit within it that's as long ends before this one.
    const work = act(controller.signal);
    const limit = new Promise<never>((_resolve, reject) => {
      timer = startTimer(() => {
        abort();
        // One turn later: code that obeys the signal can report better what it was waiting for.
        setImmediate(() => reject(new TimeLimitExceeded()));
      }, seconds * 1000);
    });
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    around?.removeEventListener('abort', abort);
  }
}

/**
 * Waits for a promise, or rejects with the signal's reason once the signal is aborted. The work behind the
 * promise goes on.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const followed = follow(signal);
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (followed.aborted) abort();
    followed.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => followed.removeEventListener('abort', abort));
  });
}

/** By the signal that each one follows. */
const followers = new WeakMap<AbortSignal, AbortSignal>();

/**
 * A signal for any number of listeners. Many calls may share a signal, and Node 20 reports more than ten
 * listeners on it as a leak (`MaxListenersExceededWarning`). One signal follows it for all calls: on Node 20,
 * one per call would take memory for as long as the shared one lives. Signals that aren't native are used
 * directly.
 */
function follow(signal: AbortSignal): AbortSignal {
  if (!(signal instanceof AbortSignal)) return signal;
  const known = followers.get(signal);
  if (known !== undefined) return known;
  const follower = AbortSignal.any([signal]);
  followers.set(signal, follower);
  try {
    setMaxListeners(0, follower);
  } catch {
    // The signals of a simulated browser aren't Node's, which warn.
  }
  return follower;
}
