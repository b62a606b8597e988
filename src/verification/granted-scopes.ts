import { askApplication } from '../ask-application.js';
import type { StandardClaims } from '../auth.js';
import { reportWarning } from '../diagnostics.js';
import { LruCache } from '../lib/lru-cache.js';
import { readClaim, scopesIn } from '../token/claims.js';
import { parseScopes } from '../token/scope.js';
import type { ScopeSource } from '../token/token-rules.js';

/** How many lists are kept for sharing. An issuer has a handful. */
const MAX_SHARED = 100;

/** The scopes that a token grants. */
export interface GrantedScopes {
  readonly scopes: readonly string[];
  /** Whether no other token shares the list. */
  readonly isOwn: boolean;
}

/**
 * Reads the scopes of access tokens. Tokens with the same text in the claim share one list. If the claim that
 * the application named turns out useless, that's reported once per issuer.
 */
export class ScopeReader {
  readonly #shared = new LruCache<string, readonly string[]>({ max: MAX_SHARED });
  readonly #reported = new WeakSet<readonly string[]>();

  /** @param claims of a token that's known to be valid */
  read(claims: StandardClaims, scopeSource: ScopeSource): GrantedScopes {
    if (typeof scopeSource === 'function') {
      // Whatever goes wrong in there, the token then grants nothing.
      const granted = askApplication('scopeClaim', () => scopeSource(claims), Array.isArray);
      return { scopes: Object.freeze(parseScopes(granted)), isOwn: true };
    }
    const isStandard = scopeSource === 'standard';
    const names = isStandard ? ['scope'] : scopeSource;
    const text = names.length === 1 ? readClaim(claims, names[0] ?? '') : undefined;
    if (isStandard && typeof text !== 'string') return { scopes: NO_SCOPES, isOwn: false };
    const known = typeof text === 'string' ? this.#shared.get(text) : undefined;
    if (known !== undefined) return { scopes: known, isOwn: false };
    const scopes = Object.freeze(scopesIn(claims, names));
    if (scopes.length === 0 && !isStandard) this.#reportUseless(scopeSource, claims);
    if (typeof text === 'string') this.#shared.set(text, scopes);
    return { scopes, isOwn: true };
  }

  #reportUseless(names: readonly string[], claims: StandardClaims): void {
    if (this.#reported.has(names)) return;
    const isThere = (name: string): boolean => {
      const value = readClaim(claims, name);
      return value !== undefined && value !== null;
    };
    const found = names.find(isThere);
    if (found === undefined) return;
    this.#reported.add(names);
    const value = readClaim(claims, found);
    const type = Array.isArray(value) ? 'an array' : `a value of the type ${typeof value}`;
    const detail = `"${found}" of ${claims.iss} is ${type} without a scope`;
    reportWarning({ source: 'scopeClaim', detail });
  }
}

const NO_SCOPES: readonly string[] = Object.freeze([]);
