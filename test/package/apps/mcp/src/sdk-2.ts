// An MCP server with version 2 of the SDK, whose types stand beside ours.
import { toNodeHandler } from '@modelcontextprotocol/node';
import { type AuthInfo, createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import express, { type Express } from 'express';
import { createResourceServer, toMcpAuthInfo } from 'oauth-resource-server';
import { authenticate, getAuth, resourceMetadata } from 'oauth-resource-server/express';
import { resourceServer } from 'oauth-resource-server/fetch';
import { mcpScopes } from 'oauth-resource-server/mcp';

export function createApp(issuer: string, resource: string): Express {
  const server = createResourceServer({ issuer, audience: resource, resource });
  const scopes = mcpScopes(server, { every: 'read', tools: { whoami: [] } });
  const handler = createMcpHandler(({ authInfo }) => {
    const mcp = new McpServer({ name: 'inventory', version: '1.0.0' });
    const tool = mcp.registerTool('whoami', {}, ({ http }) => ({
      content: [{ type: 'text', text: String(getAuth(http?.authInfo?.extra ?? {}).subject) }],
    }));
    if (!scopes.allows('tools', 'whoami', getAuth(authInfo?.extra ?? {}))) tool.disable();
    return mcp;
  });
  const onNode = toNodeHandler(handler);
  const app = express();
  app.use(resourceMetadata(server), authenticate(server), express.json(), scopes.middleware);
  app.all('/mcp', async (req, res) => {
    const info: AuthInfo = toMcpAuthInfo(getAuth(req), server);
    await onNode(Object.assign(req, { auth: info }), res, req.body);
  });
  return app;
}

export function createFetch(issuer: string, resource: string): (request: Request) => Promise<Response> {
  const server = createResourceServer({ issuer, audience: resource, resource });
  const scopes = mcpScopes(server, { tools: { whoami: 'read' } });
  const handler = createMcpHandler(() => new McpServer({ name: 'inventory', version: '1.0.0' }));
  return resourceServer(server).protect(async (request, auth) => {
    const message = await scopes.read(request);
    if (message instanceof Response) return message;
    return handler.fetch(request, { authInfo: toMcpAuthInfo(auth, server), parsedBody: message });
  });
}
