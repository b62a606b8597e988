import { type ClientAuth, ClientSecretPost, modifyAssertion, PrivateKeyJwt } from 'oauth4webapi';
import { TokenRequestError } from './errors.js';
import type { AssertionKey } from './private-key.js';
import type { ServerMetadata } from './server-metadata.js';

/** How the client proves who it is at the token endpoint, named as in the IANA registry of token endpoint authentication methods. */
export type AuthenticationMethod = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** What the client proves it with. */
export type ClientCredential =
  | {
      readonly kind: 'secret';
      readonly clientSecret: string;
      /** Undefined: as the server's metadata says. */
      readonly method: 'client_secret_basic' | 'client_secret_post' | undefined;
    }
  | {
      readonly kind: 'key';
      readonly key: AssertionKey;
      readonly audience: 'issuer' | 'token_endpoint';
    };

/** The one method of a request (RFC 6749 §2.3). Each call of what it returns authenticates one attempt. */
export function clientAuthentication(credential: ClientCredential, server: ServerMetadata): ClientAuth {
  if (credential.kind === 'key') return privateKeyJwt(credential.key, credential.audience);
  const { clientSecret, method = methodForSecret(server) } = credential;
  return method === 'client_secret_post' ? ClientSecretPost(clientSecret) : clientSecretBasic(clientSecret);
}

/** Basic is what every server must support (RFC 6749 §2.3.1), and what metadata without the list means (RFC 8414 §2). */
function methodForSecret({ authenticationMethods = [] }: ServerMetadata): AuthenticationMethod {
  const onlyPost =
    authenticationMethods.includes('client_secret_post') &&
    !authenticationMethods.includes('client_secret_basic');
  return onlyPost ? 'client_secret_post' : 'client_secret_basic';
}

function clientSecretBasic(clientSecret: string): ClientAuth {
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

/** RFC 7523 §2.2, §3: a new assertion per attempt, valid for a minute. */
function privateKeyJwt(key: AssertionKey, audience: 'issuer' | 'token_endpoint'): ClientAuth {
  return async (server, client, body, headers) => {
    try {
      const authenticate = PrivateKeyJwt(
        { key: await key.load(), ...(key.keyId === undefined ? {} : { kid: key.keyId }) },
        {
          [modifyAssertion]: (header, claims) => {
            header.alg = key.algorithm;
            // "nbf" is optional, and with it a server whose clock is a second behind would refuse.
            delete claims.nbf;
            if (audience === 'token_endpoint') claims.aud = server.token_endpoint;
          },
        },
      );
      await authenticate(server, client, body, headers);
    } catch (error) {
      throw new TokenRequestError('assertion_failed', {
        detail: error instanceof Error ? error.name : typeof error,
      });
    }
  };
}
