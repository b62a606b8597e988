// An MCP server that is protected by oauth-resource-server alone, with our declaration of `req.auth`.
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Express } from 'express';
import { createResourceServer, toMcpAuthInfo } from 'oauth-resource-server';
import {
  type Auth,
  authenticate,
  getAuth,
  requireScope,
  resourceMetadata,
} from 'oauth-resource-server/express';
import type {} from 'oauth-resource-server/express/types';

export function createApp(issuer: string, resource: string): Express {
  const server = createResourceServer({ issuer, audience: resource, resource });
  const app = express();
  app.use(resourceMetadata(server), authenticate(server));
  app.post('/mcp/:tenant', requireScope('tools'), express.json(), async (req, res) => {
    const mcp = new McpServer({ name: 'inventory', version: '1.0.0' });
    mcp.registerTool('whoami', {}, ({ authInfo }) => ({
      content: [{ type: 'text', text: String(getAuth(authInfo?.extra ?? {}).subject) }],
    }));
    const transport = new StreamableHTTPServerTransport();
    await mcp.connect(transport);
    await transport.handleRequest(Object.assign(req, { auth: toMcpAuthInfo(getAuth(req)) }), res, req.body);
  });
  app.get('/whoami/:tenant', (req, res) => {
    const auth: Auth = getAuth(req);
    const clientId: string | undefined = auth.clientId;
    const same: Auth | undefined = req.auth;
    const info: AuthInfo = toMcpAuthInfo(auth);
    const tenant: string = req.params.tenant;
    res.json({
      clientId,
      issuer: req.auth?.issuer,
      plan: req.auth?.claims.plan,
      tenant,
      isSame: same === auth,
      calledBy: info.clientId,
    });
    // @ts-expect-error undefined for anonymous requests
    req.auth.claims;
    // @ts-expect-error not any
    req.auth?.unknown;
    // @ts-expect-error not any
    const number: number = auth;
    console.log(number);
  });
  return app;
}
