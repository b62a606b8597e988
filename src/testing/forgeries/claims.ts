import { signedJws } from '../forged-jws.js';
import { unlike } from '../unlike.js';
import {
  type AcceptedToken,
  type Changes,
  type Forgery,
  type ForgeryReason,
  forgedToken,
  signWith,
} from './forgery.js';

type ChangedClaims = readonly [name: string, reason: ForgeryReason, changes: Changes];

/** Twice the largest clock tolerance that can be configured. */
const LONG = 600;

/** Tokens of the issuer that are genuine except for the value of one claim (RFC 9068 §4, RFC 7519 §4.1). */
export function forgedClaims(accepted: AcceptedToken): readonly Forgery[] {
  const rows = [
    ...times(accepted),
    ...issuers(accepted),
    ...audiences(accepted),
    ...otherTypes(),
    ...bindings(),
  ];
  return [
    ...rows.map(([name, reason, changes]) => forgedToken(name, reason, signWith(accepted, changes))),
    forgedToken('exp as 1e999', 'invalid_claim', withInfiniteExpiry(accepted)),
  ];
}

function times({ now }: AcceptedToken): readonly ChangedClaims[] {
  const early: readonly ChangedClaims[] = [
    ['exp zero', 'expired', { exp: 0 }],
    ['exp negative', 'expired', { exp: -1 }],
  ];
  return [
    ['exp in the past', 'expired', { exp: now - LONG }],
    // By a clock that was set to 1970 those would be valid.
    ...(now > LONG ? early : []),
    ['exp missing', 'missing_claim', { exp: undefined }],
    ['exp null', 'missing_claim', { exp: null }],
    ['exp as a string', 'invalid_claim', { exp: String(now + LONG) }],
    ['exp as an array', 'invalid_claim', { exp: [now + LONG] }],
    ['exp beyond exact numbers', 'invalid_claim', { exp: 2 ** 53 + 2 }],
    ['nbf in the future', 'not_yet_valid', { nbf: now + LONG }],
    ['nbf as a string', 'invalid_claim', { nbf: String(now - LONG) }],
    ['iat in the future', 'issued_in_future', { iat: now + LONG }],
    ['iat as a string', 'invalid_claim', { iat: String(now) }],
  ];
}

function issuers({ issuer }: AcceptedToken): readonly ChangedClaims[] {
  const rows: readonly ChangedClaims[] = [
    ['iss of another issuer', 'iss_mismatch', { iss: unlike('https://attacker.example', issuer) }],
    ['iss missing', 'iss_mismatch', { iss: undefined }],
    ['iss empty', 'iss_mismatch', { iss: '' }],
    ['iss with a trailing slash more or less', 'iss_mismatch', { iss: toggleSlash(issuer) }],
    ['iss in upper case', 'iss_mismatch', { iss: issuer.toUpperCase() }],
    ['iss as a prefix of another host', 'iss_mismatch', { iss: `${issuer}.attacker.example` }],
    ['iss as an array', 'iss_mismatch', { iss: [issuer] }],
  ];
  // The name of the issuer may be in upper case already.
  return rows.filter(([, , { iss }]) => iss !== issuer);
}

function audiences({ audience, claims }: AcceptedToken): readonly ChangedClaims[] {
  const genuine = [audience, claims.aud].flat();
  const other = unlike('https://other-api.example', ...genuine);
  const third = unlike('https://third-api.example', ...genuine);
  return [
    ['aud of another API', 'aud_mismatch', { aud: other }],
    ['aud of other APIs', 'aud_mismatch', { aud: [other, third] }],
    ['aud missing', 'aud_mismatch', { aud: undefined }],
    ['aud with a trailing slash more or less', 'aud_mismatch', { aud: toggleSlash(audience) }],
    ['aud that begins with ours', 'aud_mismatch', { aud: `${audience}.attacker.example` }],
    ['aud that ours begins with', 'aud_mismatch', { aud: audience.slice(0, -1) }],
    ['aud that contains ours in a list of words', 'aud_mismatch', { aud: `${other} ${audience}` }],
    ['aud as an empty array', 'aud_mismatch', { aud: [] }],
    ['aud as an array with a number', 'invalid_claim', { aud: [audience, 1] }],
    ['aud as a nested array', 'invalid_claim', { aud: [[audience]] }],
    ['aud as an object', 'invalid_claim', { aud: { [audience]: true } }],
    ['aud null', 'aud_mismatch', { aud: null }],
  ];
}

