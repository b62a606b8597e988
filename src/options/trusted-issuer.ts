import type { JSONWebKeySet } from 'jose';
import type { JoseHeader, StandardClaims } from '../auth.js';
import { checkConfiguredKeys } from '../issuer/configured-keys.js';
import type { IssuerSettings, KeyOrigin } from '../issuer/issuer.js';
import type { KeysPolicy } from '../issuer/keys-policy.js';
import {
  badOption,
  type Check,
  type Checks,
  callable,
  checkObject,
  flag,
  identifiers,
  idOrSecret,
  numberBetween,
  object,
  oneOf,
  optional,
  someOf,
  textLike,
  textOrTexts,
  texts,
  unchecked,
  YEAR_SECONDS,
} from '../lib/check.js';
import {
  BASE_URL,
  hasPlaceholder,
  httpsUrl,
  type InsecureRequests,
  isIssuerIdentifier,
  issuerIdentifier,
  refuseMetadataUrl,
} from '../lib/url.js';
import { ALGORITHMS, type Algorithm, TOKEN_TYPES, type TokenType } from '../terms.js';
import type { ClientSource, ScopeSource } from '../token/token-rules.js';
import { type IntrospectionOptions, introspectionCheck } from './introspection.js';
import { checkScopeClaim, type ScopeClaim } from './scope-claim.js';

/** How an issuer's metadata and keys are fetched, kept and renewed. All durations are in seconds. */
export interface KeysOptions {
  /**
   * How long fetched keys are used before they're fetched again; 1 to a year. Default 600. The issuer's
   * `Cache-Control: max-age`, less `Age`, can shorten it down to `cooldownSeconds` and lengthen it up to six
   * times. A key that the issuer withdrew stays trusted at most that long, and longer only while the issuer
   * can't be reached.
   */
  readonly maxAgeSeconds?: number;
  /**
   * How much longer the last good keys are used while the issuer doesn't answer; 0 to a year. Default 86400,
   * a day. With 0, requests get a 503 as soon as a renewal fails.
   */
  readonly staleIfErrorSeconds?: number;
  /**
   * How long to wait before another fetch for unknown key ids, and the longest pause between attempts after
   * failures; 0 to a year. Default 30. With 0, every unknown key id causes a fetch: for tests only.
   */
  readonly cooldownSeconds?: number;
  /** Time limit of one refresh, bodies included; above 0, at most 60. Default 5. */
  readonly timeoutSeconds?: number;
}

/**
 * An issuer whose tokens are accepted. With `jwks` there's no network at all, with `jwksUri` no discovery.
 * Otherwise the metadata is found by RFC 8414 or OpenID Connect Discovery, or at `metadataUrl`. Give at most
 * one of the three.
 */
