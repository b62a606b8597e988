import {
  isSignedMetadata,
  type MetadataSigner,
  type ResourceSettings,
  WELL_KNOWN,
  withoutAbsent,
} from '../answer/resource-metadata.js';
import {
  badOption,
  type Check,
  type Checks,
  callable,
  checkObject,
  optional,
  optionError,
  text,
  wholeNumberBetween,
  YEAR_SECONDS,
} from '../lib/check.js';
import { quote, quoteUrl, typeName } from '../lib/public-text.js';
import {
  describeUrlFault,
  HTTPS_URL,
  httpsUrl,
  type InsecureRequests,
  isAcceptableUrl,
  isIssuerIdentifier,
} from '../lib/url.js';
import { isScopeToken } from '../token/scope.js';

/** What to publish about this API (RFC 9728 §2), in addition to what follows from the other options. */
export interface ResourceOptions {
  /**
   * The resource identifier: an https URL without fragment (http only for loopback hosts), as clients write
   * it when they request an access token (RFC 8707). It's published as given, except that scheme and host
   * become lower case.
   */
  readonly resource: string;
  /** `resource_name`: a name of the API to show to users. */
  readonly name?: string;
  /** `resource_documentation`: the URL of a page for developers. */
  readonly documentation?: string;
  /** `resource_policy_uri`: the URL of a page about how the data of this API may be used. */
  readonly policyUri?: string;
  /** `resource_tos_uri`: the URL of the terms of service. */
  readonly tosUri?: string;
  /**
   * `scopes_supported`: the scopes that a client needs for the usual requests, and asks for first. Routes
   * that require more say so in their challenges. Default: none are published. `offline_access` is never
   * published.
   */
  readonly scopes?: readonly string[];
  /**
   * `authorization_servers`: which of the issuers to name, if some should stay private. Default: all whose
   * identifiers are URLs. If an issuer's identifier isn't a URL, or `issuer` has a function, you may name
   * other issuers too.
   */
  readonly authorizationServers?: readonly string[];
  /** `authorization_details_types_supported` (RFC 9396). */
  readonly authorizationDetailsTypes?: readonly string[];
  /** `jwks_uri`: the URL of the keys that this API signs its answers with. Not those of the issuer. */
  readonly jwksUri?: string;
  /** `resource_signing_alg_values_supported`: the algorithms that this API signs its answers with. */
  readonly signingAlgorithms?: readonly string[];
  /**
   * `signed_metadata` (RFC 9728 §2.2): a JWT that repeats the metadata, or a function that makes one from it
   * in at most ten seconds. The function is called for the first request, and again once its JWT is older
   * than `maxAgeSeconds`. The JWT's claims must have `"iss"` and no `signed_metadata`.
   */
  readonly signedMetadata?: string | MetadataSigner;
  /** How long clients may keep the metadata, in whole seconds, 0 to a year. Default 3600. */
  readonly maxAgeSeconds?: number;
}

const IDENTIFIER = HTTPS_URL.replace('URL', 'URL without fragment, user name, default port and dot segments');

/**
 * Checks the option `resource`.
 *
 * @param issuers the identifiers of the configured ones
 * @param isOpen whether others are trusted too
 * @returns undefined if nothing is published
 * @throws {OptionError} names the member, what it got and what it takes
 */
