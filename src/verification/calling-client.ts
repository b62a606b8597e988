import { askApplication } from '../ask-application.js';
import type { StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import { readClientId } from '../token/claims.js';
import type { TokenRules } from '../token/token-rules.js';

/**
 * The client of an access token; undefined if it lacks the claim. If a function of the application names
 * clients, a token is refused if the function doesn't know its client, or fails.
 *
 * @param claims of a token that's known to be valid
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
