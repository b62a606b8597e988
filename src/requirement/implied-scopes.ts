/**
 * Scopes with the broader ones that imply each: `{ read: ['write', 'admin'] }`. Without a prototype, because
 * `constructor` may be a scope.
 */
export type ImpliedScopes = Readonly<Record<string, readonly string[]>>;

/** Whether a token has a scope: it was granted, or a broader one that implies it was. */
export function grantsScope(granted: readonly string[], scope: string, implied: ImpliedScopes): boolean {
  if (granted.includes(scope)) return true;
  return implied[scope]?.some((broader) => granted.includes(broader)) === true;
}

/** The scopes that no other in the list implies: together they're enough for all. */
export function withoutImplied(scopes: readonly string[], implied: ImpliedScopes): readonly string[] {
  return scopes.filter((scope) => !implied[scope]?.some((broader) => scopes.includes(broader)));
}

/** The scopes that imply no other in the list: to meet any of the list, one of these is enough. */
export function narrowest(scopes: readonly string[], implied: ImpliedScopes): readonly string[] {
  return scopes.filter((scope) => !scopes.some((other) => implied[other]?.includes(scope)));
}
