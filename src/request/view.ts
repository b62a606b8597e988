import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { withoutQueryParameter } from './query.js';

/**
 * Everything the resource server needs to know about a request. Adapters make one from their framework's
 * request.
 */
export interface RequestView {
  /** The HTTP method as it was sent, case included: `GET`. */
  readonly method: string;
  /**
   * The absolute URL with query: `https://inventory.example.com/stock/42?limit=1`.
   *
   * Security: DPoP proofs are for this URL, unless the option `baseUrl` is set. Don't take scheme and host
   * from header fields of a proxy you don't trust.
   */
  readonly url: string;
  /**
   * The values of a header field, one per field line, in order. A single line may be a string; no line is
   * undefined or an empty list.
   *
   * Security: keep repeated lines apart. Node's `headers` keeps only the first `Authorization` line.
   *
   * @param name lower-case field name
   */
  header(name: string): readonly string[] | string | undefined;
  /**
   * The IP address of the other end of the connection: the proxy's, if there is one. Undefined if it isn't
   * known.
   *
   * Security: never take it from a header field such as `X-Forwarded-For`.
   */
  readonly remoteAddress?: string | undefined;
  /**
   * The connection, if it may carry more requests: an object that lives as long as it does. The last
   * credentials with a known token are remembered by it.
   */
  readonly connection?: object | undefined;
  /**
   * The client certificate of the TLS connection, in DER. Undefined if there's none, or no TLS. It doesn't
   * have to be from a trusted authority.
   */
  clientCertificate?(): Uint8Array | undefined;
  /** The parsed form body, if the framework has parsed one. Read only with `bearerMethods: ['body']`. */
  readonly body?: unknown;
  /**
   * The pattern of the request's route, such as `/stock/:sku`, if the framework knows it. For logs and
   * metrics, and read only if there are any.
   *
   * Security: never the path itself, which may identify a person and has endless values.
   */
  readonly route?: string | undefined;
  /** Removes a parameter from the URL that the application and its loggers see (RFC 6750 §2.3). */
  removeQueryParameter?(name: string): void;
}

/** A request of Koa, or of another framework that keeps Node's as `req` with the parsed parts next to it. */
export interface WrappedRequest extends FrameworkRequest {
  readonly req: IncomingMessage;
}

/** Anything that {@link viewRequest} can read. */
export type RequestLike = RequestView | IncomingMessage | Request | WrappedRequest;

/**
 * A view of a request. A `RequestView` is returned as it is. A Node request (or a double of one) and a
 * `Request` of the Fetch standard are wrapped. Koa's `ctx.request` is read through the Node request inside
 * it.
 *
 * From a Node request, it reads only what Node itself knows. If your framework knows more (the target before
 * a router removed its mount path, a parsed body), make a {@link NodeRequestView} and pass it that.
 *
 * @throws {TypeError} it's none of these
 */
export function viewRequest(request: RequestLike): RequestView {
  // First, because Express gives Node's request a method `header` too.
  if ('rawHeaders' in request) return new NodeRequestView(request);
  if ('header' in request && typeof request.header === 'function') return request;
  if ('req' in request) return new NodeRequestView(request.req, request);
  const headers: unknown = Reflect.get(request, 'headers');
  if (typeof headers !== 'object' || headers === null) throw new TypeError(NOT_A_REQUEST);
  // Recognized by what they can do: the Fetch standard has several implementations, and Node's request has
  // doubles.
  if ('get' in headers && typeof headers.get === 'function') return new FetchRequestView(request as Request);
  return new NodeRequestView(request as object as IncomingMessage);
}

const NOT_A_REQUEST =
  'a request is a RequestView (with a function "header"), a Node request or a Request of the Fetch standard';

/**
 * What a framework knows about a Node request that the message doesn't say. Read only when needed: bodies are
 * parsed late.
 */
