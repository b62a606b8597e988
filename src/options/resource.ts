import type { ResourceMetadataDocument } from '../answer/resource-document.js';
import { checkNames, optionError, stringOf, wholeNumberBetween } from '../lib/check.js';
import { isAcceptableUrl } from '../lib/url.js';
import { readJsonObject, splitCompactJws } from '../token/compact-jws.js';
import { isScopeToken } from '../token/scope.js';

/** What clients are told about this API (RFC 9728 §2), beside what follows from the other options. */
export interface ResourceOptions {
  /**
   * The resource identifier: an https URL without fragment (http only for loopback hosts), as clients write it when they ask for an access token (RFC 8707). It is
   * published as given, but for scheme and host, which become lower case.
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
  /** `scopes_supported`. Default: the scopes that routes require, as far as the adapter can see them. An empty list publishes none. Never `offline_access`. */
  readonly scopes?: readonly string[];
  /** `authorization_servers`: which of the issuers to name, for one that is nobody else's business. Default: all. */
  readonly authorizationServers?: readonly string[];
  /** `authorization_details_types_supported` (RFC 9396). */
  readonly authorizationDetailsTypes?: readonly string[];
  /** `jwks_uri`: the URL of the keys with which this API signs its answers. Not those of the issuer. */
  readonly jwksUri?: string;
  /** `resource_signing_alg_values_supported`: the algorithms with which this API signs its answers. */
  readonly signingAlgorithms?: readonly string[];
  /**
   * `signed_metadata` (RFC 9728 §2.2): a JWT that repeats the metadata, or a function that makes one of them, in ten seconds at most. It is called again when they
   * have changed or are older than `maxAgeSeconds`. The claims of the JWT must have `"iss"` and no `signed_metadata`.
   */
  readonly signedMetadata?: string | MetadataSigner;
  /** How long clients may keep the metadata, in whole seconds, 0 to a year. Default 3600. */
  readonly maxAgeSeconds?: number;
}

/** Makes a signed JWT of the metadata. A failure is answered with 503. */
export type MetadataSigner = (metadata: ResourceMetadataDocument) => string | Promise<string>;

/** The option `resource` with every default filled in. */
export interface ResolvedResource {
  /** Exactly as it is published. */
  readonly identifier: string;
  /** Where the metadata is: an absolute URL. */
  readonly metadataUrl: string;
  /** The same without scheme and host: path, and query where there is one. */
  readonly path: string;
  /** Undefined where those of the routes are to be published. */
  readonly scopes: readonly string[] | undefined;
  readonly authorizationServers: readonly string[];
  /** Members that are published as they are. */
  readonly members: Readonly<Partial<ResourceMetadataDocument>>;
  readonly signedMetadata: string | MetadataSigner | undefined;
  readonly maxAgeSeconds: number;
}

const NAMES: readonly (keyof ResourceOptions)[] = [
  'resource',
  'name',
  'documentation',
  'policyUri',
  'tosUri',
  'scopes',
  'authorizationServers',
  'authorizationDetailsTypes',
  'jwksUri',
  'signingAlgorithms',
  'signedMetadata',
  'maxAgeSeconds',
];
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const YEAR_SECONDS = 31_536_000;
/** Scheme and host, path, query. */
const PARTS = /^([^:]+:\/\/[^/?]+)([^?]*)(.*)$/;

/** What the option is checked against. */
interface Surroundings {
  readonly issuers: readonly string[];
  readonly allowInsecureRequests: boolean;
}

/**
 * Checks the option `resource`.
 *
 * @throws {TypeError} naming the member, what it got and what it takes
 */
export function resolveResource(
  given: string | ResourceOptions | undefined,
  { issuers, allowInsecureRequests }: Surroundings,
): ResolvedResource | undefined {
  if (given === undefined) return undefined;
  const options = typeof given === 'string' ? { resource: given } : given;
  checkNames(options, NAMES, 'resource', 'a resource identifier, or an object');
  const { origin, path, query } = partsOf(options.resource, allowInsecureRequests);
  // RFC 9728 §3.1: a slash right after the host is removed before insertion.
  const target = `${WELL_KNOWN}${path === '/' ? '' : path}${query}`;
  return {
    identifier: `${origin}${path}${query}`,
    metadataUrl: `${origin}${target}`,
    path: target,
    scopes: listOf(options.scopes, isScopeToken, 'scopes', 'scopes without spaces, quotes and backslashes'),
    authorizationServers:
      listOf(
        options.authorizationServers,
        (one) => issuers.includes(one),
        'authorizationServers',
        'configured issuers',
      ) ?? issuers,
    members: membersOf(options, allowInsecureRequests),
    signedMetadata: signedMetadataOf(options.signedMetadata),
    maxAgeSeconds:
      wholeNumberBetween(options.maxAgeSeconds, 0, YEAR_SECONDS, 'resource.maxAgeSeconds') ?? 3600,
  };
}

