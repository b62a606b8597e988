import { withTimeLimit } from '../lib/deadline.js';
import { isWithin, type Span, spanFrom } from '../lib/span.js';
import { isJsonObject } from '../token/compact-jws.js';
import { IntrospectionFailure } from './introspection-failure.js';
import { toKeySourceError } from './key-source.js';
import { checkMetadata, type DiscoveryOptions, endpointIn, searchMetadata } from './metadata.js';

/** Where an issuer is asked about tokens. */
interface EndpointLocation {
  readonly url: string;
  /** `introspection_endpoint_auth_methods_supported` (RFC 8414 §2); empty where the metadata does not say. */
  readonly authenticationMethods: readonly unknown[];
}

export interface LocationSource {
  /**
   * Where to ask now: at once where that is known.
   *
   * @throws {IntrospectionFailure} `metadata_unavailable`, `metadata_invalid`, `issuer_mismatch`
   */
  get(): EndpointLocation | Promise<EndpointLocation>;
  /** The endpoint does not work: the metadata is looked up anew before long. */
  doubt(): void;
}

/** An endpoint that the options name. */
export function fixedLocation(url: string): LocationSource {
  const location: EndpointLocation = { url, authenticationMethods: [] };
  return { get: () => location, doubt: () => undefined };
}

export interface DiscoveredLocationOptions extends Omit<DiscoveryOptions, 'signal'> {
  readonly issuer: string;
  readonly clock: () => number;
  /** How long metadata is used before it is fetched anew. */
  readonly maxAgeSeconds: number;
  readonly timeoutSeconds: number;
  /** Prefer the endpoint for clients that show a certificate (RFC 8705 §5). */
  readonly preferMtls: boolean;
}

/**
 * The endpoint that an issuer's metadata names. Metadata is fetched once for all who wait for it. When its time is over, or the endpoint fails, it is fetched anew in
 * the background; what was right before serves until then.
 */
export function discoveredLocation(options: DiscoveredLocationOptions): LocationSource {
  const { clock, maxAgeSeconds, timeoutSeconds } = options;
  let known: EndpointLocation | undefined;
  let fresh: Span | undefined;
  let loading: Promise<EndpointLocation> | undefined;

  const load = async (): Promise<EndpointLocation> => {
    // Also for failures: while the metadata cannot be had, it is not fetched with every token.
    fresh = spanFrom(clock(), maxAgeSeconds);
    try {
      known = await withTimeLimit(timeoutSeconds, (signal) => discover({ ...options, signal }));
      return known;
    } catch (error) {
      const { reason, message } = toKeySourceError(error, 'metadata');
      throw new IntrospectionFailure(reason, message);
    } finally {
      loading = undefined;
    }
  };
  const loadOnce = (): Promise<EndpointLocation> => {
    loading ??= load();
    return loading;
  };

  return {
    get() {
      if (known === undefined) return loadOnce();
      if (!isWithin(fresh, clock())) loadOnce().catch(() => undefined); // what is known serves on
      return known;
    },
    doubt() {
      if (loading === undefined) fresh = undefined;
    },
  };
}

function discover(options: DiscoveredLocationOptions & { signal: AbortSignal }): Promise<EndpointLocation> {
  const { issuer, allowInsecureRequests, preferMtls } = options;
  return searchMetadata(issuer, options, (json, url) => {
    checkMetadata(json, issuer);
    const { mtls_endpoint_aliases: aliases, introspection_endpoint_auth_methods_supported: methods } = json;
    const hasAlias = preferMtls && isJsonObject(aliases) && Object.hasOwn(aliases, 'introspection_endpoint');
    const members = hasAlias ? aliases : json;
    return {
      url: endpointIn(members, 'introspection_endpoint', url, allowInsecureRequests),
      authenticationMethods: Array.isArray(methods) ? methods : [],
    };
  });
}
