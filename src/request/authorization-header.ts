import type { Scheme } from '../terms.js';

// RFC 9110 §5.6.2 (token) for the scheme, §11.2 (token68) for the access token.
const SCHEME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * What an `Authorization` field line says: `other` is a scheme that is none of ours. The token's characters
 * have not been looked at.
 */
export type AuthorizationLine =
  | { readonly kind: 'token'; readonly scheme: Scheme; readonly token: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed' };

const OTHER: AuthorizationLine = Object.freeze({ kind: 'other' });
const MALFORMED: AuthorizationLine = Object.freeze({ kind: 'malformed' });
const SPACE = 0x20;

/**
 * Reads one `Authorization` field line (RFC 6750 §2.1, RFC 9449 §7.1): `Bearer` or `DPoP`, one or more
 * spaces, and the token.
 */
export function readAuthorizationLine(line: string): AuthorizationLine {
  let start = lengthOfScheme(line);
  if (start === 0) return MALFORMED;
  const scheme = schemeNamed(line.slice(0, start));
  if (scheme === undefined) return OTHER;
  if (line.charCodeAt(start) !== SPACE) return MALFORMED;
  while (line.charCodeAt(start) === SPACE) start += 1;
  return { kind: 'token', scheme, token: line.slice(start) };
}

/** The scheme that a field line names, whatever follows it. */
export function readScheme(line: string): Scheme | undefined {
  return schemeNamed(line.slice(0, lengthOfScheme(line)));
}

/** Whether `value` consists of the characters of an access token (RFC 6750 §2.1 `b64token`). */
export function isToken68(value: string): boolean {
  return TOKEN68.test(value);
}

function lengthOfScheme(line: string): number {
  if (line.startsWith('Bearer ')) return 6; // as nearly everybody writes it
  return SCHEME.exec(line)?.[0].length ?? 0;
}

/** RFC 9110 §11.1: the name of a scheme has no case. */
function schemeNamed(name: string): Scheme | undefined {
  if (name === 'Bearer') return name;
  const lowerCase = name.toLowerCase();
  if (lowerCase === 'bearer') return 'Bearer';
  return lowerCase === 'dpop' ? 'DPoP' : undefined;
}
