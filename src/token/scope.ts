// RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Whether `value` is one scope as RFC 6749 §3.3 writes it: printable ASCII without space, `"` and `\`. */
export function isScopeToken(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_TOKEN.test(value);
}

/**
 * Scopes without `offline_access`, which asks the authorization server for a refresh token. That doesn't
 * concern an API, and neither challenges nor metadata may make clients ask for it (MCP authorization, scope
 * selection).
 */
export function withoutOfflineAccess(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => scope !== 'offline_access');
}

/**
 * The scopes that a claim grants, in order and without duplicates.
 *
 * A string is split at single spaces (`"read write"` → `["read", "write"]`). In an array, an element may also
 * be `{ value: "read" }`, as SCIM writes `roles` and `groups` (RFC 9068 §2.2.3.1). Anything that isn't a
 * scope token is dropped: the empty string between two spaces, an element with a space, a value that isn't a
 * string. There's no other separator, so `"read,write"` is one scope.
 */
export function parseScopes(claim: unknown): readonly string[] {
  let candidates: readonly unknown[] = [];
  if (typeof claim === 'string') candidates = claim.split(' ');
  else if (Array.isArray(claim))
    candidates = claim.map((element: unknown) =>
      typeof element === 'object' && element !== null && 'value' in element ? element.value : element,
    );
  return [...new Set(candidates.filter(isScopeToken))];
}
