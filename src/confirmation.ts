import { InvalidTokenError } from './errors.js';

/**
 * Refuses a token that is bound to a key (`"cnf"`, RFC 7800 §3): as a bearer token it would work for whoever stole it, which is what the
 * binding is there to prevent (RFC 9449 §7.2, RFC 8705 §3).
 *
 * @throws {InvalidTokenError} `unsupported_confirmation`
 */
export function checkConfirmation({ claims }: { readonly claims: object }): void {
  if (Object.hasOwn(claims, 'cnf')) throw new InvalidTokenError('unsupported_confirmation');
}
