import type { Auth } from './auth.js';

/** What the transports of the Model Context Protocol's SDK take for who calls: its `AuthInfo`. */
export interface McpAuthInfo {
  readonly token: string;
  readonly clientId: string;
  readonly scopes: string[];
  readonly expiresAt: number;
  readonly extra: { readonly auth: Auth };
}

/**
 * Who calls, as the transports of the Model Context Protocol's SDK take it: a new plain object that fits the
 * SDK's `AuthInfo`.
 *
 * `clientId` is `''` if the token names no client. `extra.auth` is the verified `Auth` itself, so a tool can
 * use `getAuth(authInfo.extra)`.
 *
 * Security: unlike `Auth`, this shows the token to whatever logs or serialises it.
 *
 * @example
 * ```ts
 * import { toMcpAuthInfo } from 'oauth-resource-server';
 * import { getAuth } from 'oauth-resource-server/express';
 *
 * app.post('/mcp', async (req, res) => {
 *   const authorized = Object.assign(req, { auth: toMcpAuthInfo(getAuth(req)) });
 *   await transport.handleRequest(authorized, res, req.body);
 * });
 * ```
 */
export function toMcpAuthInfo(auth: Auth): McpAuthInfo {
  const { token, clientId = '', scopes, expiresAt } = auth;
  return { token, clientId, scopes: [...scopes], expiresAt, extra: { auth } };
}
