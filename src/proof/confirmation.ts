import type { AccessToken } from '../auth.js';
import type { AnswerHeaders } from '../decision.js';
import { InvalidTokenError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import type { Credentials } from '../request/credentials.js';
import type { RequestView } from '../request/view.js';

/**
 * What a proof of possession adds to the answer, such as a nonce for the next proof; undefined if nothing.
 */
export type Confirmed = AnswerHeaders | undefined;

/**
 * Makes sure that the sender has the DPoP key of its access token (RFC 9449 §7). Called for every access
 * token, bound or not: the scheme must fit too.
 *
 * @param jkt the member `"jkt"` of `"cnf"`, of any type; undefined if there's none
 * @param request undefined if the token came without one and isn't bound
 */
export type DpopBinding = (
  jkt: unknown,
  credentials: Credentials,
  request: RequestView | undefined,
) => Confirmed | Promise<Confirmed>;

/**
 * Makes sure that the request came with the client certificate of its access token (RFC 8705 §3).
 *
 * @param thumbprint the member `"x5t#S256"` of `"cnf"`, of any type
 */
export type CertificateBinding = (thumbprint: unknown, request: RequestView) => Confirmed;

/**
 * How a request can prove possession of the key that its access token is bound to. Undefined ones are off.
 */
export interface Bindings {
  readonly dpop?: DpopBinding | undefined;
  readonly certificate?: CertificateBinding | undefined;
}

/** The registered members of `"cnf"` that we can check (RFC 9449 §6.1, RFC 8705 §3.1). */
const JKT = 'jkt';
const X5T_S256 = 'x5t#S256';

/**
 * Makes sure that the sender of the request has the keys that its access token is bound to (`"cnf"`,
 * RFC 7800 §3). Every member of `"cnf"` must be satisfied. Accepted as a plain bearer token, it would work
 * for a thief, which is what the binding prevents (RFC 9449 §7.2, RFC 8705 §3).
 *
 * @param request undefined if the token came without one; then a bound token is refused
 * @returns what the answer must carry
 * @throws {InvalidTokenError} `unsupported_confirmation`: bound in a way that is unknown or off; and the
 *   bindings' reasons
 */
export async function checkConfirmation(
  { claims }: AccessToken,
  credentials: Credentials,
  request: RequestView | undefined,
  bindings: Bindings,
): Promise<Confirmed> {
  if (!Object.hasOwn(claims, 'cnf')) return bindings.dpop?.(undefined, credentials, request);
  if (request === undefined) throw new InvalidTokenError('unsupported_confirmation');
  const cnf = checkMembers(claims.cnf, bindings);
  const certified = X5T_S256 in cnf ? bindings.certificate?.(cnf[X5T_S256], request) : undefined;
  // Last, because it may use up the proof.
  const proven = await bindings.dpop?.(cnf[JKT], credentials, request);
  return certified === undefined ? proven : { ...certified, ...proven };
}

/** Refuses a confirmation if any part of it would go unchecked. */
function checkMembers(cnf: unknown, bindings: Bindings): JsonObject {
  if (!isJsonObject(cnf)) throw new InvalidTokenError('unsupported_confirmation');
  const members = Object.keys(cnf);
  const isChecked = (member: string): boolean =>
    (member === JKT && bindings.dpop !== undefined) ||
    (member === X5T_S256 && bindings.certificate !== undefined);
  if (members.length === 0 || !members.every(isChecked))
    throw new InvalidTokenError('unsupported_confirmation');
  return cnf;
}
