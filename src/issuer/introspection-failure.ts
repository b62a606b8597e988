import { SafeError } from '../lib/errors.js';
import type { UnavailableReason } from '../reasons.js';

/**
 * What a failure says about the server. `server`: it's down, or refuses this API whatever the question;
 * `unclear`: it may be only about this question, which the server or something in front of it can't answer.
 */
export type FailureScope = 'server' | 'unclear';

/**
 * An introspection endpoint gave no usable answer.
 *
 * Security: it has no `cause`, because the application's own `fetch` may put the request into its error, and
 * with it the token and the client's secret.
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
