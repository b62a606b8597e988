import { badOption, type Check, flag, optionError } from './check.js';
import { isHostLike, quote, quoteUrl, typeName, withoutCredentials } from './public-text.js';

const INSECURE_REQUESTS = 'true, false or a list of http origins';
const LOOPBACK = /^(?:localhost|[a-z0-9.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * How RFC 3986 writes an http URL. The URL parser would repair spaces, missing slashes and backslashes, but a
 * repaired issuer never equals `"iss"`. Braces mark a template that wasn't filled in.
 */
const HTTP_URL = /^https?:\/\/(?!\/)[\x21-\x5b\x5d-\x7a\x7c\x7e]+$/i;

/** The path of metadata, right after the host or at the end (RFC 8414 §3.1, OpenID Connect Discovery §4). */
const METADATA_PATH = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(?![\w-])/;

/** Which URLs options may have, in words. */
export const HTTPS_URL =
  'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)';

/** Which URLs options may have if others are built on them, in words. */
export const BASE_URL: string = HTTPS_URL.replace('URL', 'URL without query and fragment');

/** Where plain http is accepted apart from loopback hosts: everywhere, nowhere, or at some origins. */
export type InsecureRequests = boolean | ReadonlySet<string>;

/**
 * Whether `value` is an absolute https URL, or http where that's accepted (RFC 8414 §2), without user name
 * and fragment.
 *
 * @param allowLoopback whether http is accepted for this machine. Default true, for what a person configures.
 *   False for what came over https: it mustn't lead to an unprotected service here
 */
export function isAcceptableUrl(
  value: unknown,
  allowInsecureRequests: InsecureRequests,
  allowLoopback = true,
): value is string {
  if (typeof value !== 'string' || !HTTP_URL.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, origin, username, password, hash } = new URL(value);
  if (username !== '' || password !== '' || hash !== '') return false;
  if (protocol === 'https:') return true;
  const isAllowed =
    typeof allowInsecureRequests === 'boolean' ? allowInsecureRequests : allowInsecureRequests.has(origin);
  return isAllowed || (allowLoopback && LOOPBACK.test(hostname));
}

/** Whether a host name stands for this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** What's wrong with a URL, as a clause to put after it, and how to fix it. */
export type UrlFault = readonly [what: string, fix: string];

/**
 * Why a text isn't an {@link isAcceptableUrl acceptable URL}.
 *
 * @param isBase whether a query is wrong too
 */
export function describeUrlFault(text: string, isBase: boolean): UrlFault {
  if (text.trim() !== text) return ['has spaces or line breaks around it', 'leave them out'];
  if (isHostLike(text)) {
    const scheme = isLoopback(text.replace(/[:/].*$/s, '')) ? 'http' : 'https';
    return ['is not an absolute URL', `did you mean ${quote(`${scheme}://${text}`)}?`];
  }
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    return ['is not an absolute URL', 'begin with https:// and a host, such as https://auth.example.com'];
  const { username, password, origin } = new URL(text);
  if (username !== '' || password !== '') return ['has a user name or password in it', 'leave them out'];
  if (text.includes('#')) return ['has a fragment', 'leave out "#" and everything after it'];
  if (isBase && text.includes('?')) return ['has a query', 'leave out "?" and everything after it'];
  if (!HTTP_URL.test(text)) return ['has characters that a URL cannot have', 'write it as RFC 3986 does'];
  return [
    'is plain http',
    `use https; for a host in a private network there is allowInsecureRequests: [${quote(origin)}]`,
  ];
}

/** The issuer whose metadata is at an address. Undefined if it isn't an address of metadata. */
export function issuerOfMetadata(url: string): string | undefined {
  if (!METADATA_PATH.test(url)) return undefined;
  return withoutCredentials(url)
    .replace(METADATA_PATH, '')
    .replace(/[?#].*$/s, '');
}

/**
 * The error for a URL in options: what it got unless it's secret, what's wrong with it, and how to fix it.
 */
function urlError(path: string, takes: string, given: unknown, isBase: boolean): Error {
  const got = quoteUrl(given);
  if (typeof given !== 'string' || got === undefined) return optionError(path, takes, given);
  const [what, fix] = describeUrlFault(given, isBase);
  return badOption(path, `takes ${takes}, got ${got}, which ${what}: ${fix}`);
}

/** Whether a text has a placeholder in it, `{tenantid}`, as some metadata has, or a template's. */
export function hasPlaceholder(text: string): boolean {
  const start = text.search(/\{|%7b/i);
  return start !== -1 && /\}|%7d/i.test(text.slice(start));
}

/** Checks the option `allowInsecureRequests`. */
export function checkInsecureRequests(given: unknown, path: string): InsecureRequests {
  if (!Array.isArray(given)) return flag(given, path, INSECURE_REQUESTS);
  const list: readonly unknown[] = given;
  if (list.length === 0) throw optionError(path, INSECURE_REQUESTS, given);
  return new Set(list.map((origin, index) => checkHttpOrigin(origin, `${path}[${index}]`)));
}

function checkHttpOrigin(given: unknown, path: string): string {
  if (typeof given === 'string' && HTTP_URL.test(given) && URL.canParse(given)) {
    const { origin, protocol, href } = new URL(given);
    if (protocol === 'http:' && href === `${origin}/` && !origin.includes('*')) return origin;
  }
  const takes = 'an http origin such as http://sso.internal:8080';
  const isHost = typeof given === 'string' && isHostLike(given);
  const origin = readOrigin(isHost ? `http://${given}` : given);
  const isMeant = origin !== undefined && /^http:[^*{]+$/.test(origin);
  const meant = isMeant ? `; did you mean ${quote(origin)}?` : '';
  throw badOption(path, `takes ${takes}, got ${quoteUrl(given) ?? typeName(given)}${meant}`);
}

/** The origin of a URL as URLs write it, `http://sso.internal:8080`. Undefined if it has none. */
export function readOrigin(given: unknown): string | undefined {
  if (typeof given !== 'string' || !URL.canParse(given)) return undefined;
  const { origin } = new URL(given);
  return origin === 'null' ? undefined : origin;
}

/** Whether `value` can be an issuer identifier: such a URL without query and fragment (RFC 8414 §2). */
export function isIssuerIdentifier(value: unknown, allowInsecureRequests: InsecureRequests): value is string {
  return isAcceptableUrl(value, allowInsecureRequests) && !/[?#]/.test(value);
}

/** Checks an issuer identifier, or a similar identifier, in options. */
export function issuerIdentifier(
  allowInsecureRequests: InsecureRequests,
  takes: string = BASE_URL,
): Check<string> {
  return (given, path) => {
    refuseMetadataUrl(given, path);
    if (isIssuerIdentifier(given, allowInsecureRequests)) return given;
    throw urlError(path, takes, given, true);
  };
}

/** Checks a URL in options. */
export function httpsUrl(allowInsecureRequests: InsecureRequests, takes: string = HTTPS_URL): Check<string> {
  return (given, path) => {
    if (isAcceptableUrl(given, allowInsecureRequests)) return given;
    throw urlError(path, takes, given, false);
  };
}

/** Refuses the address of an issuer's metadata if it's given as the issuer. */
export function refuseMetadataUrl(given: unknown, path: string): void {
  const issuer = typeof given === 'string' ? issuerOfMetadata(given) : undefined;
  if (issuer === undefined) return;
  const problem = `is the address of metadata, ${quote(String(given))}; the issuer is ${quote(issuer)}`;
  throw badOption(path, problem);
}
