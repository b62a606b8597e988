import type { Scheme } from '../terms.js';

/** Parameters of a challenge in the order in which they are written. Those without a value are left out. */
export interface ChallengeParameters {
  readonly realm: string;
  readonly error?: string | undefined;
  readonly error_description?: string | undefined;
  readonly scope?: string | undefined;
  /** Accepted authentication context classes (RFC 9470 §3), separated by spaces. */
  readonly acr_values?: string | undefined;
  /** How old the authentication may be, in seconds (RFC 9470 §3). */
  readonly max_age?: string | undefined;
  /** Where the metadata of this API is (RFC 9728 §5.1). */
  readonly resource_metadata?: string | undefined;
  /** Accepted algorithms of DPoP proofs (RFC 9449 §7.1), separated by spaces. */
  readonly algs?: string | undefined;
}

/**
 * A value for `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 6750 §3): `Bearer realm="api",
 * error="invalid_token"`.
 */
export function formatChallenge(scheme: Scheme, parameters: ChallengeParameters): string {
  const written = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quote(String(value))}`);
  return `${scheme} ${written.join(', ')}`;
}

/**
 * RFC 9110 §5.6.4. What a quoted-string cannot hold becomes a space: the value may come from configuration,
 * and a header must never break.
 */
function quote(value: string): string {
  return `"${value.replace(/[^\x20-\x7e]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
