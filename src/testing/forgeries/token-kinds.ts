import { type AcceptedToken, type Changes, signWith } from './accepted-token.js';
import { type Forgery, type ForgeryReason, forgedToken } from './forgery.js';

/** Header and claims to change together. */
type Kind = readonly [name: string, reason: ForgeryReason, header: Changes, claims?: Changes];

/** Genuine tokens of the issuer that are something else than an access token for this API. */
export function forgedTokenKinds(accepted: AcceptedToken): readonly Forgery[] {
  return [...otherTypes(), ...idTokens(accepted), ...extensions()].map(([name, reason, header, claims]) =>
    forgedToken(name, reason, signWith(accepted, claims, header)),
  );
}

/** RFC 8725 §3.11: a JWT that says by its type what it is for is for nothing else. */
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

/**
 * OpenID Connect Core §2: what marks an ID token. Without the type `at+jwt` only the claims tell one from an
 * access token.
 */
function idTokens({ audience, clientId }: AcceptedToken): readonly Kind[] {
  const typ = 'JWT';
  return [
    [
      'ID token for the client',
      'aud_mismatch',
      { typ },
      { aud: clientId, azp: clientId, nonce: 'n-0S6_WzA2Mj' },
    ],
    ['ID token for this API, by nonce', 'not_an_access_token', { typ }, { nonce: 'n-0S6_WzA2Mj' }],
    [
      'ID token for this API, by at_hash',
      'not_an_access_token',
      { typ },
      { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' },
    ],
    [
      'ID token for this API, by c_hash',
      'not_an_access_token',
      { typ },
      { c_hash: 'LDktKdoQak3Pk0cnXxCltA' },
    ],
    [
      'ID token for this API, by s_hash',
      'not_an_access_token',
      { typ },
      { s_hash: '76sa5dd0LDktKdoQak3Pkw' },
    ],
    ['ID token for this API, by token_use', 'not_an_access_token', { typ }, { token_use: 'id' }],
    ['ID token for this API, by the claim typ', 'not_an_access_token', { typ }, { typ: 'ID' }],
    ['ID token, by an audience equal to the client', 'not_an_access_token', { typ }, { client_id: audience }],
    ['ID token without a type', 'not_an_access_token', { typ: undefined }, { nonce: 'n-0S6_WzA2Mj' }],
    [
      'JWT without scope and client',
      'not_an_access_token',
      { typ },
      { scope: undefined, client_id: undefined, azp: undefined },
    ],
  ];
}

/** RFC 7515 §4.1.11: extensions that must be understood, of which this package understands none. */
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
