import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { withoutQueryParameter } from './query.js';
import type { RequestView } from './view.js';

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

/** Scheme and host of a request target in absolute form (RFC 9112 §3.2.2), as every router reads them. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/;
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
    // `*`, of the whole server; or routers may not agree on the path.
    if ((path !== '' && !/^[/?#]/.test(path)) || (authority !== undefined && !HOST.test(authority)))
      return target;
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
    const { host: field, ':authority': pseudoField } = this.#message.headers;
    const { host: known } = this.#framework;
    // A framework that trusts no proxy just repeats one of the two.
    const trusted = known === field || known === pseudoField ? undefined : known;
    // HTTP/2: if the client sends both, `Host` doesn't count (RFC 9113 §8.3.1).
    const candidates = [trusted, authority ?? pseudoField ?? field];
    const host = candidates.find((candidate) => typeof candidate === 'string' && HOST.test(candidate));
    return typeof host === 'string' ? host : 'localhost';
  }
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
