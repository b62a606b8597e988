import type { Auth } from '../auth.js';
import { reportWarning } from '../diagnostics.js';
import { InvalidTokenError, UnavailableError } from '../errors.js';
import { withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';

/** The application's own check of revocation, and how long it may take. */
export interface RevocationSettings {
  /** Its answers aren't remembered. */
  readonly isRevoked: (auth: Auth) => unknown;
  readonly timeoutSeconds: number;
}

/** A store that doesn't answer usually needs more than a moment. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Asks the application whether an access token was revoked. If the check fails, the request is denied, but
 * without blaming the client.
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
    // Waits for anything thenable, not only promises: query builders of databases often aren't more than
    // that.
    if (typeof answer !== 'boolean') answer = await withTimeLimit(timeoutSeconds, async () => answer);
  } catch (error) {
    throw unavailable(describeError(error));
  }
  if (answer === true) throw new InvalidTokenError('revoked');
  if (answer !== false) throw unavailable(answer === null ? 'null' : typeof answer);
}

/** The application's error isn't passed on: its text may quote the token or its claims. */
function unavailable(detail: string): UnavailableError {
  reportWarning({ source: 'isRevoked', detail });
  return new UnavailableError('revocation_unavailable', RETRY_AFTER_SECONDS);
}
