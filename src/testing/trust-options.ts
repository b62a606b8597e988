import type { IntrospectionOptions, TrustedIssuer } from '../index.js';
import type { TokenSettings } from './token-claims.js';

/**
 * Options that make a resource server trust a test issuer. You can add others:
 * `{ ...issuer.options, optional: true }`.
 */
export interface TrustOptions<Issuer extends string | TrustedIssuer> {
  /** The test issuer. */
  readonly issuer: Issuer;
  /** What its tokens carry as `"aud"`. */
  readonly audience: string;
  /** Tests refuse tokens on purpose. */
  readonly refusalWarnings: 'off';
  /** Present if the test issuer was given a clock. */
  readonly clock?: () => number;
}

/** An issuer that's asked about opaque tokens. */
export interface AskedIssuer<Introspection extends IntrospectionOptions> extends TrustedIssuer {
  readonly introspection: Introspection;
}

export function trustOptions<Issuer extends string | TrustedIssuer>(
  issuer: Issuer,
  { audience, clock }: TokenSettings,
): TrustOptions<Issuer> {
  return Object.freeze({
    issuer,
    audience,
    refusalWarnings: 'off',
    ...(clock === undefined ? {} : { clock }),
  });
}
