import { signedJws } from '../forged-jws.js';
import { type AcceptedToken, type Changes, signWith } from './accepted-token.js';
import { type Forgery, type ForgeryReason, forgedToken } from './forgery.js';

type ChangedClaims = readonly [name: string, reason: ForgeryReason, changes: Changes];

/** Twice the largest clock tolerance that can be configured. */
const LONG = 600;

/** Tokens of the issuer that are genuine but for the value of one claim (RFC 9068 §4, RFC 7519 §4.1). */
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
  return [
    ['exp in the past', 'expired', { exp: now - LONG }],
    ['exp zero', 'expired', { exp: 0 }],
    ['exp negative', 'expired', { exp: -1 }],
    ['exp missing', 'missing_claim', { exp: undefined }],
    ['exp null', 'invalid_claim', { exp: null }],
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
  return [
    ['iss of another issuer', 'iss_mismatch', { iss: 'https://attacker.example' }],
    ['iss missing', 'iss_mismatch', { iss: undefined }],
    ['iss empty', 'iss_mismatch', { iss: '' }],
    ['iss with a trailing slash more or less', 'iss_mismatch', { iss: toggleSlash(issuer) }],
    ['iss in upper case', 'iss_mismatch', { iss: issuer.toUpperCase() }],
    ['iss as a prefix of another host', 'iss_mismatch', { iss: `${issuer}.attacker.example` }],
    ['iss as an array', 'iss_mismatch', { iss: [issuer] }],
  ];
}

function audiences({ audience }: AcceptedToken): readonly ChangedClaims[] {
  return [
    ['aud of another API', 'aud_mismatch', { aud: 'https://other-api.example' }],
    [
      'aud of other APIs',
      'aud_mismatch',
      { aud: ['https://other-api.example', 'https://third-api.example'] },
    ],
    ['aud missing', 'aud_mismatch', { aud: undefined }],
    ['aud with a trailing slash more or less', 'aud_mismatch', { aud: toggleSlash(audience) }],
    ['aud that begins with ours', 'aud_mismatch', { aud: `${audience}.attacker.example` }],
    ['aud that ours begins with', 'aud_mismatch', { aud: audience.slice(0, -1) }],
    [
      'aud that contains ours in a list of words',
      'aud_mismatch',
      { aud: `https://other-api.example ${audience}` },
    ],
    ['aud as an empty array', 'invalid_claim', { aud: [] }],
    ['aud as an array with a number', 'invalid_claim', { aud: [audience, 1] }],
    ['aud as a nested array', 'invalid_claim', { aud: [[audience]] }],
    ['aud as an object', 'invalid_claim', { aud: { [audience]: true } }],
    ['aud null', 'invalid_claim', { aud: null }],
  ];
}

function otherTypes(): readonly ChangedClaims[] {
  return [
    ['sub as a number', 'invalid_claim', { sub: 42 }],
    ['client_id as an array', 'invalid_claim', { client_id: ['test-client'] }],
    ['jti as a number', 'invalid_claim', { jti: 42 }],
  ];
}

/**
 * RFC 9449 §7.2 and RFC 8705 §3: a token that is bound to a key is worth nothing without proof of possession.
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

/**
 * JSON.parse reads 1e999 as Infinity, which no comparison with the clock ever ends; JSON.stringify cannot
 * write it.
 */
function withInfiniteExpiry({ header, claims, key }: AcceptedToken): string {
  const { exp: _, ...others } = claims;
  return signedJws(header, `${JSON.stringify(others).slice(0, -1)},"exp":1e999}`, key);
}
