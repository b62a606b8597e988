import { isDeepStrictEqual } from 'node:util';
import type { JSONWebKeySet } from 'jose';
import { GRACE_SECONDS } from '../lib/deadline.js';
import type { Runtime } from '../lib/runtime.js';
import type { TokenRules } from '../token/token-rules.js';
import { createConfiguredKeySet } from './configured-keys.js';
import { createIntrospection, type Introspection } from './introspection.js';
import type { IntrospectionSettings } from './introspection-settings.js';
import type { KeySet } from './key-set.js';
import { discoveredSource, functionSource, jwksUriSource } from './key-source.js';
import type { KeysPolicy } from './keys-policy.js';
import { createIssuerMetadata, type IssuerMetadata } from './metadata.js';
import type { EndpointName } from './metadata-document.js';
import { RefreshingKeySet } from './refreshing-key-set.js';

/** Where the keys of an issuer come from. */
export type KeyOrigin =
  | { readonly kind: 'fixed'; readonly members: readonly unknown[] }
  | { readonly kind: 'function'; readonly load: () => JSONWebKeySet | Promise<JSONWebKeySet> }
  | { readonly kind: 'url'; readonly jwksUri: string }
  | { readonly kind: 'discovered' };

/** A trusted issuer as plain data: the options, with every default filled in. */
export interface IssuerSettings {
  readonly rules: TokenRules;
  readonly keyOrigin: KeyOrigin;
  readonly keys: KeysPolicy;
  /** Instead of the well-known locations. */
  readonly metadataUrl: string | undefined;
  /** Undefined if the issuer isn't asked about tokens. */
  readonly introspection: IntrospectionSettings | undefined;
}

/**
 * How an issuer's metadata and keys are found, as plain data. Issuers for which it's equal can share them.
 */
interface SourcePlan extends Pick<IssuerSettings, 'keyOrigin' | 'keys' | 'metadataUrl'> {
  readonly issuer: string;
  readonly wanted: readonly EndpointName[];
  readonly needed: readonly EndpointName[];
  readonly mayBeAbsent: { readonly keys: boolean; readonly metadata: boolean };
  /** Nothing is known about the issuer but what a function says about its tokens. */
  readonly isUnknown: boolean;
}

/** An issuer's metadata and keys at work. */
interface Sources {
  readonly plan: SourcePlan;
  readonly metadata: IssuerMetadata;
  readonly keySet: KeySet;
}

/** A trusted issuer at work. */
export interface Issuer extends TokenRules {
  readonly sources: Sources;
  readonly keySet: KeySet;
  readonly introspection: Introspection | undefined;
  /** The longest that verifying one of its tokens can take. */
  readonly verificationSeconds: number;
  /** Whether its tokens are accepted now, for an issuer that the application named at run time. */
  isTrusted(): boolean;
  /**
   * Loads what's needed from it. Introspection endpoints are looked up but not called.
   *
   * @throws {UnavailableError}
   */
  ready(): Promise<void>;
}

/** @param before the same issuer with earlier settings. What both have in common is kept */
export function createIssuer(settings: IssuerSettings, runtime: Runtime, before?: Issuer): Issuer {
  const { rules, keys, introspection } = settings;
  const plan = planSources(settings);
  const isKept = before !== undefined && isDeepStrictEqual(before.sources.plan, plan);
  // It may be the same function, made anew: they can't be compared.
  const last = before?.sources.plan.keyOrigin.kind === 'function' ? before.keySet : undefined;
  const sources = isKept ? before.sources : createSources(plan, runtime, last);
  const { metadata, keySet } = sources;
  const isEndpointDiscovered = plan.wanted.includes('introspection_endpoint');
  return {
    ...rules,
    sources,
    keySet,
    introspection: introspection && createIntrospection(introspection, { rules, keySet, metadata, runtime }),
    // Two loads of keys, the second for a new one; then the wait for a slot, and the call.
    verificationSeconds: 2 * (keys.timeoutSeconds + (introspection?.timeoutSeconds ?? 0) + 2 * GRACE_SECONDS),
    isTrusted: () => true,
    async ready() {
      const findEndpoint = async () => (await metadata.get()).endpoint('introspection_endpoint');
      const loadKeys = async () => {
        try {
          await keySet.ready();
        } catch (error) {
          // It may have none. Only its JWTs must wait until that's known.
          if (!plan.mayBeAbsent.keys || metadata.known()?.gap === undefined) throw error;
        }
      };
      await Promise.all([loadKeys(), isEndpointDiscovered && findEndpoint()]);
    },
  };
}

function planSources({ rules, keyOrigin, keys, metadataUrl, introspection }: IssuerSettings): SourcePlan {
  const endpoint = typeof introspection?.asks === 'object' ? introspection.asks : undefined;
  const isEndpointDiscovered = endpoint !== undefined && endpoint.url === undefined;
  const isDiscovered = keyOrigin.kind === 'discovered';
  // An issuer that's asked about tokens may have no keys, unless it signs its answers.
  const mayLackKeys = introspection !== undefined && endpoint?.signedResponse !== true;
  // If a function is asked about JWTs, nothing else is known about the issuer.
  const isAskedByFunction = typeof introspection?.asks === 'function' && introspection.tokens.has('jwt');
  const endpoints: EndpointName[] = isEndpointDiscovered ? ['introspection_endpoint'] : [];
  const wanted: EndpointName[] = isDiscovered ? [...endpoints, 'jwks_uri'] : endpoints;
  return {
    issuer: rules.issuer,
    ...{ keyOrigin, keys, metadataUrl, wanted },
    needed: mayLackKeys ? endpoints : wanted,
    mayBeAbsent: { keys: mayLackKeys, metadata: mayLackKeys && !isEndpointDiscovered },
    isUnknown: isDiscovered && metadataUrl === undefined && isAskedByFunction,
  };
}

function createSources(plan: SourcePlan, runtime: Runtime, last: KeySet | undefined): Sources {
  const metadata = createIssuerMetadata(plan, plan.keys, runtime);
  return { plan, metadata, keySet: createKeySet(plan, metadata, runtime, last) };
}

function createKeySet(
  { issuer, keyOrigin, keys, mayBeAbsent, isUnknown }: SourcePlan,
  metadata: IssuerMetadata,
  runtime: Runtime,
  last: KeySet | undefined,
): KeySet {
  if (isUnknown) return createConfiguredKeySet([], issuer);
  switch (keyOrigin.kind) {
    case 'fixed':
      return createConfiguredKeySet(keyOrigin.members, issuer);
    case 'function':
      return new RefreshingKeySet(issuer, functionSource(keyOrigin.load), keys, runtime, last);
    case 'url':
      return new RefreshingKeySet(issuer, jwksUriSource(keyOrigin.jwksUri, runtime), keys, runtime);
    case 'discovered':
      return new RefreshingKeySet(issuer, discoveredSource(metadata, mayBeAbsent, runtime), keys, runtime);
  }
}
