import { randomBytes } from 'node:crypto';
import { anyObject } from '../lib/check.js';
import {
  completeClaims,
  introspectedType,
  secondsNow,
  type TokenClaims,
  type TokenSettings,
} from './token-claims.js';

/** What a test issuer does with tokens that aren't JWTs. */
export interface OpaqueTokenIssuer {
  /**
   * Makes an opaque access token: random characters, for resource servers with `introspectionOptions`.
   * Introspection answers with the claims that `token()` would have, and `token_type`: `DPoP` for a token
   * that's bound to a DPoP key, otherwise `Bearer`. Once the token has expired, it's no longer active.
   *
   * @param claims more claims, or other values; `undefined` removes one: `{ aud: undefined }`
   * @throws {TypeError} something other than an object
   */
  opaqueToken(claims?: TokenClaims): string;
  /**
   * From now on introspection answers that the token isn't active. Does nothing for a token that isn't.
   *
   * @param token made by `opaqueToken`
   */
  revokeToken(token: string): void;
}

/** Tokens, and what their issuer says about them. */
export interface OpaqueTokens {
  readonly issuer: OpaqueTokenIssuer;
  /** The introspection response for any token (RFC 7662 §2.2). */
  introspect(token: string): TokenClaims;
}

/** The opaque tokens of an issuer. They're kept for as long as it lives. */
export function createOpaqueTokens(identifier: string, settings: TokenSettings): OpaqueTokens {
  const active = new Map<string, TokenClaims>();
  const issuer: OpaqueTokenIssuer = {
    opaqueToken(claims = {}) {
      anyObject(claims, 'opaqueToken.claims');
      const token = randomBytes(32).toString('base64url');
      active.set(token, {
        token_type: introspectedType(claims),
        ...completeClaims(identifier, settings, claims),
      });
      return token;
    },
    revokeToken(token) {
      active.delete(token);
    },
  };
  return {
    issuer,
    introspect(token) {
      const claims = active.get(token);
      const isExpired = typeof claims?.exp === 'number' && claims.exp <= secondsNow(settings);
      return claims === undefined || isExpired ? { active: false } : { active: true, ...claims };
    },
  };
}
