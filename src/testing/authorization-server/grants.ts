import { isScopeToken } from '../../token/scope.js';
import type { TokenClaims } from '../token-claims.js';
import type { Client } from './clients.js';
import { refusal } from './http.js';
import { type Form, parameter } from './request-body.js';

/** What a token is for. */
export interface Grant {
  readonly scopes: readonly string[];
  readonly audience: string;
}

/** What comes of a grant. */
export interface Granted {
  readonly grant: Grant;
  /** Claims of the token in addition to those of the client. */
  readonly claims?: TokenClaims;
  /** When the token has to end at the latest, in seconds since the epoch. */
  readonly endsAt?: number | undefined;
  /** Further members of the answer. */
  readonly members?: object;
}

/** What a client asks for; undefined: all that it may have. */
export interface GrantRequest {
  /** Separated by single spaces (RFC 6749 §3.3). Empty for none, which a form can't say. */
  readonly scope: string | undefined;
  /**
   * Values of `resource` (RFC 8707 §2) and of `audience`, which some authorization servers use in its place.
   */
  readonly targets: readonly string[];
  /** The scopes of the token that's exchanged: no others are granted then, and all of them by default. */
  readonly upTo?: readonly string[];
}

/** What a request to the token endpoint asks for. */
export function readGrantRequest(form: Form): GrantRequest {
  const targets = [...(form.get('resource') ?? []), ...(form.get('audience') ?? [])];
  return { scope: parameter(form, 'scope'), targets };
}

/**
 * What the client gets: all of its scopes if it asks for none, and its first audience if it names none.
 *
 * @throws {Refusal} 400 `invalid_scope` or `invalid_target`: something that the client may not have
 */
export function decideGrant(client: Client, request: GrantRequest): Grant {
  return { scopes: grantedScopes(client, request), audience: grantedAudience(client, request.targets) };
}

/** For the log: `scope read:inventory, for https://inventory.example.com`. */
export function describeGrant({ scopes, audience }: Grant): string {
  return `${scopes.length === 0 ? 'no scope' : `scope ${scopes.join(' ')}`}, for ${audience}`;
}

function grantedScopes(client: Client, { scope, upTo }: GrantRequest): readonly string[] {
  const isOpen = client.mayAskForAny.scope;
  const own = isOpen && upTo !== undefined ? upTo : client.scopes;
  const may = upTo === undefined ? own : own.filter((name) => upTo.includes(name));
  if (scope === undefined) return may;
  if (scope === '') return [];
  const asked = [...new Set(scope.split(' '))];
  if (!asked.every(isScopeToken))
    throw refusal(400, 'invalid_scope', 'scope is a list of scopes with single spaces between them');
  if (asked.every((name) => may.includes(name) || (isOpen && upTo === undefined))) return asked;
  const who = upTo === undefined ? 'the client' : 'the client, with this subject token,';
  const which = may.length === 0 ? 'none' : may.join(' ');
  throw refusal(400, 'invalid_scope', `${who} may have these scopes: ${which}`);
}

/** RFC 8707 §3: a token is for one API, because one of several could use it at another. */
function grantedAudience({ audience, mayAskForAny }: Client, targets: readonly string[]): string {
  const [asked = audience[0], ...others] = new Set(targets);
  if (others.length > 0) throw refusal(400, 'invalid_target', 'a token is for one resource');
  if (asked !== undefined && (mayAskForAny.audience || audience.includes(asked))) return asked;
  throw refusal(400, 'invalid_target', 'the client may not have tokens for this resource');
}
