import { withoutQueryParameter } from './query.js';
import type { RequestView } from './view.js';

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
