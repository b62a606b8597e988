/**
 * Scheme, authority and path of an http URL (RFC 3986 §3). A URL parser would repair what is wrong, and what
 * is repaired is never equal to what was signed.
 */
const HTTP_URL = /^(https?):\/\/([\x21-\x2e\x30-\x7e]+)((?:\/[\x21-\x7e]*)?)$/i;
const DEFAULT_PORTS: Readonly<Record<string, RegExp>> = { http: /:(?:80)?$/, https: /:(?:443)?$/ };
const ENCODED = /%[0-9A-Fa-f]{2}/g;
/** RFC 3986 §2.3. */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * The target URI of a request, as `"htu"` (HTTP URI) has it and in one spelling: without query and fragment,
 * scheme and host in lower case, without the default port, `/` for an empty path, percent-encoding and dot
 * segments as RFC 3986 §6.2.2 normalises them. Nothing else is changed: `/a` and `/a/` are two resources.
 *
 * @returns undefined where `url` is no absolute http or https URL
 * @see RFC 9449 §4.3
 */
export function normaliseTargetUri(url: string): string | undefined {
  const [, scheme, authority, path] = HTTP_URL.exec(withoutQuery(url)) ?? [];
  if (scheme === undefined || authority === undefined || path === undefined) return undefined;
  const protocol = scheme.toLowerCase();
  const host = authority.toLowerCase().replace(DEFAULT_PORTS[protocol] ?? '', '');
  if (host === '') return undefined;
  return `${protocol}://${host}${withoutDotSegments(normaliseEncoding(path)) || '/'}`;
}

/** The path of an absolute http URL, as it is written there; undefined for anything else. */
export function pathOfTargetUri(url: string): string | undefined {
  return HTTP_URL.exec(withoutQuery(url))?.[3];
}

function withoutQuery(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

function normaliseEncoding(path: string): string {
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
    const isDotSegment = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!isDotSegment) kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
