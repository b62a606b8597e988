import { badOption, memberPath, optionError } from '../lib/check.js';
import { isJsonObject } from '../lib/json.js';
import type { ImpliedScopes } from '../requirement/implied-scopes.js';
import { isScopeToken } from '../token/scope.js';

/**
 * Inverts the option and follows it through: `{ write: ['read'] }` → `read` → `['write']`. If one scope
 * implies another, it also implies everything that the other does.
 *
 * @throws {OptionError} it isn't an object of lists of scopes, or scopes imply each other
 */
export function checkImpliedScopes(given: unknown, path: string): ImpliedScopes {
  // A Map has no members, so it would imply nothing.
  if (!isJsonObject(given) || given instanceof Map)
    throw optionError(path, 'an object of lists of scopes', given);
  const direct = new Map(
    Object.entries(given).map(([broader, narrower]) => [
      checkScope(broader, path),
      checkScopes(narrower, memberPath(path, broader), 1),
    ]),
  );
  const implied: Record<string, string[]> = Object.create(null);
  for (const broader of direct.keys())
    for (const scope of reachable(broader, direct)) {
      if (scope === broader) throw badOption(path, `has scopes that imply each other, "${scope}" among them`);
      implied[scope] = [...(implied[scope] ?? []), broader];
    }
  return Object.freeze(implied);
}

function reachable(scope: string, direct: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set(direct.get(scope));
  // Iterating over a set also visits what's added on the way.
  for (const one of found) for (const next of direct.get(one) ?? []) found.add(next);
  return found;
}

/** @param least how many there must be */
export function checkScopes(given: unknown, path: string, least = 0): readonly string[] {
  if (!Array.isArray(given) || given.length < least) throw optionError(path, 'a list of scopes', given);
  return Array.from(given, (scope) => checkScope(scope, path));
}

/** Checks one scope (RFC 6749 §3.3). */
function checkScope(given: unknown, path: string): string {
  if (isScopeToken(given)) return given;
  throw optionError(path, 'scopes without spaces, quotes and backslashes (RFC 6749, section 3.3)', given);
}
