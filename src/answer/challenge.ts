import type { Scheme } from '../terms.js';

/** Parameters of a challenge, in the order to write them. Those without a value are left out. */
export type ChallengeParameters = Readonly<Record<string, string | number | undefined>>;

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
 * RFC 9110 §5.6.4. Characters that a quoted-string can't contain become spaces: the value may come from
 * configuration, and a header must never break.
 */
function quote(value: string): string {
  return `"${value.replace(/[^\x20-\x7e]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
