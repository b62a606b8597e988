import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type FrameworkOrigin, originOf } from './origin.js';

/** All that the resource server needs to know of a request. Adapters make one from their framework's request. */
export interface RequestView {
  /** The HTTP method, in the case it was sent: `GET`. */
  readonly method: string;
  /**
   * The absolute URL with query: `https://inventory.example.com/stock/42?limit=1`.
   *
   * Security: DPoP proofs are for this URL, unless the option `baseUrl` is set. Scheme and host must not come from header fields of a proxy that nobody trusts.
   */
  readonly url: string;
  /**
   * The values of a header field, one per field line, in order; a single line may be given as a string, none as undefined or an empty list.
   *
   * Security: repeated lines must stay apart. Node's `headers` keeps only the first `Authorization` line.
   *
   * @param name lower-case field name
   */
  header(name: string): readonly string[] | string | undefined;
  /**
   * The IP address of the other end of the connection: the proxy's where there is one. Undefined where that is not known.
   *
   * Security: never one from a header field such as `X-Forwarded-For`.
   */
  readonly remoteAddress?: string | undefined;
  /**
   * The client certificate of the TLS connection, in DER; undefined where there is none, or no TLS. Whether anybody vouches for it does not matter.
   */
  clientCertificate?(): Uint8Array | undefined;
  /** The parsed form body where the framework has parsed one; read only with `bearerMethods: ['body']`. */
  readonly body?: unknown;
  /** Removes a parameter from the URL that the application and its loggers see (RFC 6750 §2.3). */
  removeQueryParameter?(name: string): void;
}

/** Anything that {@link viewRequest} can read: a view, a Node request, or a `Request` of the Fetch standard. */
export type RequestLike = RequestView | IncomingMessage | Request;

/** A {@link RequestView} of a Node request, of a Fetch request, or the view itself. */
export function viewRequest(request: RequestLike): RequestView {
  if ('rawHeaders' in request) return new NodeRequestView(request);
  if ('header' in request) return request;
  // What has plain header fields is a double of Node's request.
  return isFetchRequest(request) ? new FetchRequestView(request) : new NodeRequestView(request);
}

function isFetchRequest(request: { readonly headers: object }): request is Request {
  return 'get' in request.headers && typeof request.headers.get === 'function';
}

/** What frameworks in the tradition of Connect add to Node's request. */
interface ConnectMessage extends IncomingMessage, ParsedRequest {
  /** The request target before a router cut its mount path off. */
  originalUrl?: string;
  /** The method before a method override changed it. */
  readonly originalMethod?: unknown;
}

/** What a framework has made of a request. Looked at only when it is asked for: a body is parsed late. */
interface ParsedRequest extends FrameworkOrigin {
  readonly query?: unknown;
  readonly body?: unknown;
}

/** Scheme and host of a request target in absolute form (RFC 9112 §3.2.2). */
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;

/** A view of Node's `IncomingMessage` (HTTP/1.1 and the HTTP/2 compatibility API), also as Express extends it. */
export class NodeRequestView implements RequestView {
  readonly #message: ConnectMessage;
  readonly #parsed: ParsedRequest;

  /** @param parsed where the framework puts the parsed body and query, scheme and host, if not on the message itself */
  constructor(message: IncomingMessage, parsed?: ParsedRequest) {
    this.#message = message;
    this.#parsed = parsed ?? this.#message;
  }

  get method(): string {
    const { originalMethod, method } = this.#message;
    return typeof originalMethod === 'string' ? originalMethod : (method ?? '');
  }

  get url(): string {
    const target = this.#message.originalUrl ?? this.#message.url ?? '/';
    // In absolute form the client would choose the scheme too, which it cannot know better than we.
    const path = target.replace(ABSOLUTE, '');
    if (path !== '' && !/^[/?#]/.test(path)) return target; // `*`, of the whole server
    const framework = this.#parsed === this.#message ? undefined : this.#parsed;
    return `${originOf(this.#message, framework)}${path}`;
  }

  get body(): unknown {
    return this.#parsed.body;
  }

  get remoteAddress(): string | undefined {
    return this.#message.socket?.remoteAddress; // request doubles in unit tests often have no socket
  }

  clientCertificate(): Uint8Array | undefined {
    const { socket } = this.#message;
    // Empty where the client sent no certificate, null where the connection is gone.
    return isTlsSocket(socket) ? socket.getPeerCertificate()?.raw : undefined;
  }

  header(name: string): readonly string[] {
    const value = this.#message.headers[name];
    if (value === undefined) return [];
    // `headers` is what the application sees, `rawHeaders` tells whether Node dropped or joined repeated lines.
    const rawHeaders = this.#message.rawHeaders ?? []; // request doubles in unit tests often have none
    if (countFieldLines(rawHeaders, name) > 1) return fieldLines(rawHeaders, name);
    return typeof value === 'string' ? [value] : value;
  }

  removeQueryParameter(name: string): void {
    const message = this.#message;
    if (message.url !== undefined) message.url = withoutQueryParameter(message.url, name);
    if (message.originalUrl !== undefined)
      message.originalUrl = withoutQueryParameter(message.originalUrl, name);
    const { query } = this.#parsed;
    if (typeof query === 'object' && query !== null) Reflect.deleteProperty(query, name);
  }
}

class FetchRequestView implements RequestView {
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#request.url;
  }

  header(name: string): readonly string[] {
    // The Fetch standard joins repeated lines with ", ", which no valid credentials contain.
    const value = this.#request.headers.get(name);
    return value === null ? [] : [value];
  }
}

/** The query string of an absolute URL or request target, without `?` and fragment. */
export function queryOf(url: string): string {
  const [beforeFragment = ''] = url.split('#', 1);
  const start = beforeFragment.indexOf('?');
  return start === -1 ? '' : beforeFragment.slice(start + 1);
}

/** The parameters of a query string. A `?` at its beginning belongs to the first name; URLSearchParams alone would drop it. */
export function parseQuery(query: string): URLSearchParams {
  return new URLSearchParams(`&${query}`);
}

/** The lines of a header field, whichever way the view gives them. */
export function fieldLinesOf(request: RequestView, name: string): readonly string[] {
  const given = request.header(name);
  return typeof given === 'string' ? [given] : (given ?? []);
}

/**
 * Whether this is a preflight request of the CORS protocol, which carries no credentials by definition and is for the
 * application's CORS layer to answer (Fetch standard, §3.3.2). Any other `OPTIONS` request is not.
 */
export function isCorsPreflight(request: RequestView): boolean {
  return (
    request.method === 'OPTIONS' &&
    fieldLinesOf(request, 'origin').length > 0 &&
    fieldLinesOf(request, 'access-control-request-method').length > 0 &&
    fieldLinesOf(request, 'authorization').length === 0
  );
}

/** By what it can do: with HTTP/2 the socket of a request is a stand-in. */
function isTlsSocket(socket: object | undefined): socket is TLSSocket {
  return socket !== undefined && 'getPeerCertificate' in socket;
}

/** Apart from {@link fieldLines}, since nearly every request has one line and needs no list. */
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

function withoutQueryParameter(target: string, name: string): string {
  const query = queryOf(target);
  const kept = query.split('&').filter((pair) => !parseQuery(pair).has(name));
  return target.replace(`?${query}`, () => (kept.length > 0 ? `?${kept.join('&')}` : ''));
}
