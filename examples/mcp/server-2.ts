import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import express, { type Express } from 'express';
import { type Auth, createResourceServer, toMcpAuthInfo } from 'oauth-resource-server';
import { authenticate, getAuth, resourceMetadata } from 'oauth-resource-server/express';
import { type McpScopes, mcpScopes } from 'oauth-resource-server/mcp';
import { answer, BASIC_SCOPES, SCOPES } from './inventory.js';
import { refuseOtherOrigins } from './origins.js';
import type { McpOptions } from './server.js';

/**
 * The same server with SDK 2.x, which speaks revision 2026-07-28, and the earlier ones as well. Lists only
 * what the caller may use.
 */
export function createMcpApp({ issuer, resource, allowedOrigins = [] }: McpOptions): Express {
  const server = createResourceServer({
    issuer,
    audience: resource,
    resource: { resource, name: 'Inventory', scopes: BASIC_SCOPES },
  });
  const scopes = mcpScopes(server, SCOPES);
  const handler = toNodeHandler(
    createMcpHandler(({ authInfo }) => createInventory(scopes, getAuth(authInfo?.extra ?? {}))),
  );
  const app = express();
  app.use(resourceMetadata(server));
  app.use(
    '/mcp',
    refuseOtherOrigins(allowedOrigins),
    authenticate(server),
    express.json(),
    scopes.middleware,
  );
  app.all('/mcp', async (req, res) => {
    const authorized = Object.assign(req, { auth: toMcpAuthInfo(getAuth(req), server) });
    await handler(authorized, res, req.body); // anything but POST is 405
  });
  return app;
}

function createInventory(scopes: McpScopes, auth: Auth): McpServer {
  const mcp = new McpServer({ name: 'inventory', version: '1.0.0' });
  const tools = {
    count_stock: mcp.registerTool('count_stock', { description: 'How much is in stock' }, ({ http }) =>
      answer(`7 in stock, says the inventory to ${http?.authInfo?.clientId}`),
    ),
    order_stock: mcp.registerTool('order_stock', { description: 'Orders more' }, () => answer('ordered')),
    move_stock: mcp.registerTool('move_stock', { description: 'Moves it elsewhere' }, () => answer('moved')),
  };
  for (const [name, tool] of Object.entries(tools)) if (!scopes.allows('tools', name, auth)) tool.disable();
  mcp.registerResource(
    'stock',
    new ResourceTemplate('inventory://stock/{sku}', { list: undefined }),
    { description: 'What is known of an article' },
    (uri) => ({ contents: [{ uri: uri.href, text: '7' }] }),
  );
  mcp.registerPrompt('reorder', { description: 'How to order more' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'Order what is running out.' } }],
  }));
  return mcp;
}
