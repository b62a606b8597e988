/** What was to be done took too long. */
export class TimeLimitExceeded extends Error {
  constructor() {
    super('time-out');
  }
}

/**
 * Runs `act` for at most so long, also when it does not heed its signal. The timer does not keep the process alive.
 *
 * @param outer ends it early when it is aborted itself
 * @throws {TimeLimitExceeded} where `act` does not reject by itself when its signal is aborted
 */
export async function withTimeLimit<T>(
  seconds: number,
  act: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      abort();
      // A turn later: whoever heeds the signal can say better what it was waiting for.
      setImmediate(() => reject(new TimeLimitExceeded()));
    }, seconds * 1000);
    timer.unref();
  });
  try {
    return await Promise.race([act(controller.signal), limit]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', abort);
  }
}
