const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Describe the body, and are dropped with it (Fetch standard, "request-body-header name"). */
const BODY_HEADERS = ['encoding', 'language', 'length', 'location', 'type'].map((name) => `content-${name}`);
/** Go only to the origin that they were given for. */
const ORIGIN_HEADERS = ['authorization', 'cookie', 'host', 'proxy-authorization'];

/** One request of several that redirects make of a call. */
export interface Hop {
  readonly url: URL;
  /** As given; methods that `fetch` knows are compared without regard to case. */
  readonly method: string;
  readonly headers: Headers;
  /** Whether the call's body is sent. */
  readonly hasBody: boolean;
  /** Whether the access token is sent. */
  readonly authorized: boolean;
}

/** Whether the answer is a redirect that `fetch` would follow (Fetch standard, "redirect status"). */
export function isRedirect(response: Response): boolean {
  return REDIRECTS.has(response.status) && response.headers.has('location');
}

/**
 * The request that follows a redirect (Fetch standard, "HTTP-redirect fetch"). The access token stays behind
 * if the origin changes, and doesn't come back with another redirect.
 *
 * @param replayable whether the body can be sent a second time
 * @throws {TypeError} as `fetch` does: the location isn't an http URL, or the body would have to be sent
 *   again and can't
 */
export function followingHop(hop: Hop, response: Response, replayable: boolean): Hop {
  const url = readLocation(response, hop.url);
  const { status } = response;
  if (status !== 303 && hop.hasBody && !replayable)
    throw new TypeError("a redirect needs the body again, but it's a stream");
  const headers = new Headers(hop.headers);
  const method = hop.method.toUpperCase();
  const becomesGet =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
  const leaves = url.origin !== hop.url.origin;
  const left = [...(becomesGet ? BODY_HEADERS : []), ...(leaves ? ORIGIN_HEADERS : [])];
  for (const name of left) headers.delete(name);
  return {
    url,
    method: becomesGet ? 'GET' : hop.method,
    headers,
    hasBody: hop.hasBody && !becomesGet,
    authorized: hop.authorized && !leaves,
  };
}

function readLocation(response: Response, base: URL): URL {
  // Header fields are read as Latin-1, but what servers send beyond ASCII is UTF-8.
  const location = Buffer.from(response.headers.get('location') ?? '', 'latin1').toString();
  if (!URL.canParse(location, base.href)) throw new TypeError('a redirect has no valid URL');
  const url = new URL(location, base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new TypeError('a redirect leads to a scheme other than http or https');
  if (url.hash === '') url.hash = base.hash;
  return url;
}
