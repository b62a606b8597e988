import {
  type AuthorizationServer,
  type ClientAuth,
  ClientSecretPost,
  modifyAssertion,
  PrivateKeyJwt,
} from 'oauth4webapi';
import type { AssertionKey } from './private-key.js';

/** What a client of an authorization server proves with who it is. */
export type ClientCredential =
  | { readonly kind: 'secret'; readonly clientSecret: string; readonly method: SecretMethod | undefined }
  | { readonly kind: 'key'; readonly key: AssertionKey }
  /** The TLS connection does it (RFC 8705 §2). */
  | { readonly kind: 'certificate' }
  /** An access token of the client's own (RFC 7662 §2.1). */
  | { readonly kind: 'token'; readonly accessToken: () => string | Promise<string> };

/** Named as in the IANA registry of token endpoint authentication methods. */
type SecretMethod = 'client_secret_basic' | 'client_secret_post';

/** The client's part of the authentication could not be made: a key that does not sign, an access token that is not to be had. */
export class ClientAuthenticationFailure extends Error {}

/** RFC 6750 §2.1. What has other characters must not come near a header field. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Authenticates one request of a client (RFC 6749 §2.3); each attempt needs another one, as an assertion can be used once.
 *
 * @param supported the methods that the server's metadata names, empty where it does not say
 */
export function authenticateClient(credential: ClientCredential, supported: readonly unknown[]): ClientAuth {
  switch (credential.kind) {
    case 'key':
      return privateKeyJwt(credential.key);
    case 'certificate':
      return (_server, client, body) => body.set('client_id', client.client_id);
    case 'token':
      return bearer(credential.accessToken);
    case 'secret': {
      const { clientSecret, method = methodForSecret(supported) } = credential;
      return method === 'client_secret_post'
        ? ClientSecretPost(clientSecret)
        : clientSecretBasic(clientSecret);
    }
  }
}

/** Basic is what every server must support (RFC 6749 §2.3.1), and what metadata without the list means (RFC 8414 §2). */
export function methodForSecret(supported: readonly unknown[]): SecretMethod {
  const hasOnlyPost = supported.includes('client_secret_post') && !supported.includes('client_secret_basic');
  return hasOnlyPost ? 'client_secret_post' : 'client_secret_basic';
}

export function clientSecretBasic(clientSecret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    headers.set('authorization', `Basic ${basicCredentials(client.client_id, clientSecret)}`);
  };
}

/** RFC 6749 §2.3.1: id and secret are form-encoded, joined and written in base64. */
export function basicCredentials(clientId: string, clientSecret: string): string {
  return Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64');
}

/**
 * Encodes as in a form (RFC 6749 appendix B): a space becomes `+`, and letters, digits and `-._*` stay. Servers that forget to decode then still
 * understand a plain `order-service`, which is why oauth4webapi's own method is not used: it encodes the hyphen.
 */
export function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}

/**
 * RFC 7523 §2.2, §3: a new assertion per attempt, valid for a minute.
 *
 * @param audience of the assertions; default the issuer, so that no endpoint can use them at another server
 */
export function privateKeyJwt(
  key: AssertionKey,
  audience: (server: AuthorizationServer) => string = ({ issuer }) => issuer,
): ClientAuth {
  return (server, client, body, headers) =>
    made(async () => {
      const signer = { key: await key.load(), ...(key.keyId === undefined ? {} : { kid: key.keyId }) };
      const authenticate = PrivateKeyJwt(signer, {
        [modifyAssertion]: (header, claims) => {
          header.alg = key.algorithm;
          // "nbf" is optional, and with it a server whose clock is a second behind would refuse.
          delete claims.nbf;
          claims.aud = audience(server);
        },
      });
      await authenticate(server, client, body, headers);
    });
}

function bearer(accessToken: () => string | Promise<string>): ClientAuth {
  return (_server, _client, _body, headers) =>
    made(async () => {
      const token: unknown = await accessToken();
      if (typeof token !== 'string' || !B64TOKEN.test(token)) throw new TypeError('not an access token');
      headers.set('authorization', `Bearer ${token}`);
    });
}

/** Without the cause: it may carry key, token or secret. */
async function made(authenticate: () => Promise<void>): Promise<void> {
  try {
    await authenticate();
  } catch (error) {
    throw new ClientAuthenticationFailure(error instanceof Error ? error.name : typeof error);
  }
}
