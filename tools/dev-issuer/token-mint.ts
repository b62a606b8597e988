import type { Algorithm } from '../../src/index.js';
import type { Forgery } from '../../src/testing/index.js';
import type { KeyRing } from '../../src/testing/signing-key.js';
import { createTokenIssuer } from '../../src/testing/token-issuer.js';
import { isScopeToken, readJsonObject } from '../core.js';
import { refusal } from './http.js';
import type { DevClient } from './options.js';

/** What a token is for. */
export interface Grant {
  readonly scopes: readonly string[];
  readonly audience: string;
}

/** What a client asks for; undefined: all that it may have. */
export interface GrantRequest {
  /** Separated by single spaces (RFC 6749 §3.3). Empty for none, which a form can't say. */
  readonly scope: string | undefined;
  /**
   * Values of `resource` (RFC 8707 §2) and of `audience`, which some authorization servers use in its place.
   */
  readonly targets: readonly string[];
}

/**
 * What the client gets: all of its scopes if it asks for none, and its first audience if it names none.
 *
 * @throws {Refusal} 400 `invalid_scope` or `invalid_target`: something that the client may not have
 */
export function decideGrant(client: DevClient, { scope, targets }: GrantRequest): Grant {
  return { scopes: grantedScopes(client, scope), audience: grantedAudience(client, targets) };
}

/** For the log: `scope read:inventory, for https://inventory.example.com`. */
export function describeGrant({ scopes, audience }: Grant): string {
  return `${scopes.length === 0 ? 'no scope' : `scope ${scopes.join(' ')}`}, for ${audience}`;
}

function grantedScopes(client: DevClient, scope: string | undefined): readonly string[] {
  if (scope === undefined) return client.scopes;
  if (scope === '') return [];
  const asked = [...new Set(scope.split(' '))];
  if (!asked.every(isScopeToken))
    throw refusal(400, 'invalid_scope', 'scope is a list of scopes with single spaces between them');
  if (asked.every((name) => client.scopes.includes(name))) return asked;
  const may = client.scopes.length === 0 ? 'none' : client.scopes.join(' ');
  throw refusal(400, 'invalid_scope', `the client may have these scopes: ${may}`);
}

/** RFC 8707 §3: a token is for one API, because one of several could use it at another. */
function grantedAudience(client: DevClient, targets: readonly string[]): string {
  const [asked = client.audience[0], ...others] = new Set(targets);
  if (others.length > 0) throw refusal(400, 'invalid_target', 'a token is for one resource');
  if (asked !== undefined && client.audience.includes(asked)) return asked;
  throw refusal(400, 'invalid_target', 'the client may not have tokens for this resource');
}

export interface TokenMintOptions {
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Makes access tokens (RFC 9068) and forgeries of them, with the testing kit. */
export interface TokenMint {
  readonly algorithm: Algorithm;
  readonly lifetimeSeconds: number;
  token(client: DevClient, grant: Grant): Promise<string>;
  /**
   * Requests that a resource server must refuse; each differs in one thing from one with the token of this
   * grant.
   */
  forgeries(client: DevClient, grant: Grant): Promise<readonly Forgery[]>;
}

export function createTokenMint({ issuer, keys, lifetimeSeconds, clock }: TokenMintOptions): TokenMint {
  const prepare = ({ clientId, claims }: DevClient, { audience, scopes }: Grant) => ({
    tokens: createTokenIssuer(issuer, { audience, clientId, lifetimeSeconds, clock }, keys),
    claims: scopes.length === 0 ? claims : { ...claims, scope: scopes.join(' ') },
  });
  return {
    algorithm: keys.current.algorithm,
    lifetimeSeconds,
    async token(client, grant) {
      const { tokens, claims } = prepare(client, grant);
      return tokens.token(claims);
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
  const decode = (segment: string) => readJsonObject(Buffer.from(segment, 'base64url'));
  return { token, header: decode(header), claims: decode(claims) };
}
