import { randomBytes } from 'node:crypto';
import { checkObject } from './check-members.js';
import type { TestIssuerSettings } from './test-issuer-options.js';
import { type TokenClaims, usualClaims } from './token-issuer.js';

/** What a test issuer does with tokens that are no JWTs. */
export interface OpaqueTokenIssuer {
  /**
   * An opaque access token: random characters, for resource servers with `introspectionOptions`. What introspection says of it are the same claims as those of `token()`, and
   * `token_type`: `DPoP` for a token that is bound to a DPoP key, otherwise `Bearer`. When it has expired it is not active any more.
   *
   * @param claims more claims, or other values; `undefined` removes one: `{ aud: undefined }`
   * @throws {TypeError} something else than an object
   */
  opaqueToken(claims?: TokenClaims): string;
  /**
   * From now on introspection says that the token is not active. Does nothing for a token that is not.
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

/** The opaque tokens of an issuer. They are kept for as long as it lives. */
export function createOpaqueTokens(identifier: string, settings: TestIssuerSettings): OpaqueTokens {
  const active = new Map<string, TokenClaims>();
  const now = (): number => Math.floor((settings.clock ?? Date.now)() / 1000);
  const issuer: OpaqueTokenIssuer = {
    opaqueToken(claims = {}) {
      checkObject(claims, 'the claims of a token');
      const token = randomBytes(32).toString('base64url');
      active.set(token, {
        token_type: isBoundToDpopKey(claims) ? 'DPoP' : 'Bearer',
        ...usualClaims(identifier, settings, now(), claims),
        ...claims,
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
      const isExpired = typeof claims?.exp === 'number' && claims.exp <= now();
      return claims === undefined || isExpired ? { active: false } : { active: true, ...claims };
    },
  };
}

function isBoundToDpopKey({ cnf }: TokenClaims): boolean {
  return typeof cnf === 'object' && cnf !== null && 'jkt' in cnf;
}
