import type { Algorithm } from '../../index.js';
import { readSegment } from '../../token/compact-jws.js';
import type { Forgery } from '../forgeries/forgery.js';
import type { KeyRing } from '../signing-key.js';
import { secondsNow, type TokenClaims } from '../token-claims.js';
import { createTokenIssuer } from '../token-issuer.js';
import type { Client } from './clients.js';
import type { Grant } from './grants.js';

export interface TokenMintOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** An access token, and for how long it's valid. */
interface MintedToken {
  readonly token: string;
  readonly expiresIn: number;
}

/** Makes access tokens (RFC 9068) and forgeries of them, with the testing kit. */
export interface TokenMint {
  readonly algorithm: Algorithm;
  readonly lifetimeSeconds: number;
  /**
   * @param claims in addition to those of the client: whom it acts for, what the token is bound to
   * @param endsAt when the token has to end at the latest, in seconds since the epoch
   */
  token(client: Client, grant: Grant, claims?: TokenClaims, endsAt?: number): Promise<MintedToken>;
  /**
   * Requests that a resource server must refuse; each differs in one thing from one with the token of this
   * grant.
   */
  forgeries(client: Client, grant: Grant): Promise<readonly Forgery[]>;
}

export function createTokenMint({ issuer, keys, lifetimeSeconds, clock }: TokenMintOptions): TokenMint {
  const prepare = ({ clientId, claims }: Client, { audience, scopes }: Grant) => ({
    tokens: createTokenIssuer(issuer, { audience, clientId, lifetimeSeconds, clock }, keys),
    claims: scopes.length === 0 ? claims : { ...claims, scope: scopes.join(' ') },
  });
  return {
    algorithm: keys.current.algorithm,
    lifetimeSeconds,
    async token(client, grant, more = {}, endsAt = Number.POSITIVE_INFINITY) {
      const { tokens, claims } = prepare(client, grant);
      const iat = secondsNow({ clock });
      const exp = Math.min(iat + lifetimeSeconds, endsAt);
      return { token: await tokens.token({ ...claims, ...more, iat, exp }), expiresIn: exp - iat };
    },
    async forgeries(client, grant) {
      const { tokens, claims } = prepare(client, grant);
      return tokens.forgeries(claims);
    },
  };
}

/** A token and what can be read in it. Nothing is verified. */
export interface TokenDescription {
  readonly token: string;
  /** Undefined if the part isn't a JSON object, as in some forgeries. */
  readonly header: Readonly<Record<string, unknown>> | undefined;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** Decodes the first two segments of a compact JWS (RFC 7515 §7.1), as far as possible. */
export function describeToken(token: string): TokenDescription {
  const [header = '', claims = ''] = token.split('.');
  return { token, header: readSegment(header), claims: readSegment(claims) };
}
