import {
  Client,
  ClientCredentialsProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { ClientCredentials } from './authorization-server.js';

/**
 * The same with the client of SDK 2.x, which speaks revision 2026-07-28 if the server does. It also finds out
 * which scopes to ask for, and gets another token when a tool needs more.
 */
export async function callTools(
  url: string,
  issuer: string,
  { clientId, clientSecret }: ClientCredentials,
  tools: readonly string[],
): Promise<readonly unknown[]> {
  const authProvider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: issuer });
  const client = new Client(
    { name: 'order-service', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
  try {
    const contents: unknown[] = [];
    for (const name of tools) contents.push((await client.callTool({ name })).content);
    return contents;
  } finally {
    await client.close();
  }
}
