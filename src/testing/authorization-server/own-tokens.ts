import type { AccessToken } from '../../auth.js';
import { createIssuer } from '../../issuer/issuer.js';
import { TrustedIssuers } from '../../issuer/trusted-issuers.js';
import { checkOptions } from '../../options/options.js';
import { readAudience } from '../../token/claims.js';
import { ScopeReader } from '../../verification/granted-scopes.js';
import { JwtVerifier } from '../../verification/jwt.js';
import type { KeyRing } from '../signing-key.js';
import { describeToken } from './token-mint.js';

/**
 * Verifies access tokens of an issuer for the issuer itself, whatever key they are bound to: a key that's
 * published now must have signed it, and it hasn't expired.
 *
 * @throws {InvalidTokenError} the token isn't valid, with the first reason found (the promise rejects)
 */
export type OwnTokenVerifier = (token: string) => Promise<AccessToken>;

export interface OwnTokenOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  /** The APIs that its tokens can be for; undefined for any. */
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
    const accepted = new Set(audience ?? readAudience(describeToken(token).claims ?? {}));
    const trusted = [...issuers.values()].map((settings) =>
      createIssuer({ ...settings, rules: { ...settings.rules, audience: accepted } }, runtime),
    );
    const options = { ...runtime, issuers: new TrustedIssuers(trusted, issuerResolution, runtime) };
    return (await new JwtVerifier(options, new ScopeReader()).verify(token)).accessToken;
  };
}
