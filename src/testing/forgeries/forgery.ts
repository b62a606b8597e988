import type {
  InsufficientScopeReason,
  InvalidProofReason,
  InvalidRequestReason,
  InvalidTokenReason,
} from '../../reasons.js';

/** A request that a resource server must refuse, and how. */
export interface Forgery {
  /** What is wrong, in a few words, for the title of a test: `exp in the past`. Unique within the table. */
  readonly name: string;
  /**
   * Header fields to send, for supertest's `.set()` or `fetch`: `{ Authorization: 'Bearer eyJ…' }`. May be
   * empty.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The status that the answer must have. */
  readonly status: 400 | 401 | 403;
  /** Why it must be refused: `ResourceServerError.reason`. */
  readonly reason: ForgeryReason;
}

/** The reasons of a refusal that is the client's fault. */
export type ForgeryReason =
  | InvalidRequestReason
  | InvalidTokenReason
  | InvalidProofReason
  | InsufficientScopeReason;

/** A forgery that sends `token` as a bearer token (RFC 6750 §2.1). */
export function forgedToken(name: string, reason: ForgeryReason, token: string): Forgery {
  return forgedRequest(name, reason, { Authorization: `Bearer ${token}` });
}

/** A forgery with any header fields. */
export function forgedRequest(name: string, reason: ForgeryReason, headers: Record<string, string>): Forgery {
  return Object.freeze({ name, headers: Object.freeze(headers), status: statusOf(reason), reason });
}

function statusOf(reason: ForgeryReason): Forgery['status'] {
  switch (reason) {
    case 'malformed_credentials':
    case 'multiple_methods':
    case 'repeated_parameter':
    case 'client_cert_invalid':
      return 400;
    case 'insufficient_scope':
    case 'claims_not_met':
      return 403;
    default:
      return 401;
  }
}
