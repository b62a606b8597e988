import { type ApiClient, connectApiClients } from './api-client.js';
import { type ClientCredentialsOptions, checkClientOptions } from './options.js';

/** An {@link ApiClient} that gets its access tokens with the client-credentials grant. */
export type ClientCredentials = ApiClient;

/**
 * Creates a client that gets access tokens for itself (client-credentials grant, RFC 6749 §4.4). It requests
 * nothing before its first use.
 *
 * @throws {TypeError} an option is missing, unknown or wrong
 * @example
 * ```ts
 * import { createClientCredentials } from 'oauth-resource-server/client';
 *
 * const inventory = createClientCredentials({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'order-service',
 *   clientSecret,
 *   scope: 'read:inventory',
 *   resource: 'https://inventory.example.com',
 * });
 * const response = await inventory.fetch('https://inventory.example.com/stock/42');
 * console.log(await response.json());
 * ```
 */
export function createClientCredentials(options: ClientCredentialsOptions): ClientCredentials {
  const settings = checkClientOptions(options, {});
  const createApiClient = connectApiClients(settings, 'ClientCredentials');
  return createApiClient({ type: 'client_credentials', scope: settings.requestedScopes });
}
