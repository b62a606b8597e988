import type { AccessToken } from '../../auth.js';
import { createIssuer } from '../../issuer/issuer.js';
import { TrustedIssuers } from '../../issuer/trusted-issuers.js';
import { checkOptions } from '../../options/options.js';
import { readAudience } from '../../token/claims.js';
import type { TokenRules } from '../../token/token-rules.js';
import { ScopeReader } from '../../verification/granted-scopes.js';
import { JwtVerifier } from '../../verification/jwt.js';
import type { KeyRing } from '../signing-key.js';
import { describeToken } from './token-mint.js';

/** What an issuer reads in its own tokens. */
export type OwnToken = Pick<AccessToken, 'claims' | 'subject' | 'scopes' | 'expiresAt'>;

/**
 * Verifies tokens of an issuer for the issuer itself, whatever key they are bound to: a key that's published
 * now must have signed it, it must be in date, and no claim may mark it as an ID token or the like.
 *
 * @throws {InvalidTokenError} the token isn't valid, with the first reason found (the promise rejects)
 */
export type OwnTokenVerifier = (token: string) => Promise<OwnToken>;

export interface OwnTokenOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  /**
   * The APIs that its tokens are for. They must be of the type `at+jwt` then, with the claims of RFC 9068.
   * Undefined: the tokens can look like those of any issuer, even without an audience.
   */
  readonly audience: readonly string[] | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

export function createOwnTokenVerifier({ issuer, keys, clock, audience }: OwnTokenOptions): OwnTokenVerifier {
  return async (token) => {
    const { issuers, issuerResolution, runtime } = checkOptions({
      issuer: { issuer, jwks: keys.published },
      audience: issuer,
      tokenType: 'at+jwt',
      clockToleranceSeconds: 0, // the same clock made the tokens
      clock,
    });
    const rules = audience === undefined ? rulesForAny(token, issuer) : { audience: new Set(audience) };
    const trusted = [...issuers.values()].map((settings) =>
      createIssuer({ ...settings, rules: { ...settings.rules, ...rules } }, runtime),
    );
    const options = { ...runtime, issuers: new TrustedIssuers(trusted, issuerResolution, runtime) };
    return (await new JwtVerifier(options, new ScopeReader()).verify(token)).accessToken;
  };
}

function rulesForAny(token: string, issuer: string): Partial<TokenRules> {
  return {
    tokenType: 'any',
    audience: new Set(readAudience(describeToken(token).claims ?? {})),
    audienceMayBeClient: true,
    // A token without "aud" must name a known client. All of them name the issuer.
    clientIdClaim: 'iss',
    clientIds: new Set([issuer]),
  };
}