export function checkResource(
  given: unknown,
  issuers: readonly string[],
  isOpen: boolean,
  allowInsecureRequests: InsecureRequests,
): ResourceSettings | undefined {
  if (given === undefined) return undefined;
  const isAddress = (issuer: string): boolean => isIssuerIdentifier(issuer, allowInsecureRequests);
  // Clients look up the server's metadata, and tokens may spell their issuer differently from it.
  const hasOthers = isOpen || !issuers.every(isAddress);
  const checks = {
    resource: (identifier: unknown) => checkIdentifier(identifier, allowInsecureRequests),
    name: optional(text),
    documentation: optional(checkPage),
    policyUri: optional(checkPage),
    tosUri: optional(checkPage),
    scopes: optional(listCheck(isScopeToken, 'scopes without spaces, quotes and backslashes'), []),
    authorizationServers: optional(
      hasOthers
        ? listCheck(isAddress, 'issuer identifiers')
        : listCheck((one) => issuers.includes(one), 'configured issuers'),
      issuers.filter(isAddress),
    ),
    authorizationDetailsTypes: optional(listCheck((type) => type !== '', 'non-empty strings')),
    jwksUri: optional(httpsUrl(allowInsecureRequests, 'an absolute https URL')),
    signingAlgorithms: optional(listCheck(isSignature, 'signature algorithms')),
    signedMetadata: optional(checkSignedMetadata),
    maxAgeSeconds: optional(wholeNumberBetween(0, YEAR_SECONDS), 3600),
  } satisfies Checks<ResourceOptions>;
  const options = typeof given === 'string' ? { resource: given } : given;
  const checked = checkObject(options, 'resource', checks, 'a resource identifier, or an object');
  const { origin, pathname, search } = new URL(checked.resource);
  // RFC 9728 §3.1: a slash right after the host is removed before insertion.
  const path = `${WELL_KNOWN}${pathname === '/' ? '' : pathname}${search}`;
  return {
    identifier: checked.resource,
    metadataUrl: `${origin}${path}`,
    path,
    scopes: checked.scopes,
    authorizationServers: checked.authorizationServers,
    members: withoutAbsent({
      resource_name: checked.name,
      resource_documentation: checked.documentation,
      resource_policy_uri: checked.policyUri,
      resource_tos_uri: checked.tosUri,
      jwks_uri: checked.jwksUri,
      resource_signing_alg_values_supported: checked.signingAlgorithms,
      authorization_details_types_supported: checked.authorizationDetailsTypes,
    }),
    signedMetadata: checked.signedMetadata,
    maxAgeSeconds: checked.maxAgeSeconds,
  };
}

/**
 * Checks a resource identifier. It must be written as every client writes it. Anything that the URL parser
 * would change, such as `/a/../b` or `:443`, would never be found, and would never equal what a client
 * compares it with (RFC 9728 §3.3). Only scheme and host ignore case; lower case is usual.
 */
function checkIdentifier(given: unknown, allowInsecureRequests: InsecureRequests): string {
  if (isAcceptableUrl(given, allowInsecureRequests) && !given.includes('#')) {
    const { origin, pathname, search } = new URL(given);
    const rest = given.slice(origin.length);
    const isAsParsed = rest === `${pathname}${search}` || (pathname === '/' && rest === search);
    if (given.toLowerCase().startsWith(origin) && isAsParsed) return `${origin}${rest}`;
  }
  const got = quoteUrl(given);
  if (got === undefined || typeof given !== 'string') throw optionError('resource', IDENTIFIER, given);
  const written = URL.canParse(given) ? new URL(given).href.replace(/#.*$/s, '') : given;
  const isOtherwiseRight = isAcceptableUrl(written, allowInsecureRequests);
  const [what, fix] = describeUrlFault(given, false);
  const help = isOtherwiseRight ? `; did you mean ${quote(written)}?` : `, which ${what}: ${fix}`;
  throw badOption('resource', `takes ${IDENTIFIER}, got ${got}${help}`);
}

function checkSignedMetadata(given: unknown, path: string): string | MetadataSigner {
  if (typeof given === 'function') return callable(given, path);
  if (isSignedMetadata(given)) return given;
  throw optionError(path, 'a function, or a signed JWT with "iss" and without signed_metadata', given);
}

/** A page for people. It may have a fragment. */
function checkPage(given: unknown, path: string): string {
  if (typeof given === 'string' && /^https?:\/\/[\x21-\x7e]+$/i.test(given) && URL.canParse(given)) {
    const { username, password } = new URL(given);
    if (username === '' && password === '') return given;
  }
  throw optionError(path, 'an absolute URL', given);
}

function listCheck(isElement: (element: string) => boolean, takes: string): Check<readonly string[]> {
  return (given, path) => {
    if (!Array.isArray(given)) throw optionError(path, `a list of ${takes}`, given);
    const list: readonly unknown[] = given;
    const isRight = (element: unknown) => typeof element === 'string' && isElement(element);
    const wrong = list.findIndex((element) => !isRight(element));
    if (wrong === -1) return Object.freeze([...new Set(list as readonly string[])]); // each is right
    const element = list[wrong];
    // All of this is published.
    const got = typeof element === 'string' && element !== '' ? quote(element) : typeName(element);
    throw badOption(path, `takes a list of ${takes}, got ${got} at [${wrong}]`);
  };
}

/** RFC 9728 §2: `none` must not be used. */
function isSignature(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value) && value.toLowerCase() !== 'none';
}
