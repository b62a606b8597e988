import type { IncomingMessage } from 'node:http';
import type { JWTPayload } from 'jose';
import { isEqualText } from '../../lib/equal-text.js';
import type { Runtime } from '../../lib/runtime.js';
import type { TlsSettings } from '../loopback-server.js';
import { type AssertionIssuers, findWorkload } from './assertion-issuers.js';
import {
  AssertionFault,
  CLOCK_TOLERANCE_SECONDS,
  createReplayMemory,
  openKeys,
  verifyAssertion,
} from './assertions.js';
import { matchesTlsClientAuth, readClientCertificate } from './client-certificates.js';
import type { Client } from './clients.js';
import { type Note, type Refusal, refusal } from './http.js';
import { type Form, formDecode, parameter } from './request-body.js';
import { describeToken } from './token-mint.js';

/**
 * How clients authenticate (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2), by the names in metadata (RFC
 * 8414 §2).
 *
 * @param tls undefined if there's no https
 */
export function authenticationMethods(tls: Pick<TlsSettings, 'ca'> | undefined): readonly string[] {
  const withoutTls = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
  if (tls === undefined) return withoutTls;
  const byAuthority = tls.ca === undefined ? [] : ['tls_client_auth'];
  return [...withoutTls, ...byAuthority, 'self_signed_tls_client_auth'];
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;
/** RFC 9110 §11.4: a 401 names a scheme, even if the client used a method that has none. */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="dev-issuer", charset="UTF-8"' };

/** Finds out which client sent a request. */
export interface ClientAuthenticator {
  /**
   * @param note is told the client as soon as it's known which one the request names
   * @returns undefined if the request has no credentials of a client
   * @throws {Refusal} 401 `invalid_client`: an unknown client, or wrong credentials; 400 `invalid_request`:
   *   several methods in one request (RFC 6749 §2.3)
   */
  authenticate(request: IncomingMessage, form: Form, note: Note): Promise<Client | undefined>;
}

export interface AuthenticatorOptions {
  readonly clients: readonly Client[];
  /** What an assertion may name as its audience: the issuer and its token endpoint. */
  readonly audiences: readonly string[];
  readonly runtime: Runtime;
  readonly assertionIssuers: AssertionIssuers;
}

export function createClientAuthenticator(options: AuthenticatorOptions): ClientAuthenticator {
  const clients = new Map(options.clients.map((client) => [client.clientId, client]));
  const verifyClientAssertion = assertionVerifier(options);
  const identify: ClientAuthenticator['authenticate'] = async (request, form, note) => {
    const headers = request.headersDistinct.authorization ?? [];
    const secret = parameter(form, 'client_secret');
    const assertion = parameter(form, 'client_assertion') ?? parameter(form, 'client_assertion_type');
    const used = [...headers, secret, assertion].filter((credentials) => credentials !== undefined);
    if (used.length > 1) throw refusal(400, 'invalid_request', 'more than one way of client authentication');

    if (headers[0] !== undefined) return findClient(readBasic(headers[0]), clients, note);
    if (secret !== undefined) return findClient([[parameter(form, 'client_id'), secret]], clients, note);
    if (assertion !== undefined) return verifyClientAssertion(form, note);
    const named = clients.get(parameter(form, 'client_id') ?? '');
    return named && identifyByCertificate(named, request, note);
  };
  return {
    async authenticate(request, form, note) {
      const client = await identify(request, form, note);
      const named = parameter(form, 'client_id');
      if (client !== undefined && named !== undefined && named !== client.clientId)
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

function findClient(pairs: readonly Pair[], clients: ReadonlyMap<string, Client>, note: Note): Client {
  const named = pairs.map(([clientId = '', secret = '']) => ({ client: clients.get(clientId), secret }));
  const right = named.find(
    ({ client, secret }) => client?.clientSecret !== undefined && isEqualText(client.clientSecret, secret),
  );
  const known = right?.client ?? named.find(({ client }) => client !== undefined)?.client;
  note(known?.clientId ?? 'unknown client'); // the text of the request could be a secret in the wrong place
  if (right?.client !== undefined) return right.client;
  throw invalidClient('unknown client or wrong secret');
}

/** RFC 8705 §2: the request has nothing but the client's id, and its connection the certificate. */
function identifyByCertificate(client: Client, request: IncomingMessage, note: Note): Client | undefined {
  const { certificates, tlsClientAuth } = client;
  if (certificates.length === 0 && tlsClientAuth === undefined) return undefined;
  note(client.clientId);
  const presented = readClientCertificate(request);
  if (presented === undefined) throw invalidClient('no client certificate was presented');
  const isItsOwn =
    certificates.includes(presented.thumbprint) ||
    (tlsClientAuth !== undefined && matchesTlsClientAuth(presented, tlsClientAuth));
  if (isItsOwn) return client;
  throw invalidClient('the client certificate is not the one of the client');
}

/** @throws {Refusal} 401: there's none */
export function requireClient(client: Client | undefined): Client {
  if (client === undefined) throw invalidClient('no client authentication');
  return client;
}

function invalidClient(description: string): Refusal {
  return refusal(401, 'invalid_client', description, CHALLENGE);
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** An assertion is made for one request: one that lasts longer is refused. */
const MAX_LIFETIME_SECONDS = 300;
/** What the type of an assertion may be: a signed JWT of another kind isn't an assertion (RFC 8725 §3.11). */
const TYPES: readonly unknown[] = [undefined, 'jwt', 'client-authentication+jwt'];

/** Verifies client assertions (RFC 7523 §3), each of them once. @throws {Refusal} 401 */
function assertionVerifier(options: AuthenticatorOptions): (form: Form, note: Note) => Promise<Client> {
  const { clients, runtime } = options;
  const { clock } = runtime;
  const remember = createReplayMemory(clock);
  const asserters = new Map(
    clients.flatMap((client) => {
      const { clientId } = client;
      const keys = openKeys(clientId, client, runtime);
      const requiredClaims = ['exp', 'jti', 'aud'];
      return keys === undefined
        ? []
        : [
            [
              clientId,
              { client, issuer: clientId, subject: clientId, keys, owner: 'the client', requiredClaims },
            ],
          ];
    }),
  );
  return async (form, note) => {
    if (parameter(form, 'client_assertion_type') !== JWT_BEARER)
      throw invalidClient(`client_assertion_type must be ${JWT_BEARER}`);
    const assertion = parameter(form, 'client_assertion') ?? '';
    const workload = findWorkload(clients, assertion);
    if (workload !== undefined) {
      note(workload.clientId);
      await options.assertionIssuers.verify(assertion, 'client assertion').catch(refuseFault);
      return workload;
    }
    // Only to find the client's keys: nothing is verified yet.
    const subject = describeToken(assertion).claims?.sub;
    const asserter = typeof subject === 'string' ? asserters.get(subject) : undefined;
    note(asserter?.client.clientId ?? 'unknown client');
    if (asserter === undefined) throw invalidClient('no client with registered keys made this assertion');
    const { client } = asserter;
    const verified = verifyAssertion(assertion, 'client assertion', asserter, { ...options, clock });
    const { claims, type } = await verified.catch(refuseFault);
    checkAssertion(claims, type, clock() / 1000);
    if (await remember(`${client.clientId} ${claims.jti}`, claims.exp ?? 0)) return client;
    throw invalidClient('the client assertion was used before');
  };
}

function refuseFault(error: unknown): never {
  throw error instanceof AssertionFault ? invalidClient(error.message) : error;
}

/** What a client assertion must be like beyond RFC 7523 §3. @throws {Refusal} 401 */
function checkAssertion({ exp = 0 }: JWTPayload, typ: unknown, now: number): void {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
  if (!TYPES.includes(type)) throw invalidClient('the client assertion is a JWT of another type');
  if (exp > now + MAX_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS)
    throw invalidClient(`exp of the client assertion is more than ${MAX_LIFETIME_SECONDS} seconds away`);
}
