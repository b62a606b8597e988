/**
 * An error whose message may be logged: a fixed text, an error code or a quoted public identifier, never
 * another error's text.
 */
export class SafeError extends Error {}

const ERROR_CODE = /^[A-Z][A-Z0-9_]{1,60}$/;

/** The code of an error of Node, OpenSSL or the system, such as `ENOENT`; undefined if it has none. */
export function readErrorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && ERROR_CODE.test(code) ? code : undefined;
}

/** Describes what was thrown in words that may be logged: our own message, or the error's name or type. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof SafeError) return thrown.message;
  return thrown instanceof Error ? thrown.name : typeof thrown;
}
