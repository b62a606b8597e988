/**
 * Scopes that broader ones imply, each with all of these: `{ read: ['write', 'admin'] }`. Without a
 * prototype, since `constructor` may be a scope.
 */
export type ImpliedScopes = Readonly<Record<string, readonly string[]>>;

/** Whether a token has a scope: it was granted, or a broader one that implies it was. */
export function grantsScope(granted: readonly string[], scope: string, implied: ImpliedScopes): boolean {
  if (granted.includes(scope)) return true;
  return implied[scope]?.some((broader) => granted.includes(broader)) === true;
}

/** Those that aren't implied by another of them: whoever has these has all. */
export function withoutImplied(scopes: readonly string[], implied: ImpliedScopes): readonly string[] {
  return scopes.filter((scope) => !implied[scope]?.some((broader) => scopes.includes(broader)));
}

/** Those that imply no other of them: whoever wants one of the list needs no more than one of these. */
export function narrowest(scopes: readonly string[], implied: ImpliedScopes): readonly string[] {
  return scopes.filter((scope) => !scopes.some((other) => implied[other]?.includes(scope)));
}
