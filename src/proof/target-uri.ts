/**
 * Scheme, authority and path of an http URL (RFC 3986 §3). A URL parser would repair faults, but a repaired
 * URL never equals the signed one.
 */
const HTTP_URL = /^(https?):\/\/([\x21-\x2e\x30-\x7e]+)((?:\/[\x21-\x7e]*)?)$/i;
/** The URL of a request: routers don't agree where the path of any other begins. */
const REQUEST_URL = /^https?:\/\/(?:[\w.-]+|\[[\w:.%]+\])(?::\d{0,5})?((?:\/[\x21-\x7e]*)?)$/;
/** One that's in the spelling of {@link normalizeTargetUri}, at a glance. Most are. */
const NORMAL_URL = /^https?:\/\/[a-z\d.-]+(?::\d{4,5})?(?:\/[\w~-][\w.~-]*)+\/?$/;
const DEFAULT_PORTS: Readonly<Record<string, RegExp>> = { http: /:(?:80)?$/, https: /:(?:443)?$/ };
const ENCODED = /%[0-9A-Fa-f]{2}/g;
/** A percent sign that encodes nothing. After decoding what follows, it could encode something. */
const STRAY_PERCENT = /%(?![0-9A-Fa-f]{2})/;
/** RFC 3986 §2.3. */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * The target URI of a request, as in `"htu"` (HTTP URI), in one spelling: without query and fragment, scheme
 * and host in lower case, without the default port, `/` for an empty path, percent-encoding and dot segments
 * normalized as in RFC 3986 §6.2.2. Nothing else changes: `/a` and `/a/` are two resources.
 *
 * @returns undefined if `url` isn't an absolute http or https URL, or has a percent sign without two digits
 * @see RFC 9449 §4.3
 */
export function normalizeTargetUri(url: string): string | undefined {
  if (NORMAL_URL.test(url)) return url;
  const match = HTTP_URL.exec(withoutQuery(url));
  if (match === null || STRAY_PERCENT.test(match[0])) return undefined;
  const [, scheme = '', authority = '', path = ''] = match;
  const protocol = scheme.toLowerCase();
  const host = authority.toLowerCase().replace(DEFAULT_PORTS[protocol] ?? '', '');
  if (host === '') return undefined;
  return `${protocol}://${host}${withoutDotSegments(normalizeEncoding(path)) || '/'}`;
}

/**
 * The target URI of a request, in the same spelling.
 *
 * Security: routers match the path as it was sent, so dot segments aren't removed from it: otherwise a proof
 * for `/b` would open whatever `/a/../b` leads to. And some routers take everything after the first slash for
 * the path: with `http://host?/b`, a proof for `/` would open `/b`.
 *
 * @param url the request's URL
 * @param baseUrl the API's URL, if the request's own scheme and host don't matter
 * @returns undefined if there's none (`OPTIONS *`), if it has dot segments, plain or encoded, if a query
 *   follows the host directly, or if routers wouldn't agree on where the path begins
 */
export function requestTargetUri(url: string, baseUrl: string | undefined): string | undefined {
  if (baseUrl === undefined && NORMAL_URL.test(url)) return url;
  const bare = withoutQuery(url);
  const path = REQUEST_URL.exec(bare)?.[1];
  if (path === undefined || normalizeEncoding(path).split('/').some(isDotSegment)) return undefined;
  if (path === '' && bare !== url) return undefined;
  return normalizeTargetUri(baseUrl === undefined ? url : `${baseUrl}${path}`);
}

function withoutQuery(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

function normalizeEncoding(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(ENCODED, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return UNRESERVED.test(character) ? character : encoded.toUpperCase();
  });
}

/** RFC 3986 §5.2.4, for a path that is empty or begins with `/`. */
function withoutDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    if (!isDotSegment(segment)) kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

function isDotSegment(segment: string): boolean {
  return segment === '.' || segment === '..';
}
