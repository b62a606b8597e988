import type { Auth } from '../auth.js';
import { reportWarning } from '../diagnostics.js';
import { InvalidTokenError, UnavailableError } from '../errors.js';
import { withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';

/** The application's own check of revocation, and how long it may take. */
export interface RevocationSettings {
  /** What it says isn't remembered. */
  readonly isRevoked: (auth: Auth) => unknown;
  readonly timeoutSeconds: number;
}

/** A store that doesn't answer mostly needs longer than a moment. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Asks the application whether an access token was revoked. If it can't tell, nobody gets in, and the client
 * isn't blamed.
 *
 * @throws {InvalidTokenError} `revoked`
 * @throws {UnavailableError} `revocation_unavailable`: an exception, an answer that isn't a boolean, or none
 *   in time
 */
export async function checkRevocation(
  auth: Auth,
  { isRevoked, timeoutSeconds }: RevocationSettings,
): Promise<void> {
  let answer: unknown;
  try {
    answer = isRevoked(auth);
    // Not only promises are waited for: the query builders of databases are often no more than thenable.
    if (typeof answer !== 'boolean') answer = await withTimeLimit(timeoutSeconds, async () => answer);
  } catch (error) {
    throw unavailable(describeError(error));
  }
  if (answer === true) throw new InvalidTokenError('revoked');
  if (answer !== false) throw unavailable(answer === null ? 'null' : typeof answer);
}

/** The error of the application stays out of ours: its text may quote the token or its claims. */
function unavailable(detail: string): UnavailableError {
  reportWarning({ source: 'isRevoked', detail });
  return new UnavailableError('revocation_unavailable', RETRY_AFTER_SECONDS);
}
