import * as oauth from 'openid-client';
import type { ClientCredentials } from './authorization-server.js';

/** The calling side: gets access tokens for itself with the client-credentials grant (RFC 6749 §4.4). */
export interface OrderService {
  /**
   * @param resource the API to call (RFC 8707)
   * @param scope space-separated: `"read:inventory write:orders"`
   */
  getAccessToken(resource: string, scope: string): Promise<string>;
}

export async function createOrderService(issuer: string, client: ClientCredentials): Promise<OrderService> {
  const configuration = await oauth.discovery(
    new URL(issuer),
    client.clientId,
    undefined,
    oauth.ClientSecretBasic(client.clientSecret),
    { execute: [oauth.allowInsecureRequests] }, // plain http, since the demo stays on loopback
  );

  return {
    async getAccessToken(resource, scope) {
      const tokens = await oauth.clientCredentialsGrant(configuration, { resource, scope });
      return tokens.access_token;
    },
  };
}
