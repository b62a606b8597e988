/** What was thrown, always as an `Error`: `next(undefined)` would continue. */
export function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('authentication failed', { cause });
}
