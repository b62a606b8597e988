import type { Scheme } from '../terms.js';

/**
 * One element of a challenge (RFC 9110 §11.2, §11.6.1): a word, or a parameter with a quoted string or a
 * token.
 */
const ELEMENT = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",=]+)))?/g;

/**
 * Whether the challenges of an answer say that the access token is expired, revoked or otherwise invalid:
 * `Bearer … error="invalid_token"` (RFC 6750 §3.1, RFC 9449 §7.1).
 *
 * @param sent the scheme that it was sent with: what's said of another one is about another token
 * @param wwwAuthenticate the field as `Headers` gives it, several lines joined by commas
 */
export function saysInvalidToken(wwwAuthenticate: string | null, sent: Scheme): boolean {
  return readErrors(wwwAuthenticate).some(
    ({ scheme, error }) => scheme === sent.toLowerCase() && error === 'invalid_token',
  );
}

/** Whether the API wants a proof with its nonce: `DPoP error="use_dpop_nonce"` (RFC 9449 §9). */
export function asksForNonce(wwwAuthenticate: string | null): boolean {
  return readErrors(wwwAuthenticate).some(
    ({ scheme, error }) => scheme === 'dpop' && error === 'use_dpop_nonce',
  );
}

/** Whether a challenge names any error. */
export function saysError(wwwAuthenticate: string | null): boolean {
  return readErrors(wwwAuthenticate).length > 0;
}

function readErrors(wwwAuthenticate: string | null): readonly { scheme: string; error: string }[] {
  const errors: { scheme: string; error: string }[] = [];
  let scheme = '';
  for (const [, word = '', quoted, plain] of (wwwAuthenticate ?? '').matchAll(ELEMENT)) {
    const name = word.toLowerCase();
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) scheme = name;
    else if (name === 'error' && value !== '') errors.push({ scheme, error: value });
  }
  return errors;
}
