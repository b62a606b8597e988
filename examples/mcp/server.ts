import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Express, type RequestHandler } from 'express';
import { createResourceServer, toMcpAuthInfo } from 'oauth-resource-server';
import { authenticate, getAuth, requireScope, resourceMetadata } from 'oauth-resource-server/express';

export interface McpOptions {
  readonly issuer: string;
  /** The URL of the MCP endpoint, exactly as clients are given it: it is the resource identifier and the audience of their access tokens. */
  readonly resource: string;
  /** Websites whose scripts may call the endpoint: `https://chat.example.com`. */
  readonly allowedOrigins?: readonly string[];
}

/** An MCP server on Express: `createMcpApp({ issuer, resource: 'https://mcp.example.com/mcp' }).listen(3000)`. */
export function createMcpApp({ issuer, resource, allowedOrigins = [] }: McpOptions): Express {
  const server = createResourceServer({
    issuer,
    audience: resource,
    resource: { resource, name: 'Inventory', scopes: ['read:inventory'] },
  });
  const app = express();
  app.use(resourceMetadata(server)); // for clients that have no access token yet
  app.use('/mcp', refuseOtherOrigins(allowedOrigins), authenticate(server), requireScope('read:inventory'));

  app.post('/mcp', express.json(), async (req, res) => {
    const mcp = createInventory(); // one per request: nothing is kept between requests, least of all who called
    const transport = new StreamableHTTPServerTransport();
    res.on('close', () => void mcp.close());
    await mcp.connect(transport);
    const authorized = Object.assign(req, { auth: toMcpAuthInfo(getAuth(req)) }); // as the SDK has it
    await transport.handleRequest(authorized, res, req.body);
  });

  app.all('/mcp', (_req, res) => {
    res.status(405).set('Allow', 'POST').end(); // no stream of its own, and no session to delete
  });
  return app;
}

function createInventory(): McpServer {
  const mcp = new McpServer({ name: 'inventory', version: '1.0.0' });
  mcp.registerTool('count_stock', { description: 'How much is in stock' }, ({ authInfo }) => {
    return { content: [{ type: 'text', text: `7 in stock, says the inventory to ${authInfo?.clientId}` }] };
  });
  return mcp;
}

/** The transport requires it, against scripts of websites that were made to call a server in the reach of their visitor (DNS rebinding). */
function refuseOtherOrigins(allowed: readonly string[]): RequestHandler {
  return (req, res, next) => {
    const { origin } = req.headers;
    if (origin === undefined || allowed.includes(origin)) next();
    else res.status(403).end();
  };
}
