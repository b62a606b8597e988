import {
  type AcceptedToken,
  type Changes,
  type Forgery,
  type ForgeryReason,
  forgedToken,
  signWith,
} from './forgery.js';

/** Header and claims to change together. */
type Kind = readonly [name: string, reason: ForgeryReason, header: Changes, claims?: Changes];

/** Genuine tokens of the issuer that aren't access tokens for this API. */
export function forgedTokenKinds(accepted: AcceptedToken): readonly Forgery[] {
  return [...otherTypes(), ...idTokens(accepted), ...extensions()].map(([name, reason, header, claims]) =>
    forgedToken(name, reason, signWith(accepted, claims, header)),
  );
}

/** RFC 8725 §3.11: a JWT whose type says what it's for is for nothing else. */
function otherTypes(): readonly Kind[] {
  const types = [
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'token-introspection+jwt',
    'oauth-authz-req+jwt',
    'statuslist+jwt',
    'application/dpop+jwt',
    'DPoP+JWT',
    'urn:example:unknown',
  ];
  return [
    ...types.map((typ): Kind => [`typ ${typ}`, 'typ_mismatch', { typ }]),
    ['typ as an array', 'typ_mismatch', { typ: ['at+jwt'] }],
  ];
}

/** Without anything that marks an access token. */
const UNMARKED: Changes = Object.fromEntries(
  ['scope', 'scp', 'client_id', 'azp', 'token_use', 'typ'].map((name) => [name, undefined]),
);

/**
 * OpenID Connect Core §2: the marks of an ID token. Without the type `at+jwt` only the claims tell one from
 * an access token.
 */
function idTokens({ audience, clientId }: AcceptedToken): readonly Kind[] {
  const kind = (name: string, claims: Changes): Kind => [name, 'not_an_access_token', { typ: 'JWT' }, claims];
  const nonce = 'n-0S6_WzA2Mj';
  return [
    kind('ID token for the client', { aud: clientId, azp: clientId, nonce }),
    kind('ID token for this API, by nonce', { nonce }),
    kind('ID token for this API, by at_hash', { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' }),
    kind('ID token for this API, by c_hash', { c_hash: 'LDktKdoQak3Pk0cnXxCltA' }),
    kind('ID token for this API, by s_hash', { s_hash: '76sa5dd0LDktKdoQak3Pkw' }),
    kind('ID token for this API, by token_use', { token_use: 'id' }),
    kind('ID token for this API, by the claim typ', { typ: 'ID' }),
    kind('ID token, by an audience equal to the client', { aud: audience, client_id: audience }),
    ['ID token without a type', 'not_an_access_token', { typ: undefined }, { nonce }],
    kind('JWT without scope and client', UNMARKED),
  ];
}

/** RFC 7515 §4.1.11: extensions that must be understood. This package understands none. */
function extensions(): readonly Kind[] {
  return [
    ['crit unknown', 'crit_unsupported', { crit: ['urn:example:ext'], 'urn:example:ext': true }],
    ['crit empty', 'crit_unsupported', { crit: [] }],
    ['crit names a registered parameter', 'crit_unsupported', { crit: ['alg'] }],
    ['crit as a string', 'crit_unsupported', { crit: 'exp' }],
    ['crit null', 'crit_unsupported', { crit: null }],
    ['b64 false', 'crit_unsupported', { crit: ['b64'], b64: false }],
    ['b64 false without crit', 'crit_unsupported', { b64: false }],
  ];
}
