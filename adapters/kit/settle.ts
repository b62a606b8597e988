/**
 * Calls `use` at once if the value is there, otherwise when it is. A known token is decided on at once; on
 * Fastify, waiting for it would cost about 3 % of the throughput.
 */
export function whenSettled<T, R>(value: T | Promise<T>, use: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/**
 * The same for frameworks with callbacks, of which some let a process end if a middleware throws.
 *
 * @param start makes the value
 * @param fail gets what `start` throws or rejects with, always as an `Error`: `next(undefined)` would
 *   continue
 */
export function proceed<T>(
  start: () => T | Promise<T>,
  use: (value: T) => void,
  fail: (error: Error) => void,
): void {
  const report = (cause: unknown): void =>
    fail(cause instanceof Error ? cause : new Error('authentication failed', { cause }));
  let value: T | Promise<T>;
  try {
    value = start();
  } catch (cause) {
    report(cause);
    return;
  }
  const used = whenSettled(value, use);
  if (used instanceof Promise) used.catch(report);
}

/**
 * Warns of a fault of ours if no path for errors leads anywhere: a rejection would end the process.
 *
 * @returns what a client may hear of it
 */
export function warnOfBug(cause: unknown): string {
  process.emitWarning(cause instanceof Error ? cause : String(cause));
  return 'Internal error';
}
