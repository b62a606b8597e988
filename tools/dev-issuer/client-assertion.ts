import { createHash } from 'node:crypto';
import { createLocalJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { algorithms } from '../../src/testing/signing-key.js';
import { type Form, parameterOf } from './form.js';
import type { DevClient } from './options.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** An assertion is made for one request: one that lasts longer is refused. */
const MAX_LIFETIME_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 5;
/** An assertion says by its type, if by anything, what it is for: a signed JWT of another kind is none (RFC 8725 §3.11). */
const TYPES: readonly unknown[] = [undefined, 'jwt', 'client-authentication+jwt'];
const MAX_REMEMBERED = 10_000;

export interface AssertionOptions {
  readonly clients: readonly DevClient[];
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Verifies client assertions (RFC 7523 §3), each of them once. */
export interface AssertionVerifier {
  /** @returns the client, or why it is not authenticated, in a fixed text */
  verify(form: Form): Promise<DevClient | string>;
}

export function createAssertionVerifier({ clients, audiences, clock }: AssertionOptions): AssertionVerifier {
  const seen = createReplayMemory(clock);
  const verifiers = new Map(clients.flatMap((client) => withKeys(client)));

  return {
    async verify(form) {
      if (parameterOf(form, 'client_assertion_type') !== JWT_BEARER)
        return `client_assertion_type must be ${JWT_BEARER}`;
      const assertion = parameterOf(form, 'client_assertion') ?? '';
      const verifier = verifiers.get(subjectOf(assertion));
      if (verifier === undefined) return 'the client assertion is of no client that has keys';
      const { client, keys } = verifier;
      try {
        const { payload, protectedHeader } = await jwtVerify(assertion, keys, {
          algorithms: [...algorithms],
          issuer: client.clientId,
          subject: client.clientId,
          requiredClaims: ['exp', 'jti', 'aud'],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(clock()),
        });
        const fault = faultOf(payload, protectedHeader.typ, audiences, clock() / 1000);
        if (fault !== undefined) return fault;
        return seen.add(`${client.clientId} ${payload.jti}`, payload.exp ?? 0)
          ? client
          : 'the client assertion was used before';
      } catch (error) {
        return describeFault(error);
      }
    },
  };
}

interface ClientVerifier {
  readonly client: DevClient;
  readonly keys: JWTVerifyGetKey;
}

function withKeys(client: DevClient): readonly (readonly [clientId: string, verifier: ClientVerifier])[] {
  const { jwks } = client;
  return jwks === undefined ? [] : [[client.clientId, { client, keys: createLocalJWKSet(jwks) }]];
}

/** Whom the assertion says it is of. Nothing is verified here. */
function subjectOf(assertion: string): string {
  try {
    const claims: unknown = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString());
    const subject = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : undefined;
    return typeof subject === 'string' ? subject : '';
  } catch {
    return ''; // not a JWT: of nobody, then
  }
}

/** RFC 7523 §3, the rules that a JWT library does not know. */
function faultOf(
  { aud = [], exp = 0, jti }: JWTPayload,
  typ: unknown,
  audiences: readonly string[],
  now: number,
): string | undefined {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
  if (!TYPES.includes(type)) return 'the client assertion is a JWT of another type';
  // An assertion that is for others too could be used by one of them in the client's place.
  const named = typeof aud === 'string' ? [aud] : aud;
  if (named.length === 0 || !named.every((audience) => audiences.includes(audience)))
    return 'aud of the client assertion must be the issuer or the token endpoint';
  if (exp > now + MAX_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS)
    return `exp of the client assertion is more than ${MAX_LIFETIME_SECONDS} seconds away`;
  return typeof jti === 'string' && jti !== '' ? undefined : 'jti of the client assertion must be a string';
}

function describeFault(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the client assertion expired';
  if (error instanceof errors.JWTClaimValidationFailed && /^[a-z]{3}$/.test(error.claim))
    return `${error.claim} of the client assertion is missing or wrong`;
  if (error instanceof errors.JOSEError) return 'the client assertion is not signed by a key of the client';
  if (error instanceof TypeError) return 'the client assertion is not signed by a key of the client'; // a key of another kind
  throw error;
}

/** Remembers assertions until they expire. */
interface ReplayMemory {
  /** False when it is there already, or when there is no room: then it cannot be told whether it was used. */
  add(name: string, expiresAt: number): boolean;
}

function createReplayMemory(clock: () => number): ReplayMemory {
  const expiries = new Map<string, number>();
  return {
    add(name, expiresAt) {
      const digest = createHash('sha256').update(name).digest('base64');
      const end = clock() / 1000 - CLOCK_TOLERANCE_SECONDS;
      if (expiries.size >= MAX_REMEMBERED) {
        for (const [key, expiry] of expiries) if (expiry < end) expiries.delete(key);
      }
      if (expiries.has(digest) || expiries.size >= MAX_REMEMBERED) return false;
      expiries.set(digest, expiresAt);
      return true;
    },
  };
}
