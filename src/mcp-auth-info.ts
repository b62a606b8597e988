import type { Auth } from './auth.js';

/** The caller, as the SDK of the Model Context Protocol (1.x and 2.x) takes it: its `AuthInfo`. */
export interface McpAuthInfo {
  readonly token: string;
  readonly clientId: string;
  readonly scopes: string[];
  readonly expiresAt: number;
  readonly resourceMetadataUrl?: string;
  readonly extra: { readonly auth: Auth };
}

/**
 * The caller, as the SDK of the Model Context Protocol (1.x and 2.x) takes it: a new plain object that fits
 * its `AuthInfo`.
 *
 * `clientId` is `''` if the token names no client. `extra.auth` is the verified `Auth` itself, so a tool can
 * call `getAuth(authInfo.extra)`.
 *
 * Security: unlike `Auth`, this shows the token to anything that logs or serializes it.
 *
 * @param server names its metadata in challenges that the SDK itself sends, such as `scopeChallenge` in
 *   version 2
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
export function toMcpAuthInfo(
  auth: Auth,
  server?: { readonly resourceMetadata: { readonly url: string } | undefined },
): McpAuthInfo {
  const { token, clientId = '', scopes, expiresAt } = auth;
  const url = server?.resourceMetadata?.url;
  const metadata = url === undefined ? {} : { resourceMetadataUrl: url };
  return { token, clientId, scopes: [...scopes], expiresAt, ...metadata, extra: { auth } };
}