export interface FrameworkRequest {
  /** The method that the client sent, if a method override may have changed it on the message. */
  readonly method?: unknown;
  /**
   * The request target that the client sent, if a router may have removed its mount path from the message's
   * `url`. It's written to when a query parameter must be removed.
   */
  target?: string | undefined;
  /**
   * `http` or `https`, as the client sees it.
   *
   * Security: take it from `X-Forwarded-…` only if the framework is set to trust the proxy.
   */
  readonly protocol?: unknown;
  /** Host and port, as the client sees them. The same rule as for `protocol` applies. */
  readonly host?: unknown;
  /**
   * The header fields as the application sees them, if a hook may have replaced the message's. Lines that the
   * client repeated are still found, in the message's `rawHeaders`.
   */
  readonly headers?: IncomingMessage['headers'] | undefined;
  /** The pattern of the route, see {@link RequestView.route}. */
  readonly route?: string | undefined;
  /** The parsed query. If a parameter must be removed, it's deleted here too. */
  readonly query?: unknown;
  /** The parsed body. */
  readonly body?: unknown;
}

/** Scheme and host of a request target in absolute form (RFC 9112 §3.2.2). */
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/;
/** What can be a host and port. Anything else could pass for a path or query. */
const HOST = /^[\w.:%[\]-]+$/;

/** A view of Node's `IncomingMessage` (HTTP/1.1 and the HTTP/2 compatibility API). */
export class NodeRequestView implements RequestView {
  readonly #message: IncomingMessage;
  readonly #framework: FrameworkRequest;

  /** @param framework what the framework knows beyond the message */
  constructor(message: IncomingMessage, framework: FrameworkRequest = {}) {
    this.#message = message;
    this.#framework = framework;
  }

