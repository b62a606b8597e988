import { randomUUID } from 'node:crypto';
import type { StandardClaims } from '../auth.js';
import { isJsonObject } from '../lib/json.js';

/**
 * Claims to lay over the usual ones; the value `undefined` removes a claim. Any value will do: it may be a
 * forgery. The granted scopes are `scope`, in one text: `'read:inventory write:inventory'`.
 */
export type TokenClaims = { readonly [Claim in keyof StandardClaims]?: unknown };

/** What tokens say unless they're asked to say something else. */
export interface TokenSettings {
  readonly audience: string;
  readonly clientId: string;
  /** How long a token is valid. */
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. Undefined for `Date.now`. */
  readonly clock: (() => number) | undefined;
}

/** What tokens of the kit say unless a test asks for something else, real and fake ones alike. */
export const defaults = {
  issuer: 'https://issuer.example.com',
  audience: 'https://api.example.com',
  clientId: 'test-client',
  lifetimeSeconds: 300,
} as const;

/** The claims of an access token (RFC 9068 §2.2), with `others` laid over them. */
export function completeClaims(issuer: string, settings: TokenSettings, others: TokenClaims): TokenClaims {
  const now = secondsNow(settings);
  return {
    iss: issuer,
    aud: settings.audience,
    sub: defaultSubject(others, settings.clientId),
    client_id: settings.clientId,
    iat: now,
    exp: now + settings.lifetimeSeconds,
    jti: randomUUID(),
    ...others,
  };
}

/** With client credentials the client acts for itself (RFC 9068 §2.2), so `"sub"` follows `"client_id"`. */
export function defaultSubject(claims: TokenClaims, clientId: string): string {
  return typeof claims.client_id === 'string' ? claims.client_id : clientId;
}

/** What introspection calls the type of a token with these claims (RFC 9449 §6.2). */
export function introspectedType({ cnf }: TokenClaims): 'DPoP' | 'Bearer' {
  return isJsonObject(cnf) && Object.hasOwn(cnf, 'jkt') ? 'DPoP' : 'Bearer';
}

/** The time as claims have it: whole seconds since the epoch. */
export function secondsNow({ clock = Date.now }: Pick<TokenSettings, 'clock'>): number {
  return Math.floor(clock() / 1000);
}
