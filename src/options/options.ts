import type { PublishedSettings, ResourceSettings } from '../answer/resource-metadata.js';
import type { Auth } from '../auth.js';
import type { IssuerSettings } from '../issuer/issuer.js';
import type { IssuerResolution } from '../issuer/trusted-issuers.js';
import {
  type Checks,
  callable,
  checkObject,
  flag,
  identifiers,
  numberBetween,
  object,
  oneOf,
  optional,
  someOf,
  textLike,
  textOrTexts,
  unchecked,
  wholeNumberBetween,
} from '../lib/check.js';
import type { Runtime } from '../lib/runtime.js';
import { checkInsecureRequests } from '../lib/url.js';
import type { CertificateSource } from '../proof/client-certificate.js';
import type { DpopSettings } from '../proof/dpop.js';
import type { ImpliedScopes } from '../requirement/implied-scopes.js';
import {
  ALGORITHMS,
  type Algorithm,
  BEARER_METHODS,
  type BearerMethod,
  type Scheme,
  TOKEN_TYPES,
  type TokenType,
} from '../terms.js';
import type { RevocationSettings } from '../verification/revocation.js';
import { baseUrlCheck, checkDpop, type DpopOptions } from './dpop.js';
import { checkImpliedScopes } from './implied-scopes.js';
import { checkIssuers, type IssuerResolver } from './issuers.js';
import { checkMtls, type MtlsProxyOptions } from './mtls.js';
import { checkResource, type ResourceOptions } from './resource.js';
import { DEFAULT_KEYS, type KeysOptions, keysCheck, type TrustedIssuer } from './trusted-issuer.js';

/** Options of `createResourceServer` and of every adapter. Unknown names are refused. */
export interface ResourceServerOptions {
  /**
   * Whose tokens you accept: an issuer identifier (its keys are discovered), a {@link TrustedIssuer}, an
   * {@link IssuerResolver} for issuers known only at run time, or a list of these with at most one function.
   */
  readonly issuer:
    | string
    | TrustedIssuer
    | IssuerResolver
    | readonly (string | TrustedIssuer | IssuerResolver)[];
  /** This API's identifiers. A token's `"aud"` must contain one of them exactly (RFC 9068 §4). */
  readonly audience: string | readonly string[];
  /** Accepted signature algorithms. Default: all of {@link Algorithm}. */
  readonly algorithms?: readonly Algorithm[];
  /** How far the issuer's clock and ours may differ, in seconds, 0 to 300. Default 5. */
  readonly clockToleranceSeconds?: number;
  /** See {@link TokenType}. Default `'any'`. */
  readonly tokenType?: TokenType;
  /**
   * Where the token may be. Default `['header']`.
   *
   * Security: `'query'` puts tokens into logs and histories (RFC 9700 §4.3.2).
   */
  readonly bearerMethods?: readonly BearerMethod[];
  /**
   * Lets requests without credentials through as anonymous. Bad credentials are still refused. Default false.
   */
  readonly optional?: boolean;
  /**
   * Broader scopes with the narrower ones that each implies. With `{ write: ['read'] }`, a token with `write`
   * opens routes that require `read`. Chains count too. `auth.scopes` stays what the token was granted.
   * Default: no scope implies another.
   */
  readonly impliedScopes?: Readonly<Record<string, readonly string[]>>;
  /** The `realm` of the challenge (RFC 9110 §11.5), printable ASCII. Default `api`. */
  readonly realm?: string;
  /**
   * Verified tokens are remembered until they expire, so that only a token's first use pays for its
   * signature. `maxTokens` is the most to keep, 1 to 1000000; default 10000, about 8 MB of heap. A token with
   * many claims counts as several. `false` verifies every token each time.
   */
  readonly cache?: { readonly maxTokens?: number } | false;
  /** See {@link KeysOptions}. */
  readonly keys?: KeysOptions;
  /**
   * Accepts access tokens that are bound to a client certificate (RFC 8705), if the client shows that
   * certificate. `true` takes it from the TLS connection, for which the server must request one; an object
   * takes it from a header field that a proxy sets. Default false: such tokens are refused. Tokens that
   * aren't bound are always accepted.
   */
  readonly mtls?: boolean | MtlsProxyOptions;
  /**
   * Says whether an access token was revoked, for example by looking up its `"jti"`, `"sub"` or `"sid"`.
   * Called for every request with a valid token, so it must be quick. Only `false` accepts. If it throws,
   * doesn't return a boolean, or takes too long, the answer is 503.
   */
  readonly isRevoked?: (auth: Auth) => boolean | Promise<boolean>;
  /** Time limit for `isRevoked`, in seconds, above 0, at most 60. Default 2. */
  readonly revocationTimeoutSeconds?: number;
  /**
   * How to treat access tokens that are bound to a key of the client (RFC 9449). `'allowed'` (default):
   * they're accepted under the scheme `DPoP` with a proof of possession; others are bearer tokens.
   * `'required'`: only bound ones are accepted. `'off'`: bound ones are refused. For details pass an object,
   * see {@link DpopOptions}.
   */
  readonly dpop?: 'allowed' | 'required' | 'off' | DpopOptions;
  /**
   * The URL that clients use for this API: https (http only for loopback hosts), with any path that proxies
   * strip. DPoP proofs are for URLs below it. Default: what the framework reports for the request, which
   * depends on `Host` and on its settings for proxies.
   */
  readonly baseUrl?: string;
  /**
   * Publishes metadata about this API (RFC 9728), so that clients can find out where to get access tokens.
   * Give its resource identifier, an https URL such as `https://inventory.example.com`, or
   * {@link ResourceOptions}. Challenges then name the URL of the metadata, and those with status 401 also the
   * scopes that the route requires, if they're known. Default: nothing is published.
   */
  readonly resource?: string | ResourceOptions;
  /**
   * `'respond'` (default) sends the answer; `'next'` hands the typed error to the framework's own error path,
   * with status and challenge already set on the response where the framework allows it.
   */
  readonly errors?: 'respond' | 'next';
  /**
   * `'development'` (default): unless `NODE_ENV` is `production`, the first refusal in a minute with 502 or
   * 503, and the first with `iss_mismatch` or `aud_mismatch`, becomes a process warning that says what to
   * look at. There are none if `logRefusals` or `NODE_DEBUG=oauth-resource-server` shows refusals anyway.
   * `'off'`: never.
   */
  readonly refusalWarnings?: 'development' | 'off';
  /**
   * Allows plain http for hosts other than loopback: for all of them, or for a list of origins such as
   * `['http://sso.internal:8080']`. Default false.
   *
   * Security: anyone on the path can choose the keys.
   */
  readonly allowInsecureRequests?: boolean | readonly string[];
  /**
   * Used for every request to an issuer (metadata, keys, introspection) instead of the global `fetch`, for
   * example through a proxy or with a private certificate authority.
   */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
}

