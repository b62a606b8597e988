import { type Check, optionError } from './check.js';

const LOOPBACK = /^(?:localhost|[a-z0-9.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * How RFC 3986 writes an http URL. The URL parser would repair spaces, missing slashes and backslashes, and a
 * repaired issuer never equals `"iss"`.
 */
const HTTP_URL = /^https?:\/\/(?!\/)[\x21-\x5b\x5d-\x7e]+$/i;

/** What URLs in options may be, in words. */
export const HTTPS_URL =
  'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)';

/** What URLs in options may be that others are built on, in words. */
export const BASE_URL: string = HTTPS_URL.replace('URL', 'URL without query and fragment');

interface UrlRules {
  /** Accept http for any host. */
  readonly allowInsecureRequests: boolean;
  /** Accept http for loopback hosts. */
  readonly allowLoopback: boolean;
}

/**
 * Whether `value` is an absolute https URL, or http where the rules allow it (RFC 8414 §2), without user name
 * and fragment.
 */
export function isAcceptableUrl(value: unknown, rules: UrlRules): value is string {
  if (typeof value !== 'string' || !HTTP_URL.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password, hash } = new URL(value);
  if (username !== '' || password !== '' || hash !== '') return false;
  if (protocol === 'https:' || rules.allowInsecureRequests) return true;
  return rules.allowLoopback && LOOPBACK.test(hostname);
}

/** Whether `value` can be an issuer identifier: such a URL without query and fragment (RFC 8414 §2). */
export function isIssuerIdentifier(value: unknown, allowInsecureRequests: boolean): value is string {
  return isAcceptableUrl(value, { allowInsecureRequests, allowLoopback: true }) && !/[?#]/.test(value);
}

/** Checks an issuer identifier, or what is like one, in options. */
export function issuerIdentifier(allowInsecureRequests: boolean, takes: string = BASE_URL): Check<string> {
  return (given, path) => {
    if (isIssuerIdentifier(given, allowInsecureRequests)) return given;
    throw optionError(path, takes, given);
  };
}

/** Checks a URL in options. */
export function httpsUrl(allowInsecureRequests: boolean, takes: string = HTTPS_URL): Check<string> {
  return (given, path) => {
    if (isAcceptableUrl(given, { allowInsecureRequests, allowLoopback: true })) return given;
    throw optionError(path, takes, given);
  };
}