export interface TrustedIssuer {
  /**
   * The issuer identifier, equal to the tokens' `"iss"` character by character: an https URL (http only for
   * loopback hosts). With `jwks` or `jwksUri` it isn't used as an address, so any text works, such as
   * `urn:example:issuer`.
   */
  readonly issuer: string;
  /** The URL of the keys. */
  readonly jwksUri?: string;
  /**
   * The keys themselves, or a function that returns them and is called instead of a fetch (keys from a vault
   * or a file). Its failures count as an outage of the issuer.
   */
  readonly jwks?: JSONWebKeySet | (() => JSONWebKeySet | Promise<JSONWebKeySet>);
  /** The URL of the metadata, if the issuer publishes it at an unusual place. */
  readonly metadataUrl?: string;
  /** This API's identifiers at this issuer, instead of the common `audience`. */
  readonly audience?: string | readonly string[];
  /**
   * Accepts tokens whose only audience is their own client. You need it if one registration serves both an
   * application and its API (Entra ID), or if the issuer sets no other audience (authentik). Default false,
   * because ID tokens look like that. Tokens with other marks of an ID token, `nonce` and `at_hash`, are
   * still refused.
   */
  readonly audienceMayBeClient?: boolean;
  /**
   * Accepts tokens with the `nonce` of a login, for issuers that put it into access tokens too (Azure AD
   * B2C). Default false, because only ID tokens should have it. All other marks of an ID token are still
   * refused.
   */
  readonly nonceMayBePresent?: boolean;
  /**
   * For issuers whose access tokens have no `"aud"` (Amazon Cognito). Tokens without it are accepted if their
   * client is on this list. Tokens with `"aud"` are still checked against the audience.
   */
  readonly clientIds?: readonly string[];
  /** Instead of the common `algorithms`. */
  readonly algorithms?: readonly Algorithm[];
  /** Instead of the common `tokenType`. */
  readonly tokenType?: TokenType;
  /**
   * Says whether a token is an access token, instead of the rule that it must have a scope or a client
   * (docs/security.md). Called after the signature was verified. Only `true` accepts. ID tokens are still
   * rejected.
   */
  readonly isAccessToken?: (header: JoseHeader, claims: StandardClaims) => boolean;
  /**
   * Where the granted scopes are: a claim that is a space-separated string or an array, a list of claims
   * whose scopes add up (`['scp', 'roles']`), or a function of the verified claims. A path such as
   * `realm_access.roles` reads nested claims. Default `scope`, which must be a string. Values that aren't
   * scopes (RFC 6749 §3.3) are left out. A function that throws or doesn't return an array grants nothing.
   */
  readonly scopeClaim?: ScopeClaim;
  /**
   * The claim that names the client. Default `client_id`.
   *
   * Or a function that names it from the verified claims: called once per token, after the signature was
   * verified. If it doesn't return a string, or throws, the token is refused (`not_an_access_token`). So it
   * also replaces the rule that a token must have a scope or a client, and it can't be combined with
   * `clientIds`.
   */
  readonly clientIdClaim?: ClientSource;
  /** Overrides the common `keys`, member by member. */
  readonly keys?: KeysOptions;
  /**
   * Asks the issuer about tokens that can't be verified by a signature (RFC 7662): opaque ones. Default: only
   * JWTs are accepted.
   */
  readonly introspection?: IntrospectionOptions;
}

/** What issuers inherit from the options around them. */
export interface IssuerDefaults {
  readonly audience: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly tokenType: TokenType;
  readonly keys: KeysPolicy;
  readonly allowInsecureRequests: InsecureRequests;
}

/** The defaults of {@link KeysOptions}. */
export const DEFAULT_KEYS: KeysPolicy = {
  maxAgeSeconds: 600,
  staleIfErrorSeconds: 86_400,
  cooldownSeconds: 30,
  timeoutSeconds: 5,
};
const IDENTIFIER = `${BASE_URL}; with jwks or jwksUri any text`;

/** Checks the option `keys`. Members that aren't given are as in `defaults`. */
export function keysCheck(defaults: KeysPolicy): Check<KeysPolicy> {
  const checks = {
    maxAgeSeconds: optional(numberBetween(1, YEAR_SECONDS), defaults.maxAgeSeconds),
    staleIfErrorSeconds: optional(numberBetween(0, YEAR_SECONDS), defaults.staleIfErrorSeconds),
    cooldownSeconds: optional(numberBetween(0, YEAR_SECONDS), defaults.cooldownSeconds),
    timeoutSeconds: optional(numberBetween(0.001, 60), defaults.timeoutSeconds),
  } satisfies Checks<KeysOptions>;
  return optional(object(checks), defaults);
}

