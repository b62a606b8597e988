import type { Auth } from '../auth.js';
import { reportWarning } from '../diagnostics.js';
import { InvalidTokenError, UnavailableError } from '../errors.js';
import { TimeLimitExceeded, withTimeLimit } from '../lib/deadline.js';

/** Throws, or rejects, where the access token was revoked; returns a promise only where there is something to wait for. */
export type RevocationCheck = (auth: Auth) => undefined | Promise<undefined>;

/** A store that does not answer mostly needs longer than a moment. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Asks the application whether an access token was revoked. Without an answer nobody knows: then nobody gets in, and the client is not blamed.
 *
 * @param isRevoked the application's function; what it says is not remembered
 * @param timeoutSeconds how long to wait where it returns a promise
 * @returns a check that throws {@link InvalidTokenError} `revoked` or {@link UnavailableError} `revocation_unavailable`
 */
export function revocationCheck(isRevoked: (auth: Auth) => unknown, timeoutSeconds: number): RevocationCheck {
  return (auth) => {
    const answer = ask(() => isRevoked(auth));
    return answer instanceof Promise ? settle(answer, timeoutSeconds) : conclude(answer);
  };
}

function ask(isRevoked: () => unknown): unknown {
  try {
    const answer = isRevoked();
    return isThenable(answer) ? Promise.resolve(answer) : answer;
  } catch (error) {
    throw failure(nameOf(error));
  }
}

/** An answer that comes after the time limit changes nothing any more, and neither does a rejection. */
async function settle(answer: Promise<unknown>, timeoutSeconds: number): Promise<undefined> {
  const answered = withTimeLimit(timeoutSeconds, () => answer).catch((error: unknown) => {
    throw failure(error instanceof TimeLimitExceeded ? error.message : nameOf(error));
  });
  return conclude(await answered);
}

function conclude(isRevoked: unknown): undefined {
  if (isRevoked === false) return undefined;
  if (isRevoked === true) throw new InvalidTokenError('revoked');
  throw failure(isRevoked === null ? 'null' : typeof isRevoked);
}

/** The error of the application stays out of ours: its text may quote the token or its claims. */
function failure(detail: string): UnavailableError {
  reportWarning({ source: 'isRevoked', detail });
  return new UnavailableError('revocation_unavailable', RETRY_AFTER_SECONDS);
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown;
}

/** Not only promises: the query builders of databases are often no more than this. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
