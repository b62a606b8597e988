import { Client } from '@modelcontextprotocol/sdk/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { ClientCredentials } from './authorization-server.js';

/**
 * Calls the tool of an MCP server of which only the URL is known: the SDK's client finds out by itself where to get an access token, and gets one.
 *
 * @param issuer the authorization server that the client's secret may be sent to
 */
export async function countStock(
  url: string,
  issuer: string,
  { clientId, clientSecret }: ClientCredentials,
): Promise<unknown> {
  const authProvider = new ClientCredentialsProvider({
    clientId,
    clientSecret,
    scope: 'read:inventory',
    expectedIssuer: issuer,
  });
  const client = new Client({ name: 'order-service', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
  try {
    const { content } = await client.callTool({ name: 'count_stock' });
    return content;
  } finally {
    await client.close();
  }
}