/** Checks one issuer, and fills in what it inherits. */
export function checkIssuer(entry: unknown, path: string, defaults: IssuerDefaults): IssuerSettings {
  const { allowInsecureRequests } = defaults;
  const url = optional(httpsUrl(allowInsecureRequests));
  // An identifier that isn't looked up is a name, not an address.
  const hasKeys = ['jwks', 'jwksUri'].some((name) => Reflect.get(Object(entry), name) !== undefined);
  const identifier = identifierCheck(hasKeys, allowInsecureRequests);
  const checks = {
    issuer: identifier,
    jwksUri: url,
    jwks: optional(checkJwks),
    metadataUrl: url,
    audience: optional(identifiers(textOrTexts), defaults.audience),
    audienceMayBeClient: optional(flag, false),
    nonceMayBePresent: optional(flag, false),
    clientIds: optional(identifiers(texts), []),
    algorithms: optional(someOf(ALGORITHMS), defaults.algorithms),
    tokenType: optional(oneOf(TOKEN_TYPES), defaults.tokenType),
    isAccessToken: optional(callable<(header: JoseHeader, claims: StandardClaims) => boolean>),
    scopeClaim: optional(checkScopeClaim, 'standard' as ScopeSource),
    clientIdClaim: optional(checkClientIdClaim, 'client_id'),
    keys: keysCheck(defaults.keys),
    introspection: unchecked,
  } satisfies Checks<TrustedIssuer>;
  const given = typeof entry === 'string' ? { issuer: identifier(entry, path) } : entry;
  const takes = 'an issuer identifier, a trusted issuer, a function, or a list of them';
  const checked = checkObject(given, path, checks, takes);
  const { jwks, jwksUri, metadataUrl } = checked;
  const sources = (['jwks', 'jwksUri', 'metadataUrl'] as const).filter((name) => checked[name] !== undefined);
  if (sources.length > 1)
    throw badOption(path, `takes one of jwks, jwksUri and metadataUrl, got ${sources.join(' and ')}`);
  if (typeof checked.clientIdClaim === 'function' && checked.clientIds.length > 0)
    throw badOption(`${path}.clientIds`, 'needs clientIdClaim to be the name of a claim, got a function');
  const { issuer, audienceMayBeClient, nonceMayBePresent, tokenType, isAccessToken, clientIdClaim } = checked;
  const rules = {
    ...{ issuer, audienceMayBeClient, nonceMayBePresent, tokenType, isAccessToken, clientIdClaim },
    audience: new Set(checked.audience),
    clientIds: new Set(checked.clientIds),
    algorithms: new Set<string>(checked.algorithms),
    scopeSource: checked.scopeClaim,
  };
  const introspection = optional(introspectionCheck(rules, allowInsecureRequests))(
    checked.introspection,
    `${path}.introspection`,
  );
  const isAddress = isIssuerIdentifier(checked.issuer, allowInsecureRequests);
  if (!isAddress && typeof introspection?.asks === 'object' && introspection.asks.url === undefined)
    throw badOption(
      `${path}.introspection.endpoint`,
      'is needed: an issuer that is not a URL has no metadata',
    );
  return {
    rules,
    keyOrigin: jwks ?? (jwksUri === undefined ? { kind: 'discovered' } : { kind: 'url', jwksUri }),
    keys: checked.keys,
    metadataUrl,
    introspection,
  };
}

/** @param isName whether it's only compared, never looked up */
function identifierCheck(isName: boolean, allowInsecureRequests: InsecureRequests): Check<string> {
  const check = isName ? idOrSecret : issuerIdentifier(allowInsecureRequests, IDENTIFIER);
  return (given, path) => {
    refuseMetadataUrl(given, path);
    if (typeof given === 'string' && hasPlaceholder(given))
      throw badOption(path, 'has a placeholder in it: an issuer is one string, and a function can name many');
    return check(given, path);
  };
}

function checkClientIdClaim(given: unknown, path: string): ClientSource {
  if (typeof given === 'function') return callable(given, path);
  return textLike(/./s, 'a non-empty string, or a function')(given, path);
}

function checkJwks(given: unknown, path: string): KeyOrigin {
  if (typeof given === 'function') return { kind: 'function', load: callable(given, path) };
  return { kind: 'fixed', members: checkConfiguredKeys(given, path) };
}
