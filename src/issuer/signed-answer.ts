import { InvalidTokenError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { findDateFault, readAudience } from '../token/claims.js';
import {
  mediaType,
  needsExtension,
  parseSegment,
  readAlgorithm,
  splitCompactJws,
} from '../token/compact-jws.js';
import { IntrospectionFailure } from './introspection-failure.js';
import type { IntrospectionContext } from './introspection-settings.js';
import { findSigningKey } from './key-set.js';

const TYPE = 'token-introspection+jwt';

/**
 * Verifies a signed introspection response (RFC 9701 §5). Encrypted ones aren't supported.
 *
 * Security: nothing in a response says which token it's about. It must be newer than the question, but an
 * attacker who can swap answers on the way could swap two from the same time.
 *
 * @param askedAt when the question was asked, in seconds since the epoch
 * @param clientId this API's name in `"aud"`, unless it's one of its identifiers as an audience
 * @returns only its member `token_introspection`: the rest is about the response, not about the token
 * @throws {IntrospectionFailure} `introspection_invalid`
 * @throws {UnavailableError} the issuer's keys can't be reached
 */
export async function readSignedAnswer(
  text: string,
  clientId: string,
  askedAt: number,
  context: IntrospectionContext,
): Promise<Record<string, unknown>> {
  const { rules, runtime } = context;
  const claims = await verify(text.trim(), context).catch((error: unknown) => {
    // A fault that would be the token's is the response's here.
    if (error instanceof InvalidTokenError) throw invalid(error.reason);
    throw error;
  });
  if (claims.iss !== rules.issuer) throw invalid('iss_mismatch');
  if (!readAudience(claims).some((name) => name === clientId || rules.audience.has(name)))
    throw invalid('aud_mismatch');
  checkDates(claims, askedAt, runtime.clock() / 1000, runtime.clockToleranceSeconds);
  const { token_introspection: answer } = claims;
  if (!isJsonObject(answer)) throw invalid('token_introspection is not an object');
  return answer;
}

async function verify(jwt: string, { rules, keySet }: IntrospectionContext): Promise<JsonObject> {
  const segments = splitCompactJws(jwt); // as long as an answer may be, which is longer than a token
  if (segments === undefined) throw new InvalidTokenError('malformed_token');
  const [headerSegment, claimsSegment] = segments;
  const header = parseSegment(headerSegment);
  const algorithm = readAlgorithm(header, rules.algorithms);
  if (needsExtension(header)) throw new InvalidTokenError('crit_unsupported');
  if (mediaType(header.typ) !== TYPE) throw new InvalidTokenError('typ_mismatch');
  await findSigningKey(jwt, header, algorithm, keySet);
  return parseSegment(claimsSegment);
}

/**
 * `"iat"` must be there, and not be older than the question. A response should have no `"exp"`, but if it has
 * one, or `"nbf"`, they count too.
 */
function checkDates(claims: JsonObject, askedAt: number, now: number, tolerance: number): void {
  const { iat, nbf, exp = Number.MAX_SAFE_INTEGER } = claims;
  if (typeof iat !== 'number') throw invalid('iat is not a number');
  // Most servers write whole seconds.
  if (!(iat >= Math.floor(askedAt) - tolerance)) throw invalid('from before the question');
  const fault = findDateFault({ exp, nbf, iat }, now, tolerance);
  if (fault !== undefined) throw invalid(fault);
}

function invalid(detail: string): IntrospectionFailure {
  return new IntrospectionFailure('introspection_invalid', detail, 'unclear');
}