  get method(): string {
    const { method } = this.#framework;
    return typeof method === 'string' ? method : (this.#message.method ?? '');
  }

  get url(): string {
    const target = this.#framework.target ?? this.#message.url ?? '/';
    // In absolute form the client also chooses the scheme, but we know that better.
    const [start = '', authority] = ABSOLUTE.exec(target) ?? [];
    const path = target.slice(start.length);
    if (path !== '' && !/^[/?#]/.test(path)) return target; // `*`, of the whole server
    return `${this.#scheme()}://${this.#host(authority)}${path}`;
  }

  get body(): unknown {
    return this.#framework.body;
  }

  get route(): string | undefined {
    return this.#framework.route;
  }

  get remoteAddress(): string | undefined {
    return this.#message.socket?.remoteAddress; // request doubles in unit tests often have no socket
  }

  get connection(): object | undefined {
    return this.#message.socket ?? undefined; // doubles may have none, or null
  }

  clientCertificate(): Uint8Array | undefined {
    const { socket } = this.#message;
    // Empty if the client sent no certificate, null if the connection is gone.
    return isTlsSocket(socket) ? socket.getPeerCertificate()?.raw : undefined;
  }

  header(name: string): readonly string[] {
    const { headers = this.#message.headers } = this.#framework;
    const value = headers[name];
    if (value === undefined) return [];
    // `headers` is what the application sees. `rawHeaders` tells whether Node dropped or joined repeated
    // lines; those count even if a hook replaced their value.
    const rawHeaders = this.#message.rawHeaders ?? []; // request doubles in unit tests often have none
    if (countFieldLines(rawHeaders, name) > 1) return fieldLines(rawHeaders, name);
    return typeof value === 'string' ? [value] : value;
  }

  removeQueryParameter(name: string): void {
    const message = this.#message;
    const framework = this.#framework;
    if (message.url !== undefined) message.url = withoutQueryParameter(message.url, name);
    if (framework.target !== undefined) framework.target = withoutQueryParameter(framework.target, name);
    const { query } = framework;
    if (typeof query === 'object' && query !== null) Reflect.deleteProperty(query, name);
  }

  #scheme(): string {
    const { protocol } = this.#framework;
    if (typeof protocol === 'string' && /^https?$/i.test(protocol)) return protocol.toLowerCase();
    return 'encrypted' in (this.#message.socket ?? {}) ? 'https' : 'http'; // doubles often have no socket
  }

  /**
   * Security: `Host` is only the client's claim. It stands for nothing but the URL that the client meant to
   * send the request to.
   *
   * @param authority of a target in absolute form; it counts instead of `Host` (RFC 9112 §3.2.2)
   */
  #host(authority: string | undefined): string {
    const { headers } = this.#message;
    const named = headers.host ?? headers[':authority'];
    const { host: known } = this.#framework;
    // A framework that trusts no proxy just repeats `Host`.
    const candidates = [known === named ? undefined : known, authority ?? named];
    const host = candidates.find((candidate) => typeof candidate === 'string' && HOST.test(candidate));
    return typeof host === 'string' ? host : 'localhost';
  }
}

/** What a server knows about the connection of a Fetch `Request`. The standard has no place for it. */
export interface FetchConnection {
  /** The IP address of the other end. Security: never one from a header field. */
  readonly remoteAddress?: string | undefined;
  /** The client certificate of the TLS connection, in DER. */
  readonly clientCertificate?: Uint8Array | undefined;
}

/** A view of a `Request` of the Fetch standard. */
export class FetchRequestView implements RequestView {
  readonly #request: Request;
  readonly #connection: FetchConnection;
  readonly body: unknown;
  readonly #findRoute: (() => string | undefined) | undefined;
  #url: string | undefined;

  /**
   * @param connection what the server knows about the connection
   * @param body the parsed form; the view doesn't read the request's stream
   * @param findRoute finds the pattern of the route, if the router knows it
   */
  constructor(
    request: Request,
    connection: FetchConnection = {},
    body?: unknown,
    findRoute?: () => string | undefined,
  ) {
    this.#request = request;
    this.#connection = connection;
    this.body = body;
    this.#findRoute = findRoute;
  }

  get route(): string | undefined {
    return this.#findRoute?.();
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#url ?? this.#request.url;
  }

  get remoteAddress(): string | undefined {
    return this.#connection.remoteAddress;
  }

  clientCertificate(): Uint8Array | undefined {
    return this.#connection.clientCertificate;
  }

  /** Repeated lines are one value here, joined with `", "`: the standard doesn't keep them apart. */
  header(name: string): readonly string[] {
    const value = this.#request.headers.get(name);
    return value === null ? [] : [value];
  }

  /** Removed from {@link url}: a `Request` itself can't be changed. */
  removeQueryParameter(name: string): void {
    this.#url = withoutQueryParameter(this.url, name);
  }
}

/** The lines of a header field, in whichever form the view returns them. */
export function fieldLinesOf(request: RequestView, name: string): readonly string[] {
  const given = request.header(name);
  return typeof given === 'string' ? [given] : (given ?? []);
}

/**
 * Whether this is a preflight request of the CORS protocol. It carries no credentials by definition, and the
 * application's CORS layer answers it (Fetch standard, §3.3.2). Other `OPTIONS` requests aren't preflights.
 */
export function isCorsPreflight(request: RequestView): boolean {
  return (
    request.method === 'OPTIONS' &&
    fieldLinesOf(request, 'origin').length > 0 &&
    fieldLinesOf(request, 'access-control-request-method').length > 0 &&
    fieldLinesOf(request, 'authorization').length === 0
  );
}

/** Recognized by what it can do: with HTTP/2, the socket of a request is a stand-in. */
function isTlsSocket(socket: object | undefined): socket is TLSSocket {
  return socket !== undefined && 'getPeerCertificate' in socket;
}

/** Separate from {@link fieldLines}, because nearly every request has one line and needs no list. */
function countFieldLines(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (isField(rawHeaders[index], name)) count += 1;
  }
  return count;
}

function fieldLines(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && isField(rawHeaders[index - 1], name));
}

function isField(field: string | undefined, name: string): boolean {
  return field?.length === name.length && field.toLowerCase() === name;
}
