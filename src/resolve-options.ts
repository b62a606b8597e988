import { isAcceptableUrl, isIssuerIdentifier } from './issuer-url.js';
import { checkConfiguredKeys, importConfiguredKeys } from './keys/configured-keys.js';
import { createFixedKeySet, type KeySet } from './keys/key-set.js';
import { discoverySource, functionSource, jwksUriSource, type KeySource } from './keys/key-source.js';
import { type KeysPolicy, RefreshingKeySet } from './keys/refreshing-key-set.js';
import {
  checkNames,
  choice,
  choices,
  flag,
  functionOf,
  numberBetween,
  optionError,
  stringList,
  stringOf,
  stringOrList,
} from './option-checks.js';
import type {
  Algorithm,
  BearerMethod,
  KeysOptions,
  ResourceServerOptions,
  TrustedIssuer,
} from './options.js';
import type { ResolvedIssuer } from './trusted-issuer.js';

const ALGORITHMS: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const TOKEN_TYPES = ['any', 'at+jwt'] as const;
const BEARER_METHODS = ['header', 'body', 'query'] as const;
const OPTION_NAMES: readonly (keyof ResourceServerOptions)[] = [
  'issuer',
  'audience',
  'algorithms',
  'clockToleranceSeconds',
  'tokenType',
  'bearerMethods',
  'optional',
  'realm',
  'cache',
  'keys',
  'errors',
  'allowInsecureRequests',
  'fetch',
  'clock',
];
const ISSUER_NAMES: readonly (keyof TrustedIssuer)[] = [
  'issuer',
  'jwksUri',
  'jwks',
  'metadataUrl',
  'audience',
  'clientIds',
  'algorithms',
  'tokenType',
  'isAccessToken',
  'scopeClaim',
  'clientIdClaim',
  'keys',
];
const KEYS_NAMES: readonly (keyof KeysOptions)[] = [
  'maxAgeSeconds',
  'staleIfErrorSeconds',
  'cooldownSeconds',
  'timeoutSeconds',
];

export const DEFAULT_KEYS: KeysPolicy = {
  maxAgeSeconds: 600,
  staleIfErrorSeconds: 86_400,
  cooldownSeconds: 30,
  timeoutSeconds: 5,
};
const DEFAULT_MAX_TOKENS = 10_000;
/** Durations beyond a year are mistakes, most often milliseconds. */
const YEAR_SECONDS = 31_536_000;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly issuers: ReadonlyMap<string, ResolvedIssuer>;
  readonly algorithms: ReadonlySet<string>;
  readonly clockToleranceSeconds: number;
  readonly bearerMethods: ReadonlySet<BearerMethod>;
  readonly optional: boolean;
  /** How many verified tokens are remembered; 0 for none. */
  readonly maxTokens: number;
  readonly realm: string;
  readonly errors: 'respond' | 'next';
  readonly clock: () => number;
}

/** What issuers inherit from the options around them. */
interface Defaults {
  readonly audience: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly tokenType: (typeof TOKEN_TYPES)[number];
  readonly keys: KeysPolicy;
  readonly allowInsecureRequests: boolean;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: () => number;
}

/**
 * Checks the options and fills in the defaults, once, when a resource server is built.
 *
 * @throws {TypeError} naming the option, what it got (its type, never a value that could be secret) and what it takes
 */
export function resolveOptions(options: ResourceServerOptions): ResolvedOptions {
  checkNames(options, OPTION_NAMES, 'options');
  const clock = functionOf(options.clock, 'clock') ?? Date.now;
  const defaults: Defaults = {
    audience: stringOrList(options.audience, 'audience'),
    algorithms: choices(options.algorithms, ALGORITHMS, 'algorithms') ?? ALGORITHMS,
    tokenType: choice(options.tokenType, TOKEN_TYPES, 'tokenType') ?? 'any',
    keys: resolveKeys(options.keys, DEFAULT_KEYS, 'keys'),
    allowInsecureRequests: flag(options.allowInsecureRequests, 'allowInsecureRequests'),
    fetch: functionOf(options.fetch, 'fetch') ?? ((input, init) => globalThis.fetch(input, init)),
    clock,
  };
  const issuers = resolveIssuers(options.issuer, defaults);
  return {
    issuers,
    algorithms: new Set([...issuers.values()].flatMap(({ algorithms }) => [...algorithms])),
    clockToleranceSeconds: numberBetween(options.clockToleranceSeconds, 0, 300, 'clockToleranceSeconds') ?? 5,
    bearerMethods: new Set(choices(options.bearerMethods, BEARER_METHODS, 'bearerMethods') ?? ['header']),
    optional: flag(options.optional, 'optional'),
    realm: realmOf(options.realm),
    maxTokens: maxTokensOf(options.cache),
    errors: choice(options.errors, ['respond', 'next'] as const, 'errors') ?? 'respond',
    clock,
  };
}

function resolveIssuers(
  given: ResourceServerOptions['issuer'],
  defaults: Defaults,
): ReadonlyMap<string, ResolvedIssuer> {
  const list: readonly (string | TrustedIssuer)[] = isList(given) ? given : [given];
  if (list.length === 0) throw optionError('issuer', 'an issuer, or a list of at least one', given);
  const issuers = new Map<string, ResolvedIssuer>();
  for (const [index, entry] of list.entries()) {
    const name = isList(given) ? `issuer[${index}]` : 'issuer';
    const resolved = resolveIssuer(entry, name, defaults);
    if (issuers.has(resolved.issuer))
      throw new TypeError(`option "${name}" names an issuer that is in the list already`);
    issuers.set(resolved.issuer, resolved);
  }
  return issuers;
}

