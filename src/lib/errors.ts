/**
 * An error whose message may be logged: a fixed text, an error code or a quoted public identifier, never the
 * text of somebody else's error.
 */
export class SafeError extends Error {}

/**
 * What was thrown, in words that may be logged: our own message, otherwise the name of the error or its type.
 */
export function describeError(thrown: unknown): string {
  if (thrown instanceof SafeError) return thrown.message;
  return thrown instanceof Error ? thrown.name : typeof thrown;
}