/** The options of a resource server as plain data, with every default filled in. */
export interface Settings extends PublishedSettings {
  readonly runtime: Runtime;
  /** By issuer identifier. */
  readonly issuers: ReadonlyMap<string, IssuerSettings>;
  /** Undefined if only these issuers are trusted. */
  readonly issuerResolution: IssuerResolution | undefined;
  readonly optional: boolean;
  /** How many verified tokens are remembered; 0 for none. */
  readonly maxTokens: number;
  /** The schemes whose credentials are read from the header. */
  readonly headerSchemes: ReadonlySet<Scheme>;
  /** Undefined if DPoP is off. */
  readonly dpop: DpopSettings | undefined;
  /** Undefined if certificate-bound access tokens are refused. */
  readonly certificate: CertificateSource | undefined;
  /** Undefined if the application gave no function. */
  readonly revocation: RevocationSettings | undefined;
  readonly impliedScopes: ImpliedScopes;
  readonly realm: string;
  /** Undefined if nothing is published. */
  readonly resource: ResourceSettings | undefined;
  readonly errors: 'respond' | 'next';
  readonly refusalWarnings: 'development' | 'off';
}

const MAX_TOKENS = 10_000;
const CACHE = optional(
  object({ maxTokens: optional(wholeNumberBetween(1, 1_000_000), MAX_TOKENS) }, 'an object, or false'),
  { maxTokens: MAX_TOKENS },
);

