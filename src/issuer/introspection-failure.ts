import { SafeError } from '../lib/errors.js';
import type { UnavailableReason } from '../reasons.js';

/**
 * What a failure says about the server. `server`: it's out of order, or refuses this API, whatever it's
 * asked; `unclear`: it may be only this one question, for which the server or something before it has no
 * answer.
 */
export type FailureScope = 'server' | 'unclear';

/**
 * An introspection endpoint said nothing that can be used.
 *
 * Security: it has no `cause`, because an error of a `fetch` that the application brings may carry the
 * request, and with it the token and the client's secret.
 */
export class IntrospectionFailure extends SafeError {
  readonly reason: UnavailableReason;
  readonly scope: FailureScope;
  /** HTTP status of the answer, if that's what was wrong. */
  readonly status: number | undefined;
  /** Seconds until the server wants to be asked again (`Retry-After`). */
  readonly retryAfterSeconds: number | undefined;
  /** A fixed text that helps to configure this API as a client of the server. */
  readonly hint: string | undefined;

  constructor(
    reason: UnavailableReason,
    detail: string,
    scope: FailureScope,
    facts: Partial<Pick<IntrospectionFailure, 'status' | 'retryAfterSeconds' | 'hint'>> = {},
  ) {
    super(detail);
    this.reason = reason;
    this.scope = scope;
    this.status = facts.status;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.hint = facts.hint;
  }
}
