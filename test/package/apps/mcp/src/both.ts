// An application that has the SDK's own middleware on one path and ours on another: `req.auth` is the SDK's,
// `getAuth` ours.
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Express } from 'express';
import { toMcpAuthInfo } from 'oauth-resource-server';
import { type Auth, authenticate, getAuth, type ResourceServerOptions } from 'oauth-resource-server/express';

export function createApp(options: ResourceServerOptions, verifier: OAuthTokenVerifier): Express {
  const app = express();
  app.use('/theirs', requireBearerAuth({ verifier }));
  app.use('/ours', authenticate(options));
  app.post('/ours', express.json(), async (req, res) => {
    await new StreamableHTTPServerTransport().handleRequest(
      Object.assign(req, { auth: toMcpAuthInfo(getAuth(req)) }),
      res,
      req.body,
    );
  });
  app.get('/theirs', (req, res) => {
    const resource: URL | undefined = req.auth?.resource; // the only declaration
    res.json({ resource });
  });
  app.get('/ours', (req, res) => {
    const auth: Auth = getAuth(req);
    res.json({ issuer: auth.issuer, plan: auth.claims.plan });
    // @ts-expect-error not any
    const number: number = auth;
    console.log(number);
  });
  return app;
}
