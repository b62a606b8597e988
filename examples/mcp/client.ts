import { Client } from '@modelcontextprotocol/sdk/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { ClientCredentials } from './authorization-server.js';

/**
 * Calls tools of an MCP server of which only the URL is known: the SDK's client (1.x) finds out by itself
 * where to get an access token. This one acts for itself, and version 1 then asks for the scopes that it's
 * told and for no others.
 *
 * @param issuer the authorization server that the client's secret may be sent to
 * @returns what each tool said
 */
export async function callTools(
  url: string,
  issuer: string,
  { clientId, clientSecret }: ClientCredentials,
  tools: readonly string[],
): Promise<readonly unknown[]> {
  const authProvider = new ClientCredentialsProvider({
    clientId,
    clientSecret,
    scope: 'read:inventory',
    expectedIssuer: issuer,
  });
  const client = new Client({ name: 'order-service', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
  try {
    const contents: unknown[] = [];
    for (const name of tools) contents.push((await client.callTool({ name })).content);
    return contents;
  } finally {
    await client.close();
  }
}
