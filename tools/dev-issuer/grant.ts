import { isScopeToken } from '../../src/token/scope.js';
import { refusal } from './http.js';
import type { DevClient } from './options.js';

/** What a token is for. */
export interface Grant {
  readonly scopes: readonly string[];
  readonly audience: string;
}

/** What a client asks for; undefined: whatever it may have. */
export interface GrantRequest {
  /** Separated by single spaces (RFC 6749 §3.3). Empty for none, which a form cannot say. */
  readonly scope: string | undefined;
  /** Values of `resource` (RFC 8707 §2) and of `audience`, which some authorization servers use in its place. */
  readonly targets: readonly string[];
}

/**
 * What the client gets: all of its scopes where it asks for none, and its first audience where it names none.
 *
 * @throws {Refusal} 400 `invalid_scope` or `invalid_target`: something that the client may not have
 */
export function decideGrant(client: DevClient, { scope, targets }: GrantRequest): Grant {
  return { scopes: grantedScopes(client, scope), audience: grantedAudience(client, targets) };
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

/** RFC 8707 §3: a token for several APIs could be used by one of them at another, so it is for one. */
function grantedAudience(client: DevClient, targets: readonly string[]): string {
  const [asked = client.audience[0], ...others] = new Set(targets);
  if (others.length > 0) throw refusal(400, 'invalid_target', 'a token is for one resource');
  if (asked !== undefined && client.audience.includes(asked)) return asked;
  throw refusal(400, 'invalid_target', 'the client may not have tokens for this resource');
}
