import { createClientCredentials } from 'oauth-resource-server/client';
import type { Client } from '../authorization-servers/authorization-server.js';

/** An access token that nobody has seen yet. */
export async function getAccessToken(
  issuer: string,
  { clientId, clientSecret }: Client,
  resource: string,
  scope: string,
): Promise<string> {
  const client = createClientCredentials({ issuer, clientId, clientSecret, resource, scope });
  const { accessToken } = await client.getToken();
  client.close();
  return accessToken;
}
