import { isIssuerIdentifier } from '../../../src/lib/url.js';
import { show } from '../printable.js';
import { type Finding, failure, ok } from './finding.js';

const WELL_KNOWN = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)/;

/** Step `issuer`: whether it can be an issuer identifier at all (RFC 8414 §2). */
export function examineIssuerForm(issuer: string, allowInsecureRequests: boolean): Finding {
  if (WELL_KNOWN.test(issuer)) {
    const identifier = withoutUserInfo(issuer)
      .replace(WELL_KNOWN, '')
      .replace(/[?#].*$/s, '');
    return failure(
      'issuer',
      `${show(withoutUserInfo(issuer))} is the address of its metadata`,
      `Give the issuer itself, most likely ${show(identifier)}.`,
    );
  }
  if (isIssuerIdentifier(issuer, allowInsecureRequests)) return ok('issuer', show(issuer));
  const [what, fix] = describeFault(issuer);
  return failure('issuer', `${show(withoutUserInfo(issuer))} ${what}`, fix);
}

/** What may be printed of an issuer identifier as it was given: a password in it may not. */
export function withoutUserInfo(issuer: string): string {
  return issuer.replace(/\/\/[^/?#]*@/, '//[…]@');
}

function describeFault(issuer: string): readonly [what: string, fix: string] {
  if (issuer.includes('?'))
    return ['has a query, which no issuer has (RFC 8414 §2)', 'Leave out "?" and what is behind it.'];
  if (issuer.includes('#'))
    return ['has a fragment, which no issuer has (RFC 8414 §2)', 'Leave out "#" and what is behind it.'];
  if (!URL.canParse(issuer) || !/^https?:\/\//i.test(issuer))
    return [
      'is no absolute URL',
      'Give it as tokens write it in "iss": https:// and a host, such as https://auth.example.com.',
    ];
  const { protocol, username, password } = new URL(issuer);
  if (username !== '' || password !== '')
    return ['has a user name or password in it', 'Leave them out: an issuer is public.'];
  if (protocol === 'http:')
    return [
      'is plain http',
      'Use https. For a host that you reach on a private network only, there is allowInsecureRequests (--allow-insecure-requests): whoever is on the way chooses the keys.',
    ];
  return ['has characters that no URL has', 'Write it as tokens do in "iss": no spaces and backslashes.'];
}
