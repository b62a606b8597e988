import { createServer } from 'node:http';
import type { Express } from 'express';
import { closeServer, listen } from '../demo/http-server.js';
import { describeApi, startAuthorizationServer } from './authorization-server.js';
import type { callTools } from './client.js';
import type { McpOptions } from './server.js';

const CLIENT = { clientId: 'order-service', clientSecret: 'only-for-the-demo' };

/**
 * What happened: the answer to a request without access token, the metadata that it points to, and what the
 * client met and heard.
 */
export interface McpStory {
  readonly challenge: string;
  readonly metadata: unknown;
  /** What the tools said. */
  readonly contents: readonly unknown[];
  /** What the server answered at its endpoint, one after the other: `POST 401`. */
  readonly answers: readonly string[];
}

/**
 * Plays it all: an MCP server, a real authorization server, and a client that knows nothing but the URL of
 * the one and a secret for the other.
 */
export async function playMcp(
  createApp: (options: McpOptions) => Express,
  call: typeof callTools,
  tools: readonly string[],
): Promise<McpStory> {
  const mcpServer = createServer();
  const resource = `${await listen(mcpServer)}/mcp`;
  const apis = new Map([[resource, describeApi(resource, 'read:inventory write:inventory write:orders')]]);
  const authorizationServer = await startAuthorizationServer(CLIENT, apis);
  const { issuer } = authorizationServer;
  const answers: string[] = [];
  mcpServer.on('request', ({ method, url = '' }, response) => {
    if (url === '/mcp') response.on('finish', () => answers.push(`${method} ${response.statusCode}`));
  });
  mcpServer.on('request', createApp({ issuer, resource }));
  try {
    const { headers } = await fetch(resource, { method: 'POST' });
    const challenge = headers.get('WWW-Authenticate') ?? '';
    const [, metadataUrl = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
    const metadata: unknown = await (await fetch(metadataUrl)).json();
    mcpServer.on('request', (request, response) => {
      const { method, url = '' } = request;
      if (url.startsWith('/mcp'))
        response.on('finish', () => answers.push(`${method} ${response.statusCode}`));
    });
    return { challenge, metadata, contents: await call(resource, issuer, CLIENT, tools), answers };
  } finally {
    await Promise.all([authorizationServer.stop(), closeServer(mcpServer)]);
  }
}
