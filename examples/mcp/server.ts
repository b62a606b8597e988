import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Express } from 'express';
import { createResourceServer, toMcpAuthInfo } from 'oauth-resource-server';
import { authenticate, getAuth, resourceMetadata } from 'oauth-resource-server/express';
import { mcpScopes } from 'oauth-resource-server/mcp';
import { answer, BASIC_SCOPES, SCOPES } from './inventory.js';
import { refuseOtherOrigins } from './origins.js';

export interface McpOptions {
  readonly issuer: string;
  /**
   * The URL of the MCP endpoint, exactly as clients are given it: it is the resource identifier and the
   * audience of their access tokens.
   */
  readonly resource: string;
  /** Websites whose scripts may call the endpoint: `https://chat.example.com`. */
  readonly allowedOrigins?: readonly string[];
}

/**
 * An MCP server on Express, with SDK 1.x:
 * `createMcpApp({ issuer, resource: 'https://mcp.example.com/mcp' }).listen(3000)`.
 */
export function createMcpApp({ issuer, resource, allowedOrigins = [] }: McpOptions): Express {
  const server = createResourceServer({
    issuer,
    audience: resource,
    resource: { resource, name: 'Inventory', scopes: BASIC_SCOPES },
  });
  const scopes = mcpScopes(server, SCOPES);
  const app = express();
  app.use(resourceMetadata(server)); // for clients that have no access token yet
  app.use(
    '/mcp',
    refuseOtherOrigins(allowedOrigins),
    authenticate(server),
    express.json(),
    scopes.middleware,
  );

  app.post('/mcp', async (req, res) => {
    const mcp = createInventory(); // one per request: nothing is kept between requests, least of all who called
    const transport = new StreamableHTTPServerTransport();
    res.on('close', () => void mcp.close());
    await mcp.connect(transport);
    const authorized = Object.assign(req, { auth: toMcpAuthInfo(getAuth(req), server) }); // as the SDK has it
    await transport.handleRequest(authorized, res, req.body);
  });

  app.all('/mcp', (_req, res) => {
    res.status(405).set('Allow', 'POST').end(); // no stream of its own, and no session to delete
  });
  return app;
}

function createInventory(): McpServer {
  const mcp = new McpServer({ name: 'inventory', version: '1.0.0' });
  mcp.registerTool('count_stock', { description: 'How much is in stock' }, ({ authInfo }) =>
    answer(`7 in stock, says the inventory to ${authInfo?.clientId}`),
  );
  mcp.registerTool('order_stock', { description: 'Orders more' }, () => answer('ordered'));
  mcp.registerTool('move_stock', { description: 'Moves it elsewhere' }, () => answer('moved'));
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
