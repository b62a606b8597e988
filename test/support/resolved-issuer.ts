import { createIssuer, type Issuer } from '../../src/issuer/issuer.js';
import { checkOptions } from '../../src/options/options.js';
import type { TrustedIssuer } from '../../src/options/trusted-issuer.js';

export const ISSUER = 'https://issuer.example.com';
export const AUDIENCE = 'https://api.example.com';

/** An issuer as options resolve it, for what is checked before any key is asked for. */
export function resolvedIssuer(options: Partial<TrustedIssuer> = {}): Issuer {
  const issuer: TrustedIssuer = { issuer: ISSUER, jwks: () => ({ keys: [] }), ...options };
  const { issuers, runtime } = checkOptions({ issuer, audience: AUDIENCE });
  const settings = issuers.get(issuer.issuer);
  if (settings === undefined) throw new Error('the options resolved to another issuer');
  return createIssuer(settings, runtime);
}