const CHECKS = {
  issuer: unchecked,
  audience: identifiers(textOrTexts),
  algorithms: optional(someOf(ALGORITHMS), ALGORITHMS),
  clockToleranceSeconds: optional(numberBetween(0, 300), 5),
  tokenType: optional(oneOf(TOKEN_TYPES), 'any'),
  bearerMethods: optional(someOf(BEARER_METHODS), ['header']),
  optional: optional(flag, false),
  impliedScopes: optional(checkImpliedScopes, Object.freeze(Object.create(null))),
  realm: optional(textLike(/^[\x20-\x7e]+$/, 'printable ASCII characters'), 'api'),
  cache: (given: unknown, path: string) => (given === false ? { maxTokens: 0 } : CACHE(given, path)),
  keys: keysCheck(DEFAULT_KEYS),
  dpop: unchecked,
  baseUrl: unchecked,
  mtls: checkMtls,
  isRevoked: optional<(auth: Auth) => unknown>(callable),
  revocationTimeoutSeconds: optional(numberBetween(0.001, 60), 2),
  resource: unchecked,
  errors: optional(oneOf(['respond', 'next'] as const), 'respond'),
  refusalWarnings: optional(oneOf(['development', 'off'] as const), 'development'),
  allowInsecureRequests: optional(checkInsecureRequests, false),
  fetch: optional<typeof globalThis.fetch>(callable, (input, init) => globalThis.fetch(input, init)),
  clock: optional<() => number>(callable, () => Date.now()),
} satisfies Checks<ResourceServerOptions>;

/** Options of {@link TrustedIssuer} alone. With `satisfies`, the compiler says if one is missing. */
const OF_ISSUERS = Object.keys({
  jwksUri: 0,
  jwks: 0,
  metadataUrl: 0,
  audienceMayBeClient: 0,
  nonceMayBePresent: 0,
  clientIds: 0,
  isAccessToken: 0,
  scopeClaim: 0,
  clientIdClaim: 0,
  introspection: 0,
} satisfies Record<Exclude<keyof TrustedIssuer, keyof ResourceServerOptions>, 0>);

function describeIssuerOption(name: string): string | undefined {
  if (!OF_ISSUERS.includes(name)) return undefined;
  return `it belongs to an issuer: issuer: { issuer: '…', ${name}: … }`;
}

/**
 * Checks the options and fills in the defaults. Creates nothing that would have to be closed.
 *
 * @throws {OptionError} a TypeError that names the option, what it got (the type, never a value that could be
 *   secret) and what it takes
 */
export function checkOptions(options: ResourceServerOptions): Settings {
  if (typeof options === 'object' && options !== null && 'admitsAnonymous' in options)
    throw new TypeError(
      'createResourceServer takes options, not a resource server. If you passed one to an adapter, it ' +
        'comes from another copy of oauth-resource-server; install only one ' +
        "(npm ls oauth-resource-server), and don't reset modules in a test",
    );
  const checked = checkObject(options, '', CHECKS, undefined, describeIssuerOption);
  const { allowInsecureRequests, clock, clockToleranceSeconds, fetch, bearerMethods, isRevoked } = checked;
  const { issuers, issuerResolution } = checkIssuers(checked.issuer, checked);
  const baseUrl = optional(baseUrlCheck(allowInsecureRequests))(checked.baseUrl, 'baseUrl');
  const dpop = checkDpop(checked.dpop, baseUrl);
  // A bearer token may also be elsewhere. Under the scheme `DPoP` it's only in the header (RFC 9449 §7.1).
  const headerSchemes = new Set<Scheme>(bearerMethods.includes('header') ? ['Bearer'] : []);
  if (dpop !== undefined) headerSchemes.add('DPoP');
  return {
    runtime: { clock, clockToleranceSeconds, fetch, allowInsecureRequests },
    issuers,
    issuerResolution,
    bearerMethods: new Set(bearerMethods),
    optional: checked.optional,
    maxTokens: checked.cache.maxTokens,
    headerSchemes,
    schemes: acceptedSchemes(dpop),
    dpop,
    proofAlgorithms: dpop?.algorithms ?? [],
    certificate: checked.mtls,
    acceptsCertificates: checked.mtls !== undefined,
    revocation: isRevoked && { isRevoked, timeoutSeconds: checked.revocationTimeoutSeconds },
    impliedScopes: checked.impliedScopes,
    realm: checked.realm,
    resource: checkResource(
      checked.resource,
      [...issuers.keys()],
      issuerResolution !== undefined,
      allowInsecureRequests,
    ),
    errors: checked.errors,
    refusalWarnings: checked.refusalWarnings,
  };
}

function acceptedSchemes(dpop: DpopSettings | undefined): readonly Scheme[] {
  if (dpop === undefined) return ['Bearer'];
  return dpop.isRequired ? ['DPoP'] : ['Bearer', 'DPoP'];
}
