import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, isIPv4, type Socket } from 'node:net';

/**
 * How long a client may take to send a request, in milliseconds: on one machine a slow one is a stuck one.
 */
const REQUEST_TIMEOUT_MS = 10_000;

export interface LoopbackServerOptions {
  /** `localhost`, an address of 127.0.0.0/8, or `::1`. Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0, any free port. */
  readonly port?: number;
  /**
   * Lets the process end while the server runs, because a test that fails may never close it. Default false.
   */
  readonly background?: boolean;
  /** Serves https instead of http. */
  readonly tls?: TlsSettings | undefined;
}

/** What an https server needs, in PEM. It asks clients for a certificate, and takes any, or none. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  /** Authorities for client certificates. `socket.authorized` has the result. */
  readonly ca: string | readonly string[] | undefined;
}

/** A running server. */
export interface LoopbackServer {
  /** Without a trailing slash: `http://127.0.0.1:49152`, or `https://…`. */
  readonly url: string;
  /** Stops listening and ends every connection, idle or not; does nothing if it's already closed. */
  close(): Promise<void>;
}

/**
 * Whether `address` belongs to the loopback interface: 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1 (RFC 4291
 * §2.5.3).
 */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

/** Whether `host` is `localhost` or a loopback address. Nothing is looked up. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host);
}

/**
 * An HTTP server that only this machine can reach.
 *
 * @param createListener makes the request listener, which may need the URL
 * @throws {Error} the host isn't, or doesn't stand for, a loopback address; the port is taken (`EADDRINUSE`)
 */
export async function startLoopbackServer(
  createListener: (url: string) => RequestListener,
  { host = '127.0.0.1', port = 0, background = false, tls }: LoopbackServerOptions = {},
): Promise<LoopbackServer> {
  const notLoopback = `the server listens on loopback addresses only, and ${JSON.stringify(host)} isn't one`;
  if (!isLoopbackHost(host)) throw new Error(notLoopback);
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
  const server: Server = tls === undefined ? createServer(limits) : createHttpsServer(tls, limits);
  if (background) server.on('connection', (socket) => socket.unref());
  const bound = await listen(server, host, port);
  if (background) server.unref();
  if (!isLoopbackAddress(bound.address)) {
    await close(server); // localhost is what the hosts file says, and that can be anything
    throw new Error(notLoopback);
  }
  const { origin: url } = new URL(
    `http${tls === undefined ? '' : 's'}://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
  );
  server.on('request', createListener(url));
  return { url, close: () => close(server) };
}

function createHttpsServer({ cert, key, ca }: TlsSettings, limits: ServerOptions): Server {
  const authorities = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
  return createSecureServer({
    ...limits,
    ...authorities,
    ...{ cert, key, requestCert: true, rejectUnauthorized: false },
  });
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo); // a TCP server that listens has one
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve()); // the only error is that it's no longer running
    server.closeAllConnections();
  });
}

/** Breaks a connection: with a TCP reset, which TLS sockets refuse to send, or else by ending it. */
export function breakConnection(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Reads the body of a request. What's beyond the limit is read and dropped: a client that still sends
 * wouldn't see the answer.
 *
 * @returns undefined if the body is larger
 * @throws {Error} the connection broke
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    request.on('data', (chunk: Uint8Array) => {
      size += chunk.byteLength;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('end', () => resolve(size <= maxBytes ? Buffer.concat(chunks) : undefined));
    request.on('error', reject);
  });
}
