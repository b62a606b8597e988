import { createServer } from 'node:http';
import { closeServer, listen } from '../demo/http-server.js';
import { describeApi, startAuthorizationServer } from './authorization-server.js';
import { countStock } from './client.js';
import { createMcpApp } from './server.js';

const CLIENT = { clientId: 'order-service', clientSecret: 'only-for-the-demo' };

/** What happened: the answer to a request without access token, the metadata that it points to, and what the tool said in the end. */
export interface McpStory {
  readonly challenge: string;
  readonly metadata: unknown;
  readonly content: unknown;
}

/** Plays it all: an MCP server, a real authorization server, and a client that knows nothing but the URL of the one and a secret for the other. */
export async function playMcp(): Promise<McpStory> {
  const mcpServer = createServer();
  const resource = `${await listen(mcpServer)}/mcp`;
  const apis = new Map([[resource, describeApi(resource, 'read:inventory')]]);
  const authorizationServer = await startAuthorizationServer(CLIENT, apis);
  const { issuer } = authorizationServer;
  mcpServer.on('request', createMcpApp({ issuer, resource }));
  try {
    const { headers } = await fetch(resource, { method: 'POST' });
    const challenge = headers.get('WWW-Authenticate') ?? '';
    const [, metadataUrl = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
    const metadata: unknown = await (await fetch(metadataUrl)).json();
    return { challenge, metadata, content: await countStock(resource, issuer, CLIENT) };
  } finally {
    await Promise.all([authorizationServer.stop(), closeServer(mcpServer)]);
  }
}
