/**
 * An error whose message may be logged: a fixed text, an error code or a quoted public identifier, never
 * another error's text.
 */
export class SafeError extends Error {}

/** Describes what was thrown in words that may be logged: our own message, or the error's name or type. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof SafeError) return thrown.message;
  return thrown instanceof Error ? thrown.name : typeof thrown;
}
