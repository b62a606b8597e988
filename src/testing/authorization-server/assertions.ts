import { hash } from 'node:crypto';
import { errors, type JSONWebKeySet, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { InvalidTokenError, UnavailableError } from '../../errors.js';
import { checkConfiguredKeys, createConfiguredKeySet } from '../../issuer/configured-keys.js';
import type { KeySet } from '../../issuer/key-set.js';
import { jwksUriSource } from '../../issuer/key-source.js';
import { RefreshingKeySet } from '../../issuer/refreshing-key-set.js';
import type { Runtime } from '../../lib/runtime.js';
import { DEFAULT_KEYS } from '../../options/trusted-issuer.js';
import { createMemoryReplayStore } from '../../proof/replay-store.js';
import { ALGORITHMS, type Algorithm } from '../../terms.js';
import { type Refusal, refusal } from './http.js';

/** How far the clock of whoever made an assertion may be off. */
export const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_REMEMBERED = 10_000;

/** An assertion isn't valid. The text is for the client, and quotes nothing of the assertion. */
export class AssertionFault extends Error {}

/** Who may have signed an assertion, and about whom. */
export interface Asserter {
  /** `"iss"`. */
  readonly issuer: string;
  readonly keys: KeySet;
  /** Whose keys they are, for messages: `the client`. */
  readonly owner: string;
  /** `"sub"`; undefined for any. */
  readonly subject?: string;
  /** Claims that it must have in addition to `"iss"`. */
  readonly requiredClaims: readonly string[];
}

/** Where public keys are: here, or at a URL. */
export interface PublishedKeys {
  readonly jwks?: JSONWebKeySet | undefined;
  readonly jwksUri?: string | undefined;
}

/** The keys of a client, or of another issuer of assertions: given, or fetched when they're needed. */
export function openKeys(
  name: string,
  { jwks, jwksUri }: PublishedKeys,
  runtime: Runtime,
): KeySet | undefined {
  if (jwksUri !== undefined)
    return new RefreshingKeySet(name, jwksUriSource(jwksUri, runtime), DEFAULT_KEYS, runtime);
  return jwks && createConfiguredKeySet(checkConfiguredKeys(jwks, 'jwks'), name);
}

export interface AssertionOptions {
  /** What an assertion may name as its audience: the issuer and its token endpoint. */
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * Verifies an assertion (RFC 7523 §3): signature, issuer, subject, audience and time.
 *
 * @param what what messages call it: `client assertion`
 * @throws {AssertionFault} it isn't valid
 * @throws {Refusal} 503: the keys are out of reach
 */
export async function verifyAssertion(
  assertion: string,
  what: string,
  { issuer, keys, owner, subject, requiredClaims }: Asserter,
  { audiences, clock }: AssertionOptions,
): Promise<{ readonly claims: JWTPayload; readonly type: unknown }> {
  const find = async (header: JWTHeaderParameters) =>
    JSON.parse((await keys.find(header, header.alg as Algorithm)).material); // one of the algorithms below
  try {
    const { payload: claims, protectedHeader } = await jwtVerify(assertion, find, {
      algorithms: [...ALGORITHMS],
      issuer,
      ...(subject !== undefined && { subject }),
      requiredClaims: [...requiredClaims],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock()),
    });
    // If it's also for others, one of them could use it instead of the intended server.
    const named = typeof claims.aud === 'string' ? [claims.aud] : (claims.aud ?? []);
    if (named.length === 0 || !named.every((audience) => audiences.includes(audience)))
      throw new AssertionFault(`aud of the ${what} must be the issuer or the token endpoint`);
    if (claims.jti !== undefined && (typeof claims.jti !== 'string' || claims.jti === ''))
      throw new AssertionFault(`jti of the ${what} must be a string`);
    return { claims, type: protectedHeader.typ };
  } catch (error) {
    throw describeFault(error, what, owner);
  }
}

function describeFault(error: unknown, what: string, owner: string): unknown {
  if (error instanceof errors.JWTExpired) return new AssertionFault(`the ${what} expired`);
  if (error instanceof errors.JWTClaimValidationFailed && /^[a-z]{3}$/.test(error.claim))
    return new AssertionFault(`${error.claim} of the ${what} is missing or wrong`);
  if (error instanceof UnavailableError) return outage(error, `the keys of ${owner} are out of reach`);
  const isUnsigned =
    error instanceof errors.JOSEError ||
    error instanceof InvalidTokenError || // there is no such key
    error instanceof TypeError; // a key of another kind
  return isUnsigned ? new AssertionFault(`the ${what} is not signed by a key of ${owner}`) : error;
}

function outage({ retryAfterSeconds }: UnavailableError, description: string): Refusal {
  return refusal(503, 'temporarily_unavailable', description, { 'Retry-After': String(retryAfterSeconds) });
}

/**
 * Remembers assertions until they expire.
 *
 * @returns what remembers one, by its name and expiry. False if it's there already. It throws a
 *   {@link Refusal} with 503 if there's no room
 */
export function createReplayMemory(
  clock: () => number,
): (name: string, expiresAt: number) => Promise<boolean> {
  let used = createMemoryReplayStore({ maxEntries: MAX_REMEMBERED, clock });
  let latest = Number.NEGATIVE_INFINITY;
  return async (name, expiresAt) => {
    const key = hash('sha256', name, 'base64url');
    // After a test has set the clock back, new assertions would look like those that the store has forgotten.
    if (clock() < latest) used = createMemoryReplayStore({ maxEntries: MAX_REMEMBERED, clock });
    latest = clock();
    try {
      return await used.remember(key, expiresAt + CLOCK_TOLERANCE_SECONDS + 1 - clock() / 1000);
    } catch (error) {
      throw error instanceof UnavailableError ? outage(error, 'too many assertions were used') : error;
    }
  };
}
