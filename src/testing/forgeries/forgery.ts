import type { InvalidProofReason, InvalidTokenReason } from '../../index.js';
import { signedJws } from '../forged-jws.js';
import type { SigningKey } from '../signing-key.js';

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

/** Why forgeries are refused. */
export type ForgeryReason =
  | 'malformed_credentials'
  | 'multiple_methods'
  | InvalidTokenReason
  | InvalidProofReason
  | 'insufficient_scope';

/** A forgery that sends `token` as a bearer token (RFC 6750 §2.1). */
export function forgedToken(name: string, reason: ForgeryReason, token: string): Forgery {
  return forgedRequest(name, reason, { Authorization: `Bearer ${token}` });
}

/** A forgery with any header fields. */
export function forgedRequest(name: string, reason: ForgeryReason, headers: Record<string, string>): Forgery {
  return Object.freeze({ name, headers: Object.freeze(headers), status: expectedStatus(reason), reason });
}

function expectedStatus(reason: ForgeryReason): Forgery['status'] {
  if (reason === 'insufficient_scope') return 403;
  return reason === 'malformed_credentials' || reason === 'multiple_methods' ? 400 : 401;
}

/** Claims or header parameters to lay over the accepted ones; the value `undefined` removes one. */
export type Changes = Readonly<Record<string, unknown>>;

/** A token that the resource server accepts, in parts: every forgery starts from it and changes one thing. */
export interface AcceptedToken {
  readonly header: Changes;
  readonly claims: Changes;
  /** The issuer's current key. */
  readonly key: SigningKey;
  /** A key of the same algorithm that the issuer never published. */
  readonly foreignKey: SigningKey;
  readonly issuer: string;
  readonly audience: string;
  readonly clientId: string;
  /** Seconds since the epoch. */
  readonly now: number;
}

/**
 * The accepted token itself, or with some claims and header parameters changed and then signed by the
 * issuer's key.
 */
export function signWith(accepted: AcceptedToken, claims: Changes = {}, header: Changes = {}): string {
  return signedJws({ ...accepted.header, ...header }, { ...accepted.claims, ...claims }, accepted.key);
}
