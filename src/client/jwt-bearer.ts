import { CredentialSource } from '../issuer/credential-source.js';
import { type AssertionSource, checkAssertionSource } from '../options/credential.js';
import { type ApiClient, connectApiClients } from './api-client.js';
import { type ClientOptions, checkClientOptions } from './options.js';

/** Options of `createJwtBearer`. */
export interface JwtBearerOptions extends Omit<ClientOptions, 'clientId'> {
  /**
   * The assertion that is the grant (RFC 7523 §2.1): a JWT of at most 16384 characters, from a function or a
   * file `{ file: '/var/run/secrets/tokens/auth' }`. The client asks for it, or reads it, for each token
   * request, and once more if the server refuses it (`invalid_grant`). If there's none, that's
   * `credential_unavailable`, as for a secret from a function.
   */
  readonly assertion: AssertionSource;
  /**
   * The client's identifier. Required only with a secret, a key, a certificate or a client assertion: the
   * client needn't authenticate (RFC 7521 §4.1).
   */
  readonly clientId?: string;
}

/**
 * Creates a client that gets access tokens for an assertion (JWT bearer grant, RFC 7523 §2.1). It requests
 * nothing before its first use.
 *
 * @throws {TypeError} an option is missing, unknown or wrong
 * @example
 * ```ts
 * import { createJwtBearer } from 'oauth-resource-server/client';
 *
 * const inventory = createJwtBearer({
 *   issuer: 'https://auth.example.com',
 *   assertion: { file: '/var/run/secrets/tokens/auth' },
 *   scope: 'read:inventory',
 *   resource: 'https://inventory.example.com',
 * });
 * const response = await inventory.fetch('https://inventory.example.com/stock/42');
 * console.log(await response.json());
 * ```
 */
export function createJwtBearer(options: JwtBearerOptions): ApiClient {
  const settings = checkClientOptions(options, { assertion: checkAssertionSource }, false);
  const { runtime, timeoutSeconds, requestedScopes: scope } = settings;
  const asked = { kind: 'asked', name: 'assertion', ...settings.assertion } as const;
  const assertion = new CredentialSource(asked, { ...runtime, timeoutSeconds });
  const createApiClient = connectApiClients(settings, 'JwtBearer');
  return createApiClient({ type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', scope, assertion });
}
