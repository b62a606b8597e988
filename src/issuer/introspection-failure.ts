import type { UnavailableReason } from '../reasons.js';

/** What is known of a failure besides its reason and what happened. */
export interface FailureFacts {
  /** Seconds until the server wants to be asked again (`Retry-After`). */
  readonly retryAfterSeconds?: number | undefined;
  /** Whether the server did answer, if only to this one request: then others need not be held back. Default false. */
  readonly isAboutToken?: boolean;
}

/**
 * An issuer was asked about a token and said nothing that can be used.
 *
 * Security: it has no `cause`, as an error of a `fetch` that the application brings may carry the request, and with it the token and the client's secret.
 */
export class IntrospectionFailure extends Error {
  readonly reason: UnavailableReason;
  readonly retryAfterSeconds: number | undefined;
  readonly isAboutToken: boolean;

  /** @param detail a fixed text, an error code or the name of an error; never text of a third party */
  constructor(
    reason: UnavailableReason,
    detail: string,
    { retryAfterSeconds, isAboutToken }: FailureFacts = {},
  ) {
    super(detail);
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
    this.isAboutToken = isAboutToken ?? false;
  }
}
