// RFC 9110 §5.6.2 (token) for the scheme, §11.2 (token68) for the access token.
const SCHEME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/** What an `Authorization` field line says: `other` is a scheme that is none of ours. */
export type AuthorizationLine =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed' };

/** Reads one `Authorization` field line (RFC 6750 §2.1): `Bearer`, one or more spaces, the token, and nothing else. */
export function readAuthorizationLine(line: string): AuthorizationLine {
  const scheme = SCHEME.exec(line)?.[0];
  if (scheme === undefined) return { kind: 'malformed' };
  if (scheme.toLowerCase() !== 'bearer') return { kind: 'other' };
  let start = scheme.length;
  while (line.charCodeAt(start) === 0x20) start += 1;
  const token = line.slice(start);
  return start > scheme.length && isToken68(token) ? { kind: 'bearer', token } : { kind: 'malformed' };
}

/** Whether `value` consists of the characters of an access token (RFC 6750 §2.1 `b64token`). */
export function isToken68(value: string): boolean {
  return TOKEN68.test(value);
}
