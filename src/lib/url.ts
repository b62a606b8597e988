import { type Check, flag, optionError } from './check.js';

const INSECURE_REQUESTS = 'true, false or a list of http origins';
const LOOPBACK = /^(?:localhost|[a-z0-9.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * How RFC 3986 writes an http URL. The URL parser would repair spaces, missing slashes and backslashes, and a
 * repaired issuer never equals `"iss"`. Braces are those of a template that nobody filled in.
 */
const HTTP_URL = /^https?:\/\/(?!\/)[\x21-\x5b\x5d-\x7a\x7c\x7e]+$/i;

/** What URLs in options may be, in words. */
export const HTTPS_URL =
  'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)';

/** What URLs in options may be that others are built on, in words. */
export const BASE_URL: string = HTTPS_URL.replace('URL', 'URL without query and fragment');

/** Where plain http is accepted beside loopback hosts: everywhere, nowhere, or at some origins. */
export type InsecureRequests = boolean | ReadonlySet<string>;

interface UrlRules {
  readonly allowInsecureRequests: InsecureRequests;
  /** Accept http for loopback hosts. */
  readonly allowLoopback: boolean;
}

/**
 * Whether `value` is an absolute https URL, or http where the rules allow it (RFC 8414 §2), without user name
 * and fragment.
 */
export function isAcceptableUrl(value: unknown, rules: UrlRules): value is string {
  if (typeof value !== 'string' || !HTTP_URL.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, origin, username, password, hash } = new URL(value);
  if (username !== '' || password !== '' || hash !== '') return false;
  if (protocol === 'https:') return true;
  const { allowInsecureRequests, allowLoopback } = rules;
  const isAllowed =
    typeof allowInsecureRequests === 'boolean' ? allowInsecureRequests : allowInsecureRequests.has(origin);
  return isAllowed || (allowLoopback && LOOPBACK.test(hostname));
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
  throw optionError(path, 'an http origin such as http://sso.internal:8080', given);
}

/** Whether `value` can be an issuer identifier: such a URL without query and fragment (RFC 8414 §2). */
export function isIssuerIdentifier(value: unknown, allowInsecureRequests: InsecureRequests): value is string {
  return isAcceptableUrl(value, { allowInsecureRequests, allowLoopback: true }) && !/[?#]/.test(value);
}

/** Checks an issuer identifier, or what is like one, in options. */
export function issuerIdentifier(
  allowInsecureRequests: InsecureRequests,
  takes: string = BASE_URL,
): Check<string> {
  return (given, path) => {
    if (isIssuerIdentifier(given, allowInsecureRequests)) return given;
    throw optionError(path, takes, given);
  };
}

/** Checks a URL in options. */
export function httpsUrl(allowInsecureRequests: InsecureRequests, takes: string = HTTPS_URL): Check<string> {
  return (given, path) => {
    if (isAcceptableUrl(given, { allowInsecureRequests, allowLoopback: true })) return given;
    throw optionError(path, takes, given);
  };
}
