import { randomUUID } from 'node:crypto';
import {
  allowInsecureRequests,
  type Client,
  type ClientAuth,
  ClientSecretPost,
  clockSkew,
  type HttpRequestOptions,
} from 'oauth4webapi';
import { describeError, SafeError } from '../lib/errors.js';
import { USER_AGENT } from '../lib/fetch.js';
import type { Runtime } from '../lib/runtime.js';
import type { SecretMethod } from '../terms.js';
import { SignerUnavailable } from './assertion-signer.js';
import type { AssertionKey } from './private-key.js';

const CERTIFICATE =
  'the server knows the client by the certificate of the connection: is it the registered one, and does ' +
  'the option certificate, or your own fetch, present it?';
const ENCODED_CREDENTIALS =
  'client_secret_basic encodes characters of this id or secret, and many servers do not decode them; ' +
  'client_secret_post sends them as they are';

const REFUSED_KEY =
  "does the server have this client's public key under this keyId? Some servers also want their token " +
  'endpoint as the audience of client assertions';
const REFUSED_ASSERTION =
  'compare issuer, subject and audience of the assertion with what the server has registered for this client';

/** Stands for the id of a client that has none: oauth4webapi requires one, and doesn't send it. */
const ANONYMOUS = '(none)';

/** How a client proves its identity to an authorization server. */
export type ClientCredential =
  /** `method` undefined: as the server's metadata says. */
  | { readonly kind: 'secret'; readonly clientSecret: string; readonly method: SecretMethod | undefined }
  /** `audience`: what assertions are for. */
  | { readonly kind: 'key'; readonly key: AssertionKey; readonly audience: 'issuer' | 'endpoint' }
  /** A client assertion that someone else made (RFC 7521 §4.2). */
  | { readonly kind: 'assertion'; readonly assertion: string }
  /**
   * The TLS connection authenticates (RFC 8705 §2): the one of `fetch`; undefined for the application's own.
   */
  | { readonly kind: 'certificate'; readonly fetch?: typeof globalThis.fetch }
  /** An access token of the client's own (RFC 7662 §2.1). */
  | { readonly kind: 'token'; readonly accessToken: string }
  /** The grant depends on something else: the assertion of the JWT bearer grant (RFC 7521 §4.1). */
  | { readonly kind: 'none' };

/** The client couldn't make its part of the authentication, for example because a key doesn't sign. */
export class ClientAuthenticationFailure extends SafeError {
  /** Whether another attempt may succeed. */
  readonly isTransient: boolean;

  constructor(message: string, isTransient = false) {
    super(message);
    this.isTransient = isTransient;
  }
}

/** The endpoint that a client authenticates to. */
export interface AuthenticatedEndpoint {
  readonly url: string;
  /** The methods that the server's metadata names for it, empty if it doesn't say. */
  readonly supported: readonly unknown[];
}

/** What all requests of a client have in common, as oauth4webapi takes it. */
export function clientRequest(
  clientId: string,
  { clock }: Pick<Runtime, 'clock'>,
  signal: AbortSignal,
): { readonly client: Client; readonly options: HttpRequestOptions<'POST', URLSearchParams> } {
  return {
    // Assertions go by our clock.
    client: { client_id: clientId || ANONYMOUS, [clockSkew]: Math.round((clock() - Date.now()) / 1000) },
    // Our rules already checked the URL; oauth4webapi doesn't know about loopback hosts.
    options: { headers: { 'user-agent': USER_AGENT }, signal, [allowInsecureRequests]: true },
  };
}

/**
 * Authenticates the requests of a client (RFC 6749 §2.3). Each request gets a new assertion, because one can
 * be used only once.
 *
 * @param signal ends the wait for a key that's elsewhere
 * @returns a function that throws a {@link ClientAuthenticationFailure} without the cause, which may contain
 *   a key, token or secret
 */
export function authenticateClient(
  credential: ClientCredential,
  endpoint: AuthenticatedEndpoint,
  signal: AbortSignal,
): ClientAuth {
  return async (server, client, body, headers) => {
    try {
      switch (credential.kind) {
        case 'secret': {
          const { clientSecret } = credential;
          if (secretMethod(credential, endpoint) === 'client_secret_post')
            return ClientSecretPost(clientSecret)(server, client, body, headers);
          return headers.set('authorization', `Basic ${basicCredentials(client.client_id, clientSecret)}`);
        }
        case 'key': {
          const audience = credential.audience === 'issuer' ? server.issuer : endpoint.url;
          const assertion = await credential.key.sign(assertionClaims(client, audience), signal);
          return setAssertion(body, client, assertion);
        }
        case 'assertion':
          return setAssertion(body, client, credential.assertion);
        case 'certificate':
          return body.set('client_id', client.client_id);
        case 'token':
          return headers.set('authorization', `Bearer ${credential.accessToken}`);
        case 'none':
          if (client.client_id !== ANONYMOUS) body.set('client_id', client.client_id);
          return;
      }
    } catch (error) {
      throw new ClientAuthenticationFailure(describeError(error), error instanceof SignerUnavailable);
    }
  };
}

/**
 * What may be wrong if a server refuses a client's credentials, in words; undefined if there's nothing to
 * say.
 */
export function refusalHint(
  clientId: string,
  credential: ClientCredential,
  endpoint: AuthenticatedEndpoint,
): string | undefined {
  if (credential.kind === 'key') return REFUSED_KEY;
  if (credential.kind === 'assertion') return REFUSED_ASSERTION;
  if (credential.kind === 'certificate') return CERTIFICATE;
  if (credential.kind !== 'secret' || secretMethod(credential, endpoint) === 'client_secret_post')
    return undefined;
  const isPlain = [clientId, credential.clientSecret].every((value) => formEncode(value) === value);
  return isPlain ? undefined : ENCODED_CREDENTIALS;
}

/**
 * Without a method in the options: Basic is what every server must support (RFC 6749 §2.3.1), and what
 * metadata without the list means (RFC 8414 §2).
 */
function secretMethod(
  { method }: Extract<ClientCredential, { kind: 'secret' }>,
  { supported }: AuthenticatedEndpoint,
): SecretMethod {
  if (method !== undefined) return method;
  const hasOnlyPost = supported.includes('client_secret_post') && !supported.includes('client_secret_basic');
  return hasOnlyPost ? 'client_secret_post' : 'client_secret_basic';
}

/** RFC 6749 §2.3.1: id and secret are form-encoded, joined and written in base64. */
export function basicCredentials(clientId: string, clientSecret: string): string {
  return Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64');
}

/**
 * Encodes as in a form (RFC 6749 appendix B): a space becomes `+`, and letters, digits and `-._*` stay.
 * Servers that forget to decode then still understand a plain `order-service`. That's why oauth4webapi's own
 * method isn't used: it encodes the hyphen.
 */
export function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}

/**
 * RFC 7523 §3: the claims of a new assertion, valid for a minute. By default it's for the issuer, so that no
 * endpoint can use it at another server. It has no "nbf", which is optional: a server whose clock is a second
 * behind would refuse it.
 */
function assertionClaims({ client_id: id, [clockSkew]: skew = 0 }: Client, audience: string): object {
  const now = Math.floor(Date.now() / 1000) + skew;
  return { iss: id, sub: id, aud: audience, jti: randomUUID(), iat: now, exp: now + 60 };
}

/**
 * RFC 7523 §2.2. The id isn't required there, but servers that look up the client by it require it (Entra).
 */
function setAssertion(body: URLSearchParams, client: Client, assertion: string): void {
  body.set('client_id', client.client_id);
  body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  body.set('client_assertion', assertion);
}
