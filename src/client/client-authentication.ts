import { type ClientAuth, ClientSecretPost } from 'oauth4webapi';
import { clientSecretBasic, methodForSecret, privateKeyJwt } from '../issuer/client-authentication.js';
import type { AssertionKey } from '../issuer/private-key.js';
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
  if (credential.kind === 'key') {
    return credential.audience === 'issuer'
      ? privateKeyJwt(credential.key)
      : privateKeyJwt(credential.key, () => server.tokenEndpoint);
  }
  const { clientSecret, method = methodForSecret(server.authenticationMethods ?? []) } = credential;
  return method === 'client_secret_post' ? ClientSecretPost(clientSecret) : clientSecretBasic(clientSecret);
}
