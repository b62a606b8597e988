import { signedJws } from '../forged-jws.js';
import type { SigningKey } from '../signing-key.js';

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
