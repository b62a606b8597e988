import { ALGORITHMS } from '../algorithms.js';
import type { ChallengePolicy } from '../answer/denial.js';
import type { ResolvedIssuer } from '../issuer/trusted-issuer.js';
import {
  checkNames,
  choice,
  choices,
  flag,
  functionOf,
  numberBetween,
  optionError,
  stringOf,
  stringOrList,
  wholeNumberBetween,
} from '../lib/check.js';
import type { Bindings } from '../proof/confirmation.js';
import type { Scheme } from '../request/authorization-header.js';
import { type RevocationCheck, revocationCheck } from '../verification/revocation.js';
import { baseUrlOf, resolveDpop } from './dpop.js';
import { DEFAULT_KEYS, type IssuerDefaults, resolveIssuers, resolveKeys, TOKEN_TYPES } from './issuers.js';
import { resolveMtls } from './mtls.js';
import type { BearerMethod, ResourceServerOptions } from './options.js';
import { type ResolvedResource, resolveResource } from './resource.js';

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
  'dpop',
  'baseUrl',
  'mtls',
  'isRevoked',
  'revocationTimeoutSeconds',
  'resource',
  'errors',
  'allowInsecureRequests',
  'fetch',
  'clock',
];
const DEFAULT_MAX_TOKENS = 10_000;
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
  /** The schemes whose credentials are read from the header. */
  readonly schemes: ReadonlySet<Scheme>;
  readonly bindings: Bindings;
  /** Undefined where the application does not ask for it. */
  readonly checkRevocation: RevocationCheck | undefined;
  readonly challenges: ChallengePolicy;
  /** Undefined where nothing is published. */
  readonly resource: ResolvedResource | undefined;
  readonly errors: 'respond' | 'next';
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
  const defaults: IssuerDefaults = {
    audience: stringOrList(options.audience, 'audience'),
    algorithms: choices(options.algorithms, ALGORITHMS, 'algorithms') ?? ALGORITHMS,
    tokenType: choice(options.tokenType, TOKEN_TYPES, 'tokenType') ?? 'any',
    keys: resolveKeys(options.keys, DEFAULT_KEYS, 'keys'),
    clockToleranceSeconds: numberBetween(options.clockToleranceSeconds, 0, 300, 'clockToleranceSeconds') ?? 5,
    allowInsecureRequests: flag(options.allowInsecureRequests, 'allowInsecureRequests'),
    fetch: functionOf(options.fetch, 'fetch') ?? ((input, init) => globalThis.fetch(input, init)),
    clock,
  };
  const issuers = resolveIssuers(options.issuer, defaults);
  const { clockToleranceSeconds } = defaults;
  const baseUrl = baseUrlOf(options.baseUrl, defaults.allowInsecureRequests);
  const bearerMethods = choices(options.bearerMethods, BEARER_METHODS, 'bearerMethods') ?? ['header'];
  const dpop = resolveDpop(options.dpop, { baseUrl, clockToleranceSeconds, clock });
  const resource = resolveResource(options.resource, {
    issuers: [...issuers.keys()],
    allowInsecureRequests: defaults.allowInsecureRequests,
  });
  return {
    issuers,
    algorithms: new Set([...issuers.values()].flatMap(({ algorithms }) => [...algorithms])),
    clockToleranceSeconds,
    bearerMethods: new Set(bearerMethods),
    optional: flag(options.optional, 'optional'),
    schemes: headerSchemes(bearerMethods, dpop.binding !== undefined),
    bindings: { dpop: dpop.binding, certificate: resolveMtls(options.mtls) },
    challenges: {
      realm: realmOf(options.realm),
      schemes: dpop.schemes,
      proofAlgorithms: dpop.algorithms,
      resourceMetadata: resource?.metadataUrl,
    },
    resource,
    checkRevocation: revocationCheckOf(options),
    maxTokens: maxTokensOf(options.cache),
    errors: choice(options.errors, ['respond', 'next'] as const, 'errors') ?? 'respond',
    clock,
  };
}

function revocationCheckOf(options: ResourceServerOptions): RevocationCheck | undefined {
  const isRevoked = functionOf(options.isRevoked, 'isRevoked');
  const timeoutSeconds =
    numberBetween(options.revocationTimeoutSeconds, 0.001, 60, 'revocationTimeoutSeconds') ?? 2;
  return isRevoked && revocationCheck(isRevoked, timeoutSeconds);
}

/** Where bearer tokens may be is a matter of taste; a token under the scheme `DPoP` is in the header and nowhere else (RFC 9449 §7.1). */
function headerSchemes(methods: readonly BearerMethod[], isDpopOn: boolean): ReadonlySet<Scheme> {
  const schemes = new Set<Scheme>();
  if (methods.includes('header')) schemes.add('Bearer');
  if (isDpopOn) schemes.add('DPoP');
  return schemes;
}

function maxTokensOf(given: ResourceServerOptions['cache']): number {
  if (given === false) return 0;
  if (given === undefined) return DEFAULT_MAX_TOKENS;
  checkNames(given, ['maxTokens'], 'cache', 'an object, or false');
  return wholeNumberBetween(given.maxTokens, 1, 1_000_000, 'cache.maxTokens') ?? DEFAULT_MAX_TOKENS;
}

function realmOf(given: unknown): string {
  const realm = stringOf(given, 'realm');
  if (realm !== undefined && !PRINTABLE_ASCII.test(realm))
    throw optionError('realm', 'printable ASCII characters', given);
  return realm ?? 'api';
}
