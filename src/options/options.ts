import type { PublishedSettings, ResourceSettings } from '../answer/resource-metadata.js';
import type { Auth } from '../auth.js';
import type { IssuerSettings } from '../issuer/issuer.js';
import type { IssuerResolution } from '../issuer/trusted-issuers.js';
import {
  type Checks,
  callable,
  checkObject,
  flag,
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
   * Whose tokens are accepted: an issuer identifier (its keys are discovered), a {@link TrustedIssuer}, an
   * {@link IssuerResolver} for those that are known at run time only, or a list of these with at most one
   * function.
   */
  readonly issuer:
    | string
    | TrustedIssuer
    | IssuerResolver
    | readonly (string | TrustedIssuer | IssuerResolver)[];
  /** This API's identifiers: a token's `"aud"` must contain one of them exactly (RFC 9068 §4). */
  readonly audience: string | readonly string[];
  /** Accepted signature algorithms. Default: all of {@link Algorithm}. */
  readonly algorithms?: readonly Algorithm[];
  /** Tolerated difference between the issuer's clock and ours, in seconds, 0 to 300. Default 5. */
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
   * Broader scopes and the narrower ones that each implies: with `{ write: ['read'] }` a token that was
   * granted `write` opens routes that require `read`. What those imply in turn is implied too. `auth.scopes`
   * stays what was granted. Default: no scope implies another.
   */
  readonly impliedScopes?: Readonly<Record<string, readonly string[]>>;
  /** The `realm` of the challenge (RFC 9110 §11.5), printable ASCII. Default `api`. */
  readonly realm?: string;
  /**
   * Verified tokens are remembered until they expire, `maxTokens` of them at most (default 10000, 1 to
   * 1000000; about 8 MB of heap, tokens with many claims count as several), so that only the first use of a
   * token pays for its signature. `false` verifies every token each time.
   */
  readonly cache?: { readonly maxTokens?: number } | false;
  /** See {@link KeysOptions}. */
  readonly keys?: KeysOptions;
  /**
   * Accepts access tokens that are bound to a client certificate (RFC 8705), from clients that show it:
   * `true` takes it from the TLS connection, which the server then has to ask for, an object from a header
   * field that a proxy sets. Default false: such tokens are refused. Tokens that aren't bound are always
   * accepted.
   */
  readonly mtls?: boolean | MtlsProxyOptions;
  /**
   * Says whether an access token was revoked: a look-up by `"jti"`, `"sub"` or `"sid"`, say. Called for every
   * request with a valid token, so it must be quick; only `false` accepts. An exception, an answer that isn't
   * a boolean, or none in time is answered with 503.
   */
  readonly isRevoked?: (auth: Auth) => boolean | Promise<boolean>;
  /** Time limit of `isRevoked`, in seconds, above 0, at most 60. Default 2. */
  readonly revocationTimeoutSeconds?: number;
  /**
   * What is done with access tokens that are bound to a key of the client (RFC 9449). `'allowed'` (default):
   * they're accepted under the scheme `DPoP` with a proof of possession, others as bearer tokens.
   * `'required'`: only bound ones are accepted. `'off'`: bound ones are refused. An object says more, see
   * {@link DpopOptions}.
   */
  readonly dpop?: 'allowed' | 'required' | 'off' | DpopOptions;
  /**
   * Where clients find this API: an https URL (http only for loopback hosts), with the path that proxies take
   * away before requests arrive here. DPoP proofs are for URLs below it. Default: what the framework says of
   * the request, which depends on `Host` and on how it's told to trust proxies.
   */
  readonly baseUrl?: string;
  /**
   * What this API publishes about itself (RFC 9728), so that clients find out by themselves where to get
   * access tokens: its resource identifier, an https URL such as `https://inventory.example.com`, or {@link
   * ResourceOptions}. Challenges then name the URL of the metadata, and those with status 401 the scopes that
   * the route requires, if these are known. Default: nothing is published.
   */
  readonly resource?: string | ResourceOptions;
  /**
   * `'respond'` (default) sends the answer; `'next'` hands the typed error to the framework's own error path,
   * with the challenge already set on the response.
   */
  readonly errors?: 'respond' | 'next';
  /**
   * `'development'` (default): unless `NODE_ENV` is `production`, the first refusal with 503 and the first
   * with `iss_mismatch` or `aud_mismatch` of a minute is a process warning, which says what to look at. Not
   * if `logRefusals` or `NODE_DEBUG=oauth-resource-server` shows refusals anyway. `'off'`: never.
   */
  readonly refusalWarnings?: 'development' | 'off';
  /**
   * Allows plain http for other hosts than loopback: for all of them, or for a list of origins such as
   * `['http://sso.internal:8080']`. Default false. Security: anyone on the path chooses the keys.
   */
  readonly allowInsecureRequests?: boolean | readonly string[];
  /**
   * Used for metadata and keys, in place of the global `fetch`: for proxies and private certificate
   * authorities.
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
  /** Undefined if no others are trusted than these. */
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
  /** Undefined if the application doesn't want to be asked. */
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
  audience: textOrTexts,
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

/**
 * Checks the options and fills in the defaults. Makes nothing that would have to be closed.
 *
 * @throws {OptionError} a TypeError that names the option, what it got (its type, never a value that could be
 *   secret) and what it takes
 */
export function checkOptions(options: ResourceServerOptions): Settings {
  const checked = checkObject(options, '', CHECKS);
  const { allowInsecureRequests, clock, clockToleranceSeconds, fetch, bearerMethods, isRevoked } = checked;
  const { issuers, issuerResolution } = checkIssuers(checked.issuer, checked);
  const baseUrl = optional(baseUrlCheck(allowInsecureRequests))(checked.baseUrl, 'baseUrl');
  const dpop = checkDpop(checked.dpop, baseUrl);
  // A bearer token may be elsewhere too; under the scheme `DPoP` it's in the header and nowhere else (RFC
  // 9449 §7.1).
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
