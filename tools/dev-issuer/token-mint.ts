import type { Algorithm } from '../../src/options/options.js';
import type { Forgery } from '../../src/testing/forgeries/forgery.js';
import type { KeyRing } from '../../src/testing/key-ring.js';
import { createTokenIssuer, type TokenClaims, type TokenIssuer } from '../../src/testing/token-issuer.js';
import type { Grant } from './grant.js';
import type { DevClient } from './options.js';

export interface TokenMintOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Makes access tokens (RFC 9068) and forgeries of them, with the means of the testing kit. */
export interface TokenMint {
  readonly algorithm: Algorithm;
  readonly lifetimeSeconds: number;
  token(client: DevClient, grant: Grant): Promise<string>;
  /** Requests that a resource server must refuse; each differs in one thing from one with the token of this grant. */
  forgeries(client: DevClient, grant: Grant): Promise<readonly Forgery[]>;
}

export function createTokenMint({ issuer, keys, lifetimeSeconds, clock }: TokenMintOptions): TokenMint {
  const issuerFor = ({ clientId }: DevClient, { audience }: Grant): TokenIssuer =>
    createTokenIssuer(issuer, { audience, clientId, lifetimeSeconds, clock }, keys);
  return {
    algorithm: keys.current.algorithm,
    lifetimeSeconds,
    token: (client, grant) => issuerFor(client, grant).token(claimsOf(client, grant)),
    forgeries: (client, grant) => issuerFor(client, grant).forgeries(claimsOf(client, grant)),
  };
}

function claimsOf({ claims }: DevClient, { scopes }: Grant): TokenClaims {
  return scopes.length === 0 ? claims : { ...claims, scope: scopes.join(' ') };
}
