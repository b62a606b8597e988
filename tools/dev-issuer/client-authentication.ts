import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type AssertionVerifier, createAssertionVerifier } from './client-assertion.js';
import { type Form, formDecode, parameterOf } from './form.js';
import { type Refusal, refusal } from './http.js';
import type { DevClient } from './options.js';

/** How clients say who they are (RFC 6749 §2.3, RFC 7523 §2.2), by the names that metadata use (RFC 8414 §2). */
export const authenticationMethods: readonly string[] = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;
/** RFC 9110 §11.4: a 401 names a scheme, also where the client used none that has one. */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="dev-issuer", charset="UTF-8"' };

/** Finds out which client sent a request. */
export interface ClientAuthenticator {
  /**
   * @throws {Refusal} 401 `invalid_client`: not a client, or not by its credentials; 400 `invalid_request`: several
   *   methods in one request (RFC 6749 §2.3)
   */
  authenticate(request: IncomingMessage, form: Form): Promise<DevClient>;
}

export interface AuthenticatorOptions {
  readonly clients: readonly DevClient[];
  /** What an assertion may name as its audience: the issuer and its token endpoint. */
  readonly audiences: readonly string[];
  readonly clock: () => number;
}

export function createClientAuthenticator(options: AuthenticatorOptions): ClientAuthenticator {
  const clients = new Map(options.clients.map((client) => [client.clientId, client]));
  const assertions = createAssertionVerifier(options);
  return {
    async authenticate(request, form) {
      const client = await clientOf(request, form, clients, assertions);
      const named = parameterOf(form, 'client_id');
      if (named !== undefined && named !== client.clientId)
        throw refusal(400, 'invalid_request', 'client_id names another client than the credentials');
      return client;
    },
  };
}

async function clientOf(
  request: IncomingMessage,
  form: Form,
  clients: ReadonlyMap<string, DevClient>,
  assertions: AssertionVerifier,
): Promise<DevClient> {
  const headers = request.headersDistinct.authorization ?? [];
  const secret = parameterOf(form, 'client_secret');
  const assertion = parameterOf(form, 'client_assertion') ?? parameterOf(form, 'client_assertion_type');
  const used = [...headers, secret, assertion].filter((credentials) => credentials !== undefined);
  if (used.length > 1) throw refusal(400, 'invalid_request', 'more than one way of client authentication');

  if (headers[0] !== undefined) return clientOfHeader(headers[0], clients);
  if (secret !== undefined) return clientOfSecret([[parameterOf(form, 'client_id') ?? '', secret]], clients);
  if (assertion === undefined) throw invalidClient('no client authentication');
  const verified = await assertions.verify(form);
  if (typeof verified === 'string') throw invalidClient(verified);
  return verified;
}

/**
 * RFC 6749 §2.3.1: id and secret are form-encoded before they become user name and password. Many clients do not do
 * that, curl among them, so both readings are tried.
 */
function clientOfHeader(header: string, clients: ReadonlyMap<string, DevClient>): DevClient {
  const [, encoded = ''] = BASIC.exec(header) ?? [];
  const pair = Buffer.from(encoded, 'base64').toString();
  const end = pair.indexOf(':');
  if (end === -1) throw invalidClient('the Authorization header has no Basic credentials');
  const plain = [pair.slice(0, end), pair.slice(end + 1)] as const;
  const decoded = [formDecode(plain[0]), formDecode(plain[1])] as const;
  return clientOfSecret([decoded, plain], clients);
}

type Pair = readonly [clientId: string | undefined, secret: string | undefined];

function clientOfSecret(pairs: readonly Pair[], clients: ReadonlyMap<string, DevClient>): DevClient {
  for (const [clientId = '', secret = ''] of pairs) {
    const client = clients.get(clientId);
    if (client?.clientSecret !== undefined && isSame(client.clientSecret, secret)) return client;
  }
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
