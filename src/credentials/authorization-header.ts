// RFC 9110 §5.6.2 (token) for the scheme, §11.2 (token68) for the access token.
const SCHEME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/** What an `Authorization` field line says: `other` is a scheme that is none of ours. The token's characters have not been looked at. */
export type AuthorizationLine =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed' };

const OTHER: AuthorizationLine = Object.freeze({ kind: 'other' });
const MALFORMED: AuthorizationLine = Object.freeze({ kind: 'malformed' });
const SPACE = 0x20;

/** Reads one `Authorization` field line (RFC 6750 §2.1): `Bearer`, one or more spaces, and the token. */
export function readAuthorizationLine(line: string): AuthorizationLine {
  let start = lengthOfScheme(line);
  if (start === 0) return MALFORMED;
  if (!isBearer(line, start)) return OTHER;
  if (line.charCodeAt(start) !== SPACE) return MALFORMED;
  while (line.charCodeAt(start) === SPACE) start += 1;
  return { kind: 'bearer', token: line.slice(start) };
}

/** Whether `value` consists of the characters of an access token (RFC 6750 §2.1 `b64token`). */
export function isToken68(value: string): boolean {
  return TOKEN68.test(value);
}

function lengthOfScheme(line: string): number {
  if (line.startsWith('Bearer ')) return 6; // as nearly everybody writes it
  return SCHEME.exec(line)?.[0].length ?? 0;
}

function isBearer(line: string, length: number): boolean {
  return length === 6 && line.slice(0, length).toLowerCase() === 'bearer';
}