/**
 * RFC 9728 §2.2: a JWT with an issuer, of a real signature as far as can be seen, and without signed metadata inside.
 *
 * Nobody checks the signature here: it is for the clients, who know whose they trust.
 */
export function isSignedMetadata(value: unknown): value is string {
  const segments = typeof value === 'string' ? splitCompactJws(value) : undefined;
  if (segments === undefined) return false;
  const [header, claims] = segments
    .slice(0, 2)
    .map((segment) => readJsonObject(Buffer.from(segment, 'base64url')));
  if (header === undefined || claims === undefined || segments[2] === '') return false;
  return (
    typeof header.alg === 'string' &&
    header.alg !== 'none' &&
    typeof claims.iss === 'string' &&
    !Object.hasOwn(claims, 'signed_metadata')
  );
}

/**
 * Splits a resource identifier. It has to be written as every client writes it: what the URL parser would change, such as `/a/../b` or `:443`, would never be found,
 * nor equal what a client compares it with (RFC 9728 §3.3). Scheme and host have no case, and lower case is the usual one.
 */
function partsOf(
  given: unknown,
  allowInsecureRequests: boolean,
): { readonly origin: string; readonly path: string; readonly query: string } {
  if (isAcceptableUrl(given, { allowInsecureRequests, allowLoopback: true }) && !given.includes('#')) {
    const [, start = '', path = '', query = ''] = PARTS.exec(given) ?? [];
    const origin = start.toLowerCase();
    const url = new URL(given);
    if (url.origin === origin && url.pathname === (path || '/') && url.search === query)
      return { origin, path, query };
  }
  throw optionError(
    'resource',
    'an absolute https URL without fragment, user name, default port and dot segments (http only for loopback hosts, or with allowInsecureRequests)',
    given,
  );
}

function membersOf(
  options: ResourceOptions,
  allowInsecureRequests: boolean,
): Readonly<Partial<ResourceMetadataDocument>> {
  const { name, documentation, policyUri, tosUri, jwksUri } = options;
  const types = listOf(
    options.authorizationDetailsTypes,
    isText,
    'authorizationDetailsTypes',
    'non-empty strings',
  );
  const algorithms = listOf(
    options.signingAlgorithms,
    isSignature,
    'signingAlgorithms',
    'signature algorithms',
  );
  if (jwksUri !== undefined && !isAcceptableUrl(jwksUri, { allowInsecureRequests, allowLoopback: true }))
    throw optionError('resource.jwksUri', 'an absolute https URL', jwksUri);
  return withoutAbsent({
    resource_name: stringOf(name, 'resource.name'),
    resource_documentation: pageOf(documentation, 'documentation'),
    resource_policy_uri: pageOf(policyUri, 'policyUri'),
    resource_tos_uri: pageOf(tosUri, 'tosUri'),
    jwks_uri: jwksUri,
    resource_signing_alg_values_supported: algorithms,
    authorization_details_types_supported: types,
  });
}

/** Without members that are undefined, and without empty lists, which the metadata must not have (RFC 9728 §3.2). */
export function withoutAbsent<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const present = Object.entries(members).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(present) as { [K in keyof T]?: NonNullable<T[K]> }; // the same members, fewer of them
}

function signedMetadataOf(given: string | MetadataSigner | undefined): string | MetadataSigner | undefined {
  if (given === undefined || typeof given === 'function' || isSignedMetadata(given)) return given;
  throw optionError(
    'resource.signedMetadata',
    'a function, or a signed JWT with "iss" and without signed_metadata',
    given,
  );
}

/** A page for people, where a fragment is nothing unusual. */
function pageOf(given: unknown, name: string): string | undefined {
  if (given === undefined) return undefined;
  const isPage = typeof given === 'string' && /^https?:\/\/[\x21-\x7e]+$/i.test(given) && URL.canParse(given);
  if (!isPage || new URL(given).username !== '' || new URL(given).password !== '')
    throw optionError(`resource.${name}`, 'an absolute URL', given);
  return given;
}

function listOf(
  given: unknown,
  isElement: (element: string) => boolean,
  name: string,
  takes: string,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const list: readonly unknown[] | undefined = Array.isArray(given) ? given : undefined;
  if (!list?.every((element) => typeof element === 'string' && isElement(element)))
    throw optionError(`resource.${name}`, `a list of ${takes}`, given);
  return Object.freeze([...new Set(list as readonly string[])]); // every element was looked at in the line above
}

function isText(value: string): boolean {
  return value !== '';
}

/** RFC 9728 §2: `none` must not be used. */
function isSignature(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value) && value.toLowerCase() !== 'none';
}
