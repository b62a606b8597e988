import { quote } from './public-text.js';
import { hasPlaceholder, isLoopback } from './url.js';

/** Longer identifiers aren't mistakes. */
const MAX_LENGTH = 2048;
/** Names that only mean something inside a private network, such as those of containers. */
const INTERNAL_HOST = /^[^.]+$|\.(?:internal|local|localdomain|svc|cluster\.local)$/;

/**
 * How an identifier differs from the expected one, if that looks like a mistake rather than another party.
 * Identifiers are compared character by character (RFC 8414 §3.3, RFC 9068 §4).
 *
 * @returns a clause such as `they differ only by a trailing slash`, or undefined if they differ in another
 *   way
 */
export function describeDifference(one: string, other: string): string | undefined {
  // The URL parser takes minutes for a host of a million letters that aren't ASCII.
  if (Math.max(one.length, other.length) > MAX_LENGTH) return undefined;
  if (one === `${other}/` || other === `${one}/`) return 'they differ only by a trailing slash';
  if (one.trim() === other.trim()) return 'they differ only by spaces around them';
  if (one.toLowerCase() === other.toLowerCase()) return 'they differ only by upper and lower case';
  const withoutScheme = (identifier: string) => identifier.replace(/^https?:/i, '');
  if (withoutScheme(one) === withoutScheme(other)) return 'they differ only by http and https';
  if (!URL.canParse(one) || !URL.canParse(other)) return undefined;
  const [first, second] = [new URL(one), new URL(other)];
  if (first.href === second.href) return 'they are two spellings of one URL, and must be spelled the same';
  if (first.origin === second.origin) return 'they are on the same host and differ by the path';
  if (first.hostname === second.hostname) return 'they are on the same host and differ by the port';
  const path = ({ pathname }: URL) => pathname.replace(/\/$/, '');
  return path(first) === path(second) ? describeHosts(first.hostname, second.hostname) : undefined;
}

/** Two names that one server may have: inside and outside a network. */
function describeHosts(one: string, other: string): string | undefined {
  if (isLoopback(one) && isLoopback(other))
    return `${one} and ${other} are this machine under two names, and must be spelled the same`;
  const internal = [one, other].find((host) => !isLoopback(host) && INTERNAL_HOST.test(host));
  if (internal === undefined) return undefined;
  return `${quote(internal)} looks like the name of a container, which means nothing outside its network`;
}

const PLACE = /^https?:\/\/(?<host>\[[^\]]*\]|[^/:]*)(?<port>:\d{1,5})?(?<path>\/.*)?$/;

/**
 * Whether an identifier and one of these may belong to one server that has two names, inside and outside a
 * container for example. They have one path, and if that's empty, one host or port.
 *
 * It's quick with anything that a client can send, which {@link describeDifference} isn't.
 */
export function isSameElsewhere(sent: string, configured: Iterable<string>): boolean {
  const place = sent.length > MAX_LENGTH ? undefined : PLACE.exec(sent)?.groups;
  if (place === undefined) return false;
  const { host, port, path = '' } = place;
  return [...configured].some((identifier) => {
    if (!identifier.endsWith(path)) return false;
    const other = PLACE.exec(identifier)?.groups;
    if (other === undefined || (other.path ?? '') !== path) return false;
    if (path.length > 1) return true;
    return host === other.host || (port !== undefined && port === other.port);
  });
}

/**
 * What to do if an authorization server calls itself something other than the configured issuer.
 *
 * @param named what its metadata says
 * @param configured the option `issuer`
 */
export function suggestIssuer(named: string, configured: string): string {
  if (hasPlaceholder(named)) return 'the metadata is for many issuers: configure the one of your tenant';
  if (describeDifference(named, configured) === undefined)
    return 'is this the right server? Metadata counts only for the issuer that it names (RFC 8414 §3.3)';
  const [one, other] = [named, configured].map((url) => (URL.canParse(url) ? new URL(url).hostname : ''));
  const advice = 'configure the issuer exactly as its metadata and its tokens write it';
  if (one === other) return advice;
  return `${advice}; if this process can reach it only under another name, set metadataUrl`;
}
