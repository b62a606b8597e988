import type { StandardClaims } from '../auth.js';
import { askApplication } from '../diagnostics.js';
import { InvalidTokenError } from '../errors.js';
import { readClientId } from '../token/claims.js';
import type { TokenRules } from '../token/token-rules.js';

/**
 * The client that an access token is of; undefined if the claim for it isn't there. Where a function of the
 * application names clients, a token of none that it knows is refused, and so is any if it fails.
 *
 * @param claims of a token that is known to be valid
 * @throws {InvalidTokenError} `not_an_access_token`
 */
export function readCallingClient(claims: StandardClaims, rules: TokenRules): string | undefined {
  const { clientIdClaim } = rules;
  if (typeof clientIdClaim === 'string') return readClientId(claims, rules);
  const clientId = askApplication('clientIdClaim', () => clientIdClaim(claims), isClientId);
  if (clientId) return clientId;
  throw new InvalidTokenError('not_an_access_token', 'the function in clientIdClaim names no client');
}

function isClientId(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
