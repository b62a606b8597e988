import { SafeError } from '../lib/errors.js';
import type { UnavailableReason } from '../reasons.js';

/**
 * An introspection endpoint said nothing that can be used.
 *
 * Security: it has no `cause`, because an error of a `fetch` that the application brings may carry the
 * request, and with it the token and the client's secret.
 */
export class IntrospectionFailure extends SafeError {
  readonly reason: UnavailableReason;
  /** Seconds until the server wants to be asked again (`Retry-After`). */
  readonly retryAfterSeconds: number | undefined;
  /** Whether the server did answer, if only to this one request. */
  readonly isAboutToken: boolean;

  constructor(
    reason: UnavailableReason,
    detail: string,
    facts: { readonly retryAfterSeconds?: number | undefined; readonly isAboutToken?: boolean } = {},
  ) {
    super(detail);
    this.reason = reason;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.isAboutToken = facts.isAboutToken ?? false;
  }
}
