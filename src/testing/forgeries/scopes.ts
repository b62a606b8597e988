import { type AcceptedToken, type Changes, signWith } from './accepted-token.js';
import { type Forgery, forgedToken } from './forgery.js';

/**
 * Genuine tokens without the scope that opens the route, or with one that looks like it (RFC 6749 §3.3). None
 * if it is not known.
 */
export function forgedScopes(accepted: AcceptedToken): readonly Forgery[] {
  const { scope } = accepted.claims;
  if (typeof scope !== 'string') return [];
  const needed = scope.split(' ').filter((name) => name !== '');
  if (needed.length === 0) return [];

  return [...otherClaims(needed), ...lookAlikes(needed)].map(([name, changes]) =>
    forgedToken(name, 'insufficient_scope', signWith(accepted, changes)),
  );
}

type Row = readonly [name: string, changes: Changes];

function otherClaims(needed: readonly string[]): readonly Row[] {
  const scope = needed.join(' ');
  return [
    ['scope missing', { scope: undefined }],
    ['scope empty', { scope: '' }],
    ['scope null', { scope: null }],
    ['scope as an array', { scope: needed }],
    ['scope as an object', { scope: Object.fromEntries(needed.map((name) => [name, true])) }],
    ['scope under the name scp', { scope: undefined, scp: scope }],
    ['scope under the name scopes', { scope: undefined, scopes: needed }],
    ['scope under the name permissions', { scope: undefined, permissions: needed }],
    ['scope under the name roles', { scope: undefined, roles: needed }],
    ['scope inherited from __proto__', { scope: undefined, ['__proto__']: { scope } }],
  ];
}

function lookAlikes(needed: readonly string[]): readonly Row[] {
  const every = (change: (name: string) => string): string => needed.map(change).join(' ');
  const scopes: Readonly<Record<string, string>> = {
    'scope with a letter more': every((name) => `${name}x`),
    'scope with a letter less': every((name) => name.slice(0, -1)),
    'scope up to the separator': every((name) => /^[^:./]*/.exec(name)?.[0] ?? ''),
    'scope after the separator': every((name) => /[^:./]*$/.exec(name)?.[0] ?? ''),
    'scope in upper case': every((name) => name.toUpperCase()),
    'scope with a wildcard': `* ${every((name) => name.replace(/[^:./]*$/, '*'))}`,
    'scopes joined by commas': [...needed, 'other'].join(','),
    'scopes joined by tabs': [...needed, 'other'].join('\t'),
  };
  // A look-alike of one scope may be another one that is needed: then it would open the route.
  const isHarmless = (scope: string) => !scope.split(' ').some((name) => needed.includes(name));
  return Object.entries(scopes)
    .filter(([, scope]) => isHarmless(scope))
    .map(([name, scope]) => [name, { scope }]);
}
