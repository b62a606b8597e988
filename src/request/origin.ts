import type { IncomingMessage } from 'node:http';

/** How a framework tells under which scheme and host the client sent a request. It looks at `X-Forwarded-…` only as far as it is told to trust proxies. */
export interface FrameworkOrigin {
  readonly protocol?: unknown;
  readonly host?: unknown;
}

/** What Express adds to Node's request, seen from outside. */
interface ExpressMessage extends IncomingMessage {
  readonly protocol?: unknown;
  readonly app?: unknown;
}

type TrustsProxy = (address: string | undefined, hop: number) => unknown;

/** What can be a host and port: anything else could pass for path or query. */
const HOST = /^[\w.:%[\]-]+$/;

/**
 * Scheme and host of a request as its client sees them: `https://api.example.com`.
 *
 * Security: `Host` is what the client says it is, and stands for nothing but the URL that it wants to have sent the request to. Header fields of proxies are read only
 * where the framework trusts whoever is at the other end of the connection.
 *
 * @param framework where the framework has it, if not on the message itself
 */
export function originOf(message: IncomingMessage, framework: FrameworkOrigin | undefined): string {
  const { protocol, host } = framework ?? expressOrigin(message);
  return `${isScheme(protocol) ? protocol.toLowerCase() : schemeOf(message)}://${isHost(host) ? host : hostOf(message)}`;
}

function schemeOf({ socket }: IncomingMessage): string {
  return 'encrypted' in (socket ?? {}) ? 'https' : 'http'; // request doubles in unit tests often have no socket
}

function hostOf({ headers }: IncomingMessage): string {
  const host = headers.host ?? headers[':authority'];
  return isHost(host) ? host : 'localhost';
}

/** Express 4 has no member for the host with its port, so this is what Express 5 does for both. */
function expressOrigin(message: ExpressMessage): FrameworkOrigin {
  const { protocol, app, headers, socket } = message;
  const forwarded = headers['x-forwarded-host'];
  if (typeof forwarded !== 'string' || !trustOf(app)?.(socket?.remoteAddress, 0)) return { protocol };
  return { protocol, host: forwarded.split(',', 1)[0]?.trim() };
}

/** The setting `trust proxy` of an Express application, as a function. */
function trustOf(app: unknown): TrustsProxy | undefined {
  if (typeof app !== 'function' || !('get' in app) || typeof app.get !== 'function') return undefined;
  const trusts: unknown = app.get('trust proxy fn');
  return typeof trusts === 'function' ? (trusts as TrustsProxy) : undefined; // Express's own signature
}

function isScheme(value: unknown): value is string {
  return typeof value === 'string' && /^https?$/i.test(value);
}

function isHost(value: unknown): value is string {
  return typeof value === 'string' && HOST.test(value);
}
