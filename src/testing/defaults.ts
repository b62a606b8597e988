/** What tokens of the kit say unless a test asks for something else, the same for real and for fake ones. */
export const defaults = {
  issuer: 'https://issuer.example.com',
  audience: 'https://api.example.com',
  clientId: 'test-client',
  lifetimeSeconds: 300,
} as const;

/** With client credentials the client acts for itself (RFC 9068 §2.2), so `"sub"` follows `"client_id"`. */
export function defaultSubject(claims: Readonly<Record<string, unknown>>, clientId: string): string {
  return typeof claims.client_id === 'string' ? claims.client_id : clientId;
}
