import { IssuerMismatch, metadataUrls } from '../issuer/metadata.js';
import { withTimeLimit } from '../lib/deadline.js';
import { DocumentInvalid, DocumentUnavailable, type FetchJsonOptions, fetchJson } from '../lib/fetch.js';
import { isAcceptableUrl } from '../lib/url.js';
import { TokenRequestError } from './errors.js';
import { type Stopwatch, startStopwatch, type Time } from './stopwatch.js';

/** How long metadata is used before it is fetched anew. */
const MAX_AGE_SECONDS = 3600;
/** A failure of the server that another attempt may not meet. */
const PASSING_STATUS = /^status (?:408|429|5\d\d)$/;

/** What of an authorization server's metadata this client needs (RFC 8414 §2). */
export interface ServerMetadata {
  readonly tokenEndpoint: string;
  /** `token_endpoint_auth_methods_supported`, undefined where the metadata does not say. */
  readonly authenticationMethods: readonly unknown[] | undefined;
}

/** Where the token endpoint is. */
export interface MetadataSource {
  /** @throws {TokenRequestError} `metadata_unavailable`, `metadata_invalid`, `issuer_mismatch` */
  get(signal: AbortSignal): Promise<ServerMetadata>;
  /** The endpoint does not work: the metadata is looked up before it is used again. */
  doubt(): void;
}

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly fetch: typeof globalThis.fetch;
  readonly time: Time;
  readonly allowInsecureRequests: boolean;
  readonly timeoutSeconds: number;
}

export function fixedMetadata(tokenEndpoint: string): MetadataSource {
  return {
    get: async () => ({ tokenEndpoint, authenticationMethods: undefined }),
    doubt: () => undefined,
  };
}

/** Metadata that is discovered (RFC 8414, OpenID Connect Discovery) and kept for an hour. Failures are not kept. */
export function discoveredMetadata(options: DiscoveryOptions): MetadataSource {
  let kept: ServerMetadata | undefined;
  let age: Stopwatch = startStopwatch(options.time);
  let doubted = false;

  const renew = async (signal: AbortSignal): Promise<ServerMetadata> => {
    kept = await discover(options, signal);
    age = startStopwatch(options.time);
    doubted = false;
    return kept;
  };
  return {
    async get(signal) {
      if (kept === undefined) return renew(signal);
      if (!doubted && age() < MAX_AGE_SECONDS) return kept;
      try {
        // Half of the time: metadata that hangs must not keep tokens from being fetched where they were.
        return await withTimeLimit(options.timeoutSeconds / 2, renew, signal);
      } catch {
        return kept;
      }
    },
    doubt() {
      doubted = true;
    },
  };
}

/** Tries the well-known locations until one has a valid document; a server that is out of reach is not asked again. */
async function discover(options: DiscoveryOptions, signal: AbortSignal): Promise<ServerMetadata> {
  const failures: unknown[] = [];
  for (const url of metadataUrls(options.issuer)) {
    try {
      return await fetchMetadata(url, options, { fetch: options.fetch, signal });
    } catch (error) {
      failures.push(error);
      if (error instanceof DocumentUnavailable && !error.reached) break;
    }
  }
  if (signal.aborted) throw new TokenRequestError('timeout');
  throw mostTelling(failures);
}

async function fetchMetadata(
  url: string,
  { issuer, allowInsecureRequests }: DiscoveryOptions,
  request: FetchJsonOptions,
): Promise<ServerMetadata> {
  const { json } = await fetchJson(url, request);
  if (typeof json.issuer !== 'string') throw new DocumentInvalid('issuer is not a string');
  // RFC 8414 §3.3: metadata about another issuer must not be used.
  if (json.issuer !== issuer) throw new IssuerMismatch('the metadata names another issuer');
  const { token_endpoint: tokenEndpoint, token_endpoint_auth_methods_supported: methods } = json;
  // Metadata that came over https must not lead to an unprotected service on this host.
  const allowLoopback = url.startsWith('http:');
  if (!isAcceptableUrl(tokenEndpoint, { allowInsecureRequests, allowLoopback }))
    throw new DocumentInvalid('token_endpoint is not an https URL');
  return { tokenEndpoint, authenticationMethods: Array.isArray(methods) ? methods : undefined };
}

function mostTelling(failures: readonly unknown[]): unknown {
  const mismatch = failures.find((failure) => failure instanceof IssuerMismatch);
  if (mismatch !== undefined) return new TokenRequestError('issuer_mismatch');
  const invalid = failures.find((failure) => failure instanceof DocumentInvalid);
  if (invalid !== undefined) return new TokenRequestError('metadata_invalid', { detail: invalid.message });
  const last = failures.at(-1);
  if (!(last instanceof DocumentUnavailable)) return last; // a bug, not a failure of the server
  const transient = !last.reached || failures.some(isPassing);
  return new TokenRequestError('metadata_unavailable', { detail: last.message, transient });
}

function isPassing(failure: unknown): boolean {
  return failure instanceof DocumentUnavailable && PASSING_STATUS.test(failure.message);
}
