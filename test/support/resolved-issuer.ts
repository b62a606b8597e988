import type { ResolvedIssuer } from '../../src/issuer/trusted-issuer.js';
import type { TrustedIssuer } from '../../src/options/options.js';
import { resolveOptions } from '../../src/options/resolve.js';

export const ISSUER = 'https://issuer.example.com';
export const AUDIENCE = 'https://api.example.com';

/** An issuer as options resolve it, for what is checked before any key is asked for. */
export function resolvedIssuer(options: Partial<TrustedIssuer> = {}): ResolvedIssuer {
  const issuer: TrustedIssuer = { issuer: ISSUER, jwks: () => ({ keys: [] }), ...options };
  const resolved = resolveOptions({ issuer, audience: AUDIENCE }).issuers.get(issuer.issuer);
  if (resolved === undefined) throw new Error('the options resolved to another issuer');
  return resolved;
}
