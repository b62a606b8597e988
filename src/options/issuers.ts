import { ALGORITHMS } from '../algorithms.js';
import { checkConfiguredKeys, importConfiguredKeys } from '../issuer/configured-keys.js';
import { FixedKeySet, type KeySet } from '../issuer/key-set.js';
import { discoverySource, functionSource, jwksUriSource, type KeySource } from '../issuer/key-source.js';
import { type KeysPolicy, RefreshingKeySet } from '../issuer/refreshing-key-set.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import {
  checkNames,
  choice,
  choices,
  functionOf,
  numberBetween,
  optionError,
  stringList,
  stringOf,
  stringOrList,
} from '../lib/check.js';
import { isAcceptableUrl, isIssuerIdentifier } from '../lib/url.js';
import { checkOpaqueIssuers, resolveIntrospection } from './introspection.js';
import type { Algorithm, KeysOptions, ResourceServerOptions, TokenType, TrustedIssuer } from './options.js';

export const TOKEN_TYPES: readonly TokenType[] = ['any', 'at+jwt'];
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
  'introspection',
];
const KEYS_NAMES: readonly (keyof KeysOptions)[] = [
  'maxAgeSeconds',
  'staleIfErrorSeconds',
  'cooldownSeconds',
  'timeoutSeconds',
];

/** What {@link KeysOptions} are where nothing is said. */
export const DEFAULT_KEYS: KeysPolicy = {
  maxAgeSeconds: 600,
  staleIfErrorSeconds: 86_400,
  cooldownSeconds: 30,
  timeoutSeconds: 5,
};
/** Durations beyond a year are mistakes, most often milliseconds. */
const YEAR_SECONDS = 31_536_000;

/** What issuers inherit from the options around them. */
export interface IssuerDefaults {
  readonly audience: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly tokenType: TokenType;
  readonly keys: KeysPolicy;
  readonly clockToleranceSeconds: number;
  readonly allowInsecureRequests: boolean;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: () => number;
}

/**
 * The issuers of the option `issuer`, by identifier.
 *
 * @throws {TypeError} naming the option that is wrong
 */
export function resolveIssuers(
  given: ResourceServerOptions['issuer'],
  defaults: IssuerDefaults,
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
  checkOpaqueIssuers(issuers.values());
  return issuers;
}

function resolveIssuer(
  entry: string | TrustedIssuer,
  name: string,
  defaults: IssuerDefaults,
): ResolvedIssuer {
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
  const resolved = {
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
  const introspection = resolveIntrospection(given.introspection, `${name}.introspection`, {
    ...defaults,
    ...resolved,
    metadataUrl: given.metadataUrl,
    maxAgeSeconds: given.keys?.maxAgeSeconds ?? defaults.keys.maxAgeSeconds,
  });
  return { ...resolved, introspection };
}

function resolveKeySet(given: TrustedIssuer, name: string, defaults: IssuerDefaults): KeySet {
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
    return new FixedKeySet(importConfiguredKeys(checkConfiguredKeys(jwks, `${name}.jwks`), given.issuer));
  const source = jwks === undefined ? remoteSource(given, name, policy, defaults) : functionSource(jwks);
  return new RefreshingKeySet(given.issuer, source, policy, defaults.clock);
}

function remoteSource(
  given: TrustedIssuer,
  name: string,
  policy: KeysPolicy,
  defaults: IssuerDefaults,
): KeySource {
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
    staleIfErrorSeconds: policy.staleIfErrorSeconds,
  });
}

/**
 * The option `keys`.
 *
 * @param defaults what is not said
 * @throws {TypeError} naming the member that is wrong
 */
export function resolveKeys(given: KeysOptions | undefined, defaults: KeysPolicy, name: string): KeysPolicy {
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
