import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createLocalJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { ALGORITHMS } from '../core.js';
import { type Note, type Refusal, refusal } from './http.js';
import type { DevClient } from './options.js';
import { type Form, formDecode, parameter } from './request-body.js';
import { describeToken } from './token-mint.js';

/** How clients authenticate (RFC 6749 §2.3, RFC 7523 §2.2), by the names that metadata use (RFC 8414 §2). */
export const authenticationMethods: readonly string[] = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;
/** RFC 9110 §11.4: a 401 names a scheme, even if the client used a method that has none. */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="dev-issuer", charset="UTF-8"' };

/** Finds out which client sent a request. */
export interface ClientAuthenticator {
  /**
   * @param note is told the client as soon as it's known which one the request names
   * @throws {Refusal} 401 `invalid_client`: an unknown client, or wrong credentials; 400 `invalid_request`:
   *   several methods in one request (RFC 6749 §2.3)
   */
  authenticate(request: IncomingMessage, form: Form, note: Note): Promise<DevClient>;
}

export interface AuthenticatorOptions {
  readonly clients: readonly DevClient[];
  /** What an assertion may name as its audience: the issuer and its token endpoint. */
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

export function createClientAuthenticator(options: AuthenticatorOptions): ClientAuthenticator {
  const clients = new Map(options.clients.map((client) => [client.clientId, client]));
  const verifyAssertion = assertionVerifier(options);
  const identify = async (request: IncomingMessage, form: Form, note: Note): Promise<DevClient> => {
    const headers = request.headersDistinct.authorization ?? [];
    const secret = parameter(form, 'client_secret');
    const assertion = parameter(form, 'client_assertion') ?? parameter(form, 'client_assertion_type');
    const used = [...headers, secret, assertion].filter((credentials) => credentials !== undefined);
    if (used.length > 1) throw refusal(400, 'invalid_request', 'more than one way of client authentication');

    if (headers[0] !== undefined) return findClient(readBasic(headers[0]), clients, note);
    if (secret !== undefined) return findClient([[parameter(form, 'client_id'), secret]], clients, note);
    if (assertion === undefined) throw invalidClient('no client authentication');
    return verifyAssertion(form, note);
  };
  return {
    async authenticate(request, form, note) {
      const client = await identify(request, form, note);
      const named = parameter(form, 'client_id');
      if (named !== undefined && named !== client.clientId)
        throw refusal(400, 'invalid_request', 'client_id names another client than the credentials');
      return client;
    },
  };
}

type Pair = readonly [clientId: string | undefined, secret: string | undefined];

/**
 * RFC 6749 §2.3.1: id and secret are form-encoded before they become user name and password. Many clients
 * don't do that, curl among them, so this returns both readings.
 */
function readBasic(header: string): readonly Pair[] {
  const [, encoded = ''] = BASIC.exec(header) ?? [];
  const pair = Buffer.from(encoded, 'base64').toString();
  const end = pair.indexOf(':');
  if (end === -1) throw invalidClient('the Authorization header has no Basic credentials');
  const plain = [pair.slice(0, end), pair.slice(end + 1)] as const;
  return [[formDecode(plain[0]), formDecode(plain[1])], plain];
}

function findClient(pairs: readonly Pair[], clients: ReadonlyMap<string, DevClient>, note: Note): DevClient {
  const named = pairs.map(([clientId = '', secret = '']) => ({ client: clients.get(clientId), secret }));
  const right = named.find(
    ({ client, secret }) => client?.clientSecret !== undefined && isSame(client.clientSecret, secret),
  );
  const known = right?.client ?? named.find(({ client }) => client !== undefined)?.client;
  note(known?.clientId ?? 'unknown client'); // the text of the request could be a secret in the wrong place
  if (right?.client !== undefined) return right.client;
  throw invalidClient('unknown client or wrong secret');
}

/** In constant time (OPS-05), for which both must have the same length. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function invalidClient(description: string): Refusal {
  return refusal(401, 'invalid_client', description, CHALLENGE);
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** An assertion is made for one request: one that lasts longer is refused. */
const MAX_LIFETIME_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 5;
/** What the type of an assertion may be: a signed JWT of another kind isn't an assertion (RFC 8725 §3.11). */
const TYPES: readonly unknown[] = [undefined, 'jwt', 'client-authentication+jwt'];
const MAX_REMEMBERED = 10_000;
const NOT_SIGNED = 'the client assertion is not signed by a key of the client';

/** Verifies client assertions (RFC 7523 §3), each of them once. @throws {Refusal} 401 */
function assertionVerifier({
  clients,
  audiences,
  clock,
}: AuthenticatorOptions): (form: Form, note: Note) => Promise<DevClient> {
  const remember = createReplayMemory(clock);
  const verifiers = new Map(
    clients.flatMap((client) =>
      client.jwks === undefined ? [] : [[client.clientId, { client, keys: createLocalJWKSet(client.jwks) }]],
    ),
  );
  return async (form, note) => {
    if (parameter(form, 'client_assertion_type') !== JWT_BEARER)
      throw invalidClient(`client_assertion_type must be ${JWT_BEARER}`);
    const assertion = parameter(form, 'client_assertion') ?? '';
    // Only to find the client's keys: nothing is verified yet.
    const subject = describeToken(assertion).claims?.sub;
    const verifier = typeof subject === 'string' ? verifiers.get(subject) : undefined;
    note(verifier?.client.clientId ?? 'unknown client');
    if (verifier === undefined) throw invalidClient('the client assertion is of no client that has keys');
    const { client, keys } = verifier;
    const { payload, protectedHeader } = await jwtVerify(assertion, keys, {
      algorithms: [...ALGORITHMS],
      issuer: client.clientId,
      subject: client.clientId,
      requiredClaims: ['exp', 'jti', 'aud'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock()),
    }).catch((error: unknown) => {
      throw invalidClient(describeFault(error));
    });
    checkAssertion(payload, protectedHeader.typ, audiences, clock() / 1000);
    if (remember(`${client.clientId} ${payload.jti}`, payload.exp ?? 0)) return client;
    throw invalidClient('the client assertion was used before');
  };
}

/** RFC 7523 §3, the rules that a JWT library doesn't know. @throws {Refusal} 401 */
function checkAssertion(
  { aud = [], exp = 0, jti }: JWTPayload,
  typ: unknown,
  audiences: readonly string[],
  now: number,
): void {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
  if (!TYPES.includes(type)) throw invalidClient('the client assertion is a JWT of another type');
  // An assertion that's for others too could be used by one of them in the client's place.
  const named = typeof aud === 'string' ? [aud] : aud;
  if (named.length === 0 || !named.every((audience) => audiences.includes(audience)))
    throw invalidClient('aud of the client assertion must be the issuer or the token endpoint');
  if (exp > now + MAX_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS)
    throw invalidClient(`exp of the client assertion is more than ${MAX_LIFETIME_SECONDS} seconds away`);
  if (typeof jti !== 'string' || jti === '')
    throw invalidClient('jti of the client assertion must be a string');
}

function describeFault(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the client assertion expired';
  if (error instanceof errors.JWTClaimValidationFailed && /^[a-z]{3}$/.test(error.claim))
    return `${error.claim} of the client assertion is missing or wrong`;
  if (error instanceof errors.JOSEError) return NOT_SIGNED;
  if (error instanceof TypeError) return NOT_SIGNED; // a key of another kind
  throw error;
}

/**
 * Remembers assertions until they expire.
 *
 * @returns what remembers one, by its name and expiry. False if it's there already, or if there's no room:
 *   then it may have been used before
 */
function createReplayMemory(clock: () => number): (name: string, expiresAt: number) => boolean {
  const expiries = new Map<string, number>();
  return (name, expiresAt) => {
    const digest = createHash('sha256').update(name).digest('base64');
    const end = clock() / 1000 - CLOCK_TOLERANCE_SECONDS;
    if (expiries.size >= MAX_REMEMBERED) {
      for (const [key, expiry] of expiries) if (expiry < end) expiries.delete(key);
    }
    if (expiries.has(digest) || expiries.size >= MAX_REMEMBERED) return false;
    expiries.set(digest, expiresAt);
    return true;
  };
}
