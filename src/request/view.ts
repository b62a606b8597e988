/**
 * Everything the resource server needs to know about a request. Adapters make one from their framework's
 * request.
 */
export interface RequestView {
  /** The HTTP method as it was sent, case included: `GET`. */
  readonly method: string;
  /**
   * The absolute URL with query: `https://inventory.example.com/stock/42?limit=1`. Something else only if the
   * client sent what isn't one: `*`, or a URL with a strange host or scheme.
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
