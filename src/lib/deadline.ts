import { startBackgroundTimer } from './background-timer.js';
import { SafeError } from './errors.js';

/** Something took longer than it was given. */
export class TimeLimitExceeded extends SafeError {
  constructor() {
    super('time-out');
  }
}

/**
 * Gives `act` so many seconds, even if it ignores its signal. The timer doesn't keep the process alive.
 *
 * @param outer ends it early when it's aborted itself
 * @throws {TimeLimitExceeded} if `act` doesn't reject by itself once its signal is aborted
 */
export async function withTimeLimit<T>(
  seconds: number,
  act: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const around = outer && follow(outer);
  if (around?.aborted) abort();
  around?.addEventListener('abort', abort);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = startBackgroundTimer(() => {
      abort();
      // A turn later, because code that heeds the signal can say better what it was waiting for.
      setImmediate(() => reject(new TimeLimitExceeded()));
    }, seconds * 1000);
  });
  try {
    return await Promise.race([act(controller.signal), limit]);
  } finally {
    clearTimeout(timer);
    around?.removeEventListener('abort', abort);
  }
}

/**
 * Waits for a promise, or rejects with the signal's reason once that is aborted. What the promise stands for
 * goes on.
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

/**
 * A signal for one listener. Any number of calls may share a signal, and Node 20 takes more than ten
 * listeners on it for a leak (`MaxListenersExceededWarning`). A signal of another make is used itself.
 */
function follow(signal: AbortSignal): AbortSignal {
  return signal instanceof AbortSignal ? AbortSignal.any([signal]) : signal;
}