function otherTypes(): readonly ChangedClaims[] {
  return [
    ['client_id as an array', 'invalid_claim', { client_id: ['test-client'] }],
    // RFC 8693 §4.1: the fact that someone acts for the subject mustn't get lost.
    ['actor as a string', 'invalid_claim', { act: 'test-client' }],
    ['actor as an array', 'invalid_claim', { act: [{ sub: 'test-client' }] }],
    ['actor without a name', 'invalid_claim', { act: {} }],
    ['actor whose sub is an array', 'invalid_claim', { act: { sub: ['test-client'] } }],
    ['actor whose client_id is a number', 'invalid_claim', { act: { sub: 'test-client', client_id: 1 } }],
  ];
}

/**
 * RFC 9449 §7.2 and RFC 8705 §3: a token that's bound to a key is worth nothing without proof of possession.
 */
function bindings(): readonly ChangedClaims[] {
  const thumbprint = 'A'.repeat(43); // base64url of 32 octets
  return [
    ['bound to a DPoP key', 'dpop_downgrade', { cnf: { jkt: thumbprint } }],
    ['bound to a client certificate', 'unsupported_confirmation', { cnf: { 'x5t#S256': thumbprint } }],
    ['bound by an unknown method', 'unsupported_confirmation', { cnf: { 'urn:example:method': thumbprint } }],
    [
      'bound by a known and an unknown method',
      'unsupported_confirmation',
      { cnf: { jkt: thumbprint, 'urn:example:method': thumbprint } },
    ],
    ['bound to nothing', 'unsupported_confirmation', { cnf: {} }],
    ['bound to null', 'unsupported_confirmation', { cnf: null }],
    ['bound to an array', 'unsupported_confirmation', { cnf: [{ jkt: thumbprint }] }],
    ['bound to a string', 'unsupported_confirmation', { cnf: thumbprint }],
  ];
}

function toggleSlash(identifier: string): string {
  return identifier.endsWith('/') ? identifier.slice(0, -1) : `${identifier}/`;
}

/** JSON.parse reads 1e999 as Infinity, a time that never comes. JSON.stringify can't write it. */
function withInfiniteExpiry({ header, claims, key }: AcceptedToken): string {
  const { exp: _, ...others } = claims;
  return signedJws(header, `${JSON.stringify(others).slice(0, -1)},"exp":1e999}`, key);
}

/**
 * Genuine tokens without the scope that opens the route, or with one that looks like it (RFC 6749 §3.3). None
 * if that scope isn't known.
 */
export function forgedScopes(accepted: AcceptedToken): readonly Forgery[] {
  const { scope } = accepted.claims;
  if (typeof scope !== 'string') return [];
  const needed = scope.split(' ').filter((name) => name !== '');
  if (needed.length === 0) return [];

  return [...otherScopeClaims(needed), ...lookAlikes(needed)].map(([name, changes]) =>
    forgedToken(name, 'insufficient_scope', signWith(accepted, changes)),
  );
}

type ChangedScope = readonly [name: string, changes: Changes];

function otherScopeClaims(needed: readonly string[]): readonly ChangedScope[] {
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

function lookAlikes(needed: readonly string[]): readonly ChangedScope[] {
  const every = (change: (name: string) => string): string => needed.map(change).join(' ');
  const scopes: Readonly<Record<string, string>> = {
    'scope with one more letter': every((name) => `${name}x`),
    'scope with one letter less': every((name) => name.slice(0, -1)),
    'scope up to the separator': every((name) => /^[^:./]*/.exec(name)?.[0] ?? ''),
    'scope after the separator': every((name) => /[^:./]*$/.exec(name)?.[0] ?? ''),
    'scope in upper case': every((name) => name.toUpperCase()),
    'scope with a wildcard': `* ${every((name) => name.replace(/[^:./]*$/, '*'))}`,
    'scopes joined by commas': [...needed, 'other'].join(','),
    'scopes joined by tabs': [...needed, 'other'].join('\t'),
  };
  // A look-alike of one scope may be another one that's needed: then it would open the route.
  const isHarmless = (scope: string) => !scope.split(' ').some((name) => needed.includes(name));
  return Object.entries(scopes)
    .filter(([, scope]) => isHarmless(scope))
    .map(([name, scope]) => [name, { scope }]);
}
