import { compactVerify, errors } from 'jose';
import { InvalidTokenError } from '../errors.js';
import { audienceOf, faultOfDates } from '../token/claims.js';
import { isJsonObject, parseCompactJws, parseJsonObject } from '../token/compact-jws.js';
import { checkExtensions, readAlgorithm } from '../verification/jwt.js';
import { IntrospectionFailure } from './introspection-failure.js';
import type { KeySet } from './key-set.js';

const TYPE = 'token-introspection+jwt';
/** How old an answer may be, in seconds: it is made for the request that it answers. */
const MAX_AGE_SECONDS = 60;

/** Who signs answers, and for whom. */
export interface SignedAnswerOptions {
  readonly issuer: string;
  readonly keySet: KeySet;
  readonly algorithms: ReadonlySet<string>;
  /** What this API is called in `"aud"`: its client identifier, or one of its identifiers as an audience. */
  readonly audience: ReadonlySet<string>;
  readonly clockToleranceSeconds: number;
  readonly clock: () => number;
}

/**
 * Verifies a signed introspection response (RFC 9701 §5). Encrypted ones are not supported.
 *
 * @returns its member `token_introspection`, and nothing else of it: the rest is about the response, not about the token
 * @throws {IntrospectionFailure} `introspection_invalid`
 * @throws {UnavailableError} the issuer's keys are out of reach
 */
export async function readSignedAnswer(
  text: string,
  options: SignedAnswerOptions,
): Promise<Record<string, unknown>> {
  const claims = await verify(text.trim(), options).catch((error: unknown) => {
    // What would be the fault of a token is here that of the response.
    if (error instanceof InvalidTokenError) throw invalid(error.reason);
    throw error;
  });
  if (claims.iss !== options.issuer) throw invalid('iss_mismatch');
  if (!audienceOf(claims).some((name) => options.audience.has(name))) throw invalid('aud_mismatch');
  checkDates(claims, options);
  const { token_introspection: answer } = claims;
  if (!isJsonObject(answer)) throw invalid('token_introspection is not an object');
  return answer;
}

async function verify(jwt: string, options: SignedAnswerOptions): Promise<Record<string, unknown>> {
  const { header, claimsBytes } = parseCompactJws(jwt);
  const algorithm = readAlgorithm(header, options.algorithms);
  checkExtensions(header);
  if (!isSignedAnswer(header.typ)) throw new InvalidTokenError('typ_mismatch');
  const key = await options.keySet.find(header.kid, algorithm);
  try {
    await compactVerify(jwt, await key.cryptoKey(algorithm));
  } catch (error) {
    throw error instanceof errors.JOSEError ? new InvalidTokenError('signature_invalid') : error;
  }
  return parseJsonObject(claimsBytes);
}

/** RFC 7515 §4.1.9: case-insensitive, and `application/` may be left out. */
function isSignedAnswer(typ: unknown): boolean {
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === TYPE;
}

/** `"iat"` has to be there; a response should have no `"exp"`, but where it has one, or `"nbf"`, these count too. */
function checkDates(claims: Readonly<Record<string, unknown>>, options: SignedAnswerOptions): void {
  const { iat, nbf } = claims;
  const now = options.clock() / 1000;
  const tolerance = options.clockToleranceSeconds;
  if (typeof iat !== 'number') throw invalid('iat is not a number');
  const fault = faultOfDates({ exp: iat + MAX_AGE_SECONDS, nbf, iat }, now, tolerance);
  if (fault !== undefined) throw invalid(fault);
  if (Object.hasOwn(claims, 'exp') && faultOfDates({ exp: claims.exp }, now, tolerance) !== undefined)
    throw invalid('expired');
}

function invalid(detail: string): IntrospectionFailure {
  return new IntrospectionFailure('introspection_invalid', detail);
}
