import { InvalidTokenError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { findDateFault, readAudience } from '../token/claims.js';
import {
  mediaType,
  needsExtension,
  parseCompactJws,
  parseJsonObject,
  readAlgorithm,
} from '../token/compact-jws.js';
import { isSignedBy } from '../token/signature.js';
import { IntrospectionFailure } from './introspection-failure.js';
import type { IntrospectionContext } from './introspection-settings.js';

const TYPE = 'token-introspection+jwt';
/** How old an answer may be, in seconds: it's made for the request that it answers. */
const MAX_AGE_SECONDS = 60;

/**
 * Verifies a signed introspection response (RFC 9701 §5). Encrypted ones aren't supported.
 *
 * @param clientId what this API is called in `"aud"`, or one of its identifiers as an audience
 * @returns its member `token_introspection`, and nothing else of it: the rest is about the response, not
 *   about the token
 * @throws {IntrospectionFailure} `introspection_invalid`
 * @throws {UnavailableError} the issuer's keys are out of reach
 */
export async function readSignedAnswer(
  text: string,
  clientId: string,
  context: IntrospectionContext,
): Promise<Record<string, unknown>> {
  const { rules, runtime } = context;
  const claims = await verify(text.trim(), context).catch((error: unknown) => {
    // What would be the fault of a token is the response's fault here.
    if (error instanceof InvalidTokenError) throw invalid(error.reason);
    throw error;
  });
  if (claims.iss !== rules.issuer) throw invalid('iss_mismatch');
  if (!readAudience(claims).some((name) => name === clientId || rules.audience.has(name)))
    throw invalid('aud_mismatch');
  checkDates(claims, runtime.clock() / 1000, runtime.clockToleranceSeconds);
  const { token_introspection: answer } = claims;
  if (!isJsonObject(answer)) throw invalid('token_introspection is not an object');
  return answer;
}

async function verify(jwt: string, { rules, keySet }: IntrospectionContext): Promise<JsonObject> {
  const { header, claimsBytes } = parseCompactJws(jwt);
  const algorithm = readAlgorithm(header, rules.algorithms);
  if (needsExtension(header)) throw new InvalidTokenError('crit_unsupported');
  if (mediaType(header.typ) !== TYPE) throw new InvalidTokenError('typ_mismatch');
  const key = await keySet.find(header.kid, algorithm);
  if (!(await isSignedBy(jwt, await key.cryptoKey(algorithm))))
    throw new InvalidTokenError('signature_invalid');
  return parseJsonObject(claimsBytes);
}

/**
 * `"iat"` has to be there; a response should have no `"exp"`, but if it has one, or `"nbf"`, these count too.
 */
function checkDates(claims: JsonObject, now: number, tolerance: number): void {
  const { iat, nbf } = claims;
  if (typeof iat !== 'number') throw invalid('iat is not a number');
  const fault = findDateFault({ exp: iat + MAX_AGE_SECONDS, nbf, iat }, now, tolerance);
  if (fault !== undefined) throw invalid(fault);
  if (Object.hasOwn(claims, 'exp') && findDateFault({ exp: claims.exp }, now, tolerance) !== undefined)
    throw invalid('expired');
}

function invalid(detail: string): IntrospectionFailure {
  return new IntrospectionFailure('introspection_invalid', detail);
}
