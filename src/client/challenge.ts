/**
 * One element of a challenge (RFC 9110 §11.2, §11.6.1): a word, or a parameter with a quoted string or a
 * token.
 */
const ELEMENT = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",=]+)))?/g;

/**
 * Whether the challenges of an answer say that the access token is expired, revoked or otherwise invalid:
 * `Bearer … error="invalid_token"` (RFC 6750 §3.1).
 *
 * @param wwwAuthenticate the field as `Headers` gives it, several lines joined by commas
 */
export function saysInvalidToken(wwwAuthenticate: string | null): boolean {
  let scheme = '';
  for (const [, word = '', quoted, plain] of (wwwAuthenticate ?? '').matchAll(ELEMENT)) {
    const name = word.toLowerCase();
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) scheme = name;
    else if (scheme === 'bearer' && name === 'error' && value === 'invalid_token') return true;
  }
  return false;
}