function resolveIssuer(entry: string | TrustedIssuer, name: string, defaults: Defaults): ResolvedIssuer {
  const given = typeof entry === 'string' ? { issuer: entry } : entry;
  checkNames(given, ISSUER_NAMES, name, 'an issuer identifier, a trusted issuer, or a list of them');
  const { issuer } = given;
  if (!isIssuerIdentifier(issuer, defaults.allowInsecureRequests)) {
    throw optionError(
      given === entry ? `${name}.issuer` : name,
      'an absolute https URL without query and fragment (http only for loopback hosts, or with allowInsecureRequests)',
      issuer,
    );
  }
  return {
    issuer,
    audience: new Set(
      given.audience === undefined ? defaults.audience : stringOrList(given.audience, `${name}.audience`),
    ),
    clientIds: new Set(given.clientIds === undefined ? [] : stringList(given.clientIds, `${name}.clientIds`)),
    algorithms: new Set(choices(given.algorithms, ALGORITHMS, `${name}.algorithms`) ?? defaults.algorithms),
    tokenType: choice(given.tokenType, TOKEN_TYPES, `${name}.tokenType`) ?? defaults.tokenType,
    isAccessToken: functionOf(given.isAccessToken, `${name}.isAccessToken`),
    scopeClaim: stringOf(given.scopeClaim, `${name}.scopeClaim`) ?? 'scope',
    clientIdClaim: stringOf(given.clientIdClaim, `${name}.clientIdClaim`) ?? 'client_id',
    scopeMayBeArray: given.scopeClaim !== undefined,
    keySet: resolveKeySet(given, name, defaults),
  };
}

function resolveKeySet(given: TrustedIssuer, name: string, defaults: Defaults): KeySet {
  const sources = (['jwks', 'jwksUri', 'metadataUrl'] as const).filter(
    (source) => given[source] !== undefined,
  );
  if (sources.length > 1)
    throw new TypeError(
      `option "${name}" takes one of jwks, jwksUri and metadataUrl, got ${sources.join(' and ')}`,
    );
  const policy = resolveKeys(given.keys, defaults.keys, `${name}.keys`);
  const { jwks } = given;
  if (jwks !== undefined && typeof jwks !== 'function')
    return createFixedKeySet(importConfiguredKeys(checkConfiguredKeys(jwks, `${name}.jwks`), given.issuer));
  const source = jwks === undefined ? remoteSource(given, name, policy, defaults) : functionSource(jwks);
  return new RefreshingKeySet(given.issuer, source, policy, defaults.clock);
}

function remoteSource(given: TrustedIssuer, name: string, policy: KeysPolicy, defaults: Defaults): KeySource {
  const { fetch, clock, allowInsecureRequests } = defaults;
  const jwksUri = urlOf(given.jwksUri, `${name}.jwksUri`, allowInsecureRequests);
  if (jwksUri !== undefined) return jwksUriSource(jwksUri, fetch);
  const metadataUrl = urlOf(given.metadataUrl, `${name}.metadataUrl`, allowInsecureRequests);
  return discoverySource(given.issuer, {
    fetch,
    clock,
    allowInsecureRequests,
    metadataUrl,
    maxAgeSeconds: policy.maxAgeSeconds,
  });
}

function resolveKeys(given: KeysOptions | undefined, defaults: KeysPolicy, name: string): KeysPolicy {
  if (given === undefined) return defaults;
  checkNames(given, KEYS_NAMES, name);
  return {
    maxAgeSeconds:
      numberBetween(given.maxAgeSeconds, 1, YEAR_SECONDS, `${name}.maxAgeSeconds`) ?? defaults.maxAgeSeconds,
    staleIfErrorSeconds:
      numberBetween(given.staleIfErrorSeconds, 0, YEAR_SECONDS, `${name}.staleIfErrorSeconds`) ??
      defaults.staleIfErrorSeconds,
    cooldownSeconds:
      numberBetween(given.cooldownSeconds, 0, YEAR_SECONDS, `${name}.cooldownSeconds`) ??
      defaults.cooldownSeconds,
    timeoutSeconds:
      numberBetween(given.timeoutSeconds, 0.001, 60, `${name}.timeoutSeconds`) ?? defaults.timeoutSeconds,
  };
}

function maxTokensOf(given: ResourceServerOptions['cache']): number {
  if (given === false) return 0;
  if (given === undefined) return DEFAULT_MAX_TOKENS;
  checkNames(given, ['maxTokens'], 'cache', 'an object, or false');
  const maxTokens = numberBetween(given.maxTokens, 1, 1_000_000, 'cache.maxTokens') ?? DEFAULT_MAX_TOKENS;
  if (!Number.isInteger(maxTokens)) throw optionError('cache.maxTokens', 'a whole number', given.maxTokens);
  return maxTokens;
}

function realmOf(given: unknown): string {
  const realm = stringOf(given, 'realm');
  if (realm !== undefined && !PRINTABLE_ASCII.test(realm))
    throw optionError('realm', 'printable ASCII characters', given);
  return realm ?? 'api';
}

function urlOf(given: unknown, name: string, allowInsecureRequests: boolean): string | undefined {
  if (given === undefined || isAcceptableUrl(given, { allowInsecureRequests, allowLoopback: true }))
    return given;
  throw optionError(
    name,
    'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests)',
    given,
  );
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
