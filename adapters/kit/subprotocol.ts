import type { IncomingMessage } from 'node:http';

/** The name before a plain token. */
const BEARER = 'bearer';
/**
 * The form of Kubernetes' API server: a single name, for tokens with characters that a subprotocol can't
 * have.
 */
const ENCODED = 'base64url.bearer.authorization.k8s.io.';

/**
 * Moves an access token from the subprotocols that a browser offers to the header field `Authorization`,
 * which browsers can't set for a WebSocket. Call it before anything else reads the upgrade request.
 *
 * The token is the name after `bearer`: `new WebSocket(url, ['bearer', token])`. If it has characters that a
 * subprotocol can't have (`/`, `=`), send it in base64url:
 * `['chat', 'base64url.bearer.authorization.k8s.io.' + encoded]`. A browser wants one of its names back, so
 * `bearer` stays, as the last of the remaining names.
 *
 * Security: if there's an `Authorization` too, the request has two tokens and is refused. No name with a
 * token reaches the code that chooses the subprotocol, so none can be sent back.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { tokenFromSubprotocol } from 'oauth-resource-server/websocket';
 *
 * const http = createServer();
 * http.prependListener('upgrade', tokenFromSubprotocol);
 * ```
 */
export function tokenFromSubprotocol({ headers, rawHeaders }: IncomingMessage): void {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  const found = new Set(
    offered.filter((name, index) => offered[index - 1] === BEARER || name.startsWith(ENCODED)),
  );
  if (found.size === 0) return;
  const tokens = offered.filter((name) => found.has(name)); // with repeated ones, which are refused
  const others = offered.filter((name) => name !== BEARER && !found.has(name));
  if (offered.includes(BEARER)) others.push(BEARER);
  const rest = others.join(', ');
  headers['sec-websocket-protocol'] = rest;
  if (others.length === 0) delete headers['sec-websocket-protocol'];
  rawHeaders.forEach((name, index) => {
    if (index % 2 === 0 && /^sec-websocket-protocol$/i.test(name)) rawHeaders[index + 1] = rest;
  });
  for (const name of tokens) {
    const encoded = name.startsWith(ENCODED) ? name.slice(ENCODED.length) : undefined;
    const token = encoded === undefined ? name : Buffer.from(encoded, 'base64url').toString();
    headers.authorization ??= `Bearer ${token}`;
    rawHeaders.push('Authorization', `Bearer ${token}`); // a second line, if there is one, is seen here
  }
}
