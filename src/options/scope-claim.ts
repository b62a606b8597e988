import type { StandardClaims } from '../auth.js';
import { callable, textOrTexts } from '../lib/check.js';
import type { ScopeSource } from '../token/token-rules.js';

/**
 * Where an issuer puts the granted scopes: a claim, a list of claims whose scopes add up, such as
 * `['scp', 'roles']`, or a function that returns the scopes.
 */
export type ScopeClaim = string | readonly string[] | ((claims: StandardClaims) => readonly string[]);

const TAKES = 'the name of a claim, a list of at least one, or a function';

/** Checks an option that says where the scopes are. */
export function checkScopeClaim(given: unknown, path: string): ScopeSource {
  if (typeof given === 'function') return callable(given, path);
  return Object.freeze([...textOrTexts(given, path, TAKES)]);
}
