import type { Scheme } from '../terms.js';

/**
 * One element of a challenge (RFC 9110 §11.2, §11.6.1): a word, or a parameter with a quoted string or a
 * token.
 */
const ELEMENT = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",=]+)))?/g;

/**
 * What an API's answer says about a token. `accepted`: a success. `refused`: it's expired, revoked or
 * otherwise invalid (RFC 6750 §3.1, RFC 9449 §7.1). `nonce wanted`: RFC 9449 §9. `unexplained`: a 401 that
 * may be about the token, because there's no error code, as from a gateway, or `invalid_token` only after
 * another scheme, as from some servers that always say `Bearer`. `unrelated`: anything else. An outage says
 * nothing about the token, and with status 403 another token would have the same scopes.
 */
export type Verdict = 'accepted' | 'refused' | 'nonce wanted' | 'unexplained' | 'unrelated';

/**
 * @param wwwAuthenticate the field as `Headers` gives it, several lines joined by commas
 * @param sent the scheme that the token was sent with: another scheme's error may be about another token
 */
export function readVerdict(status: number, wwwAuthenticate: string | null, sent: Scheme): Verdict {
  if (status >= 200 && status < 300) return 'accepted';
  if (status !== 401) return 'unrelated';
  const errors = readErrors(wwwAuthenticate);
  const says = (code: string) =>
    errors.some(({ scheme, error }) => scheme === sent.toLowerCase() && error === code);
  // After any scheme: only a proof can have a nonce.
  if (sent === 'DPoP' && errors.some(({ error }) => error === 'use_dpop_nonce')) return 'nonce wanted';
  if (says('invalid_token')) return 'refused';
  const mayBeIt = errors.every((one) => one.scheme !== sent.toLowerCase() && one.error === 'invalid_token');
  return mayBeIt ? 'unexplained' : 'unrelated';
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
