import { UnavailableError } from '../errors.js';
import { unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { SafeError } from '../lib/errors.js';
import { FetchFailure, fetchJson } from '../lib/fetch.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';
import type { Runtime } from '../lib/runtime.js';
import { type InsecureRequests, isAcceptableUrl } from '../lib/url.js';

/** The endpoints that this package uses, by their names in metadata (RFC 8414 §2). */
export type EndpointName = 'jwks_uri' | 'token_endpoint' | 'introspection_endpoint';

/** Members that must be strings if they're there (RFC 8414 §2). */
const ENDPOINTS = ['token_endpoint', 'authorization_endpoint', 'introspection_endpoint'] as const;
/** Keeps metadata that brings nothing new from being fetched each time an endpoint fails. */
const BACKOFF = { firstSeconds: 1, maxSeconds: 30 };
/** After so many failures, locations that said 404 are asked again each time. */
const ATTEMPTS_WITHOUT_ABSENT = 3;

/** Whose metadata, and what of it is needed. */
export interface MetadataSource {
  readonly issuer: string;
  /** In place of the well-known locations. */
  readonly metadataUrl: string | undefined;
  /** The endpoints that are used: further locations are visited until all of them are known. */
  readonly wanted: readonly EndpointName[];
  /** Those of them that metadata can't do without. Default all. */
  readonly needed?: readonly EndpointName[];
}

/** How long metadata is used. All durations in seconds. */
export interface MetadataPolicy {
  readonly maxAgeSeconds: number;
  /** How much longer it's used if it can't be fetched. */
  readonly staleIfErrorSeconds: number;
  /** Time limit of one discovery, all locations included. */
  readonly timeoutSeconds: number;
}

/** A document that was found, and where. */
type Located = { readonly json: JsonObject; readonly url: string };

/** What an authorization server says about itself (RFC 8414 §2), in one document or several. */
export class Metadata {
  readonly #documents: readonly Located[];
  readonly #allowInsecure: InsecureRequests;

  /** @param documents of one issuer, in the order of their locations: the first that has a member counts */
  constructor(documents: readonly Located[], allowInsecureRequests: InsecureRequests) {
    this.#documents = documents;
    this.#allowInsecure = allowInsecureRequests;
  }

  /** {@link endpoint}, undefined where that throws. */
  find(name: EndpointName, preferMtls = false): string | undefined {
    for (const { json, url } of this.#documents) {
      const { mtls_endpoint_aliases: aliases } = json;
      const members = preferMtls && isJsonObject(aliases) && Object.hasOwn(aliases, name) ? aliases : json;
      const endpoint = Object.hasOwn(members, name) ? members[name] : undefined;
      // Metadata that came over https must not lead to an unprotected service on this host.
      const rules = { allowInsecureRequests: this.#allowInsecure, allowLoopback: url.startsWith('http:') };
      if (isAcceptableUrl(endpoint, rules)) return endpoint;
    }
    return undefined;
  }

  /**
   * The URL of an endpoint.
   *
   * @param preferMtls take the one for clients with a certificate, if there is one (RFC 8705 §5)
   * @throws {UnavailableError} `metadata_invalid`: it's missing, or a URL that mustn't be fetched
   */
  endpoint(name: EndpointName, preferMtls = false): string {
    const url = this.find(name, preferMtls);
    if (url !== undefined) return url;
    throw unavailable('metadata', this.lack(name));
  }

  /** Why {@link find} finds nothing: there's no such member, or none that may be fetched. */
  lack(name: EndpointName): FetchFailure {
    const isThere = this.#documents.some(({ json }) => Object.hasOwn(json, name));
    return new FetchFailure('invalid', isThere ? `${name} is not an https URL` : `there is no ${name}`);
  }

  /** Which of these endpoints it doesn't have. */
  missing(names: readonly EndpointName[]): readonly EndpointName[] {
    return names.filter((name) => this.find(name) === undefined);
  }

  /** A member that is a list, such as `token_endpoint_auth_methods_supported`; empty if there's none. */
  list(name: string): readonly unknown[] {
    return this.#documents.map(({ json }) => json[name]).find((value) => Array.isArray(value)) ?? [];
  }
}

/** The metadata of one issuer: fetched on first use, once for all who wait, kept and renewed. */
export interface IssuerMetadata {
  /** What is known now, however old. */
  known(): Metadata | undefined;
  /**
   * Metadata to work with: at once while it's fresh, or old but nothing speaks against it (then it's renewed
   * in the background). After {@link doubt}, or while a part of what's wanted is missing, it's renewed first,
   * in half of the time limit, and the old serves if that fails.
   *
   * @param signal ends the waiting of this caller, not the fetch that others wait for too
   * @throws {UnavailableError} `metadata_unavailable`, `metadata_invalid`, `issuer_mismatch`
   */
  get(signal?: AbortSignal): Promise<Metadata>;
  /** Says that an endpoint from it doesn't work: it may have moved. */
  doubt(): void;
}

/** What was fetched last. */
interface Known {
  readonly metadata: Metadata;
  /** Whether it has all that is wanted. If not, the rest is looked for when somebody asks, after a pause. */
  readonly isComplete: boolean;
  readonly fresh: Span;
}

export function createIssuerMetadata(
  source: MetadataSource,
  { maxAgeSeconds, staleIfErrorSeconds, timeoutSeconds }: MetadataPolicy,
  runtime: Runtime,
): IssuerMetadata {
  let known: Known | undefined;
  let loading: Promise<Metadata> | undefined;
  let isDoubted = false;
  /** Renewals in a row that failed, brought a part only, or brought nothing new after a doubt. */
  let fruitless = 0;
  /** No renewal is made meanwhile, as long as there's metadata to work with. */
  let pause: Span | undefined;
  const attempts: Attempts = { absent: new Set(), down: 0 };

  const usable = (now: number): Known | undefined =>
    known !== undefined && now < known.fresh.until + staleIfErrorSeconds * 1000 ? known : undefined;

  const load = async (limitSeconds: number): Promise<Metadata> => {
    const before = usable(runtime.clock())?.metadata;
    try {
      const metadata = await withTimeLimit(limitSeconds, (signal) =>
        discover(source, { ...runtime, signal, timeoutSeconds: limitSeconds, attempts }),
      );
      // One of several locations may be down: what it said before serves on, as if all of them had failed.
      const missing = metadata.missing(source.wanted);
      for (const name of missing) if (before?.find(name) !== undefined) metadata.endpoint(name);
      forget(attempts);
      const isComplete = metadata.missing(source.needed ?? source.wanted).length === 0;
      const isNew = source.wanted.some((name) => metadata.find(name) !== before?.find(name));
      known = { metadata, isComplete, fresh: spanFrom(runtime.clock(), maxAgeSeconds) };
      fruitless = !isComplete || (isDoubted && !isNew) ? fruitless + 1 : 0;
      return metadata;
    } catch (error) {
      fruitless += 1;
      if (fruitless >= ATTEMPTS_WITHOUT_ABSENT && attempts.absent.size > 0) forget(attempts);
      const failure = unavailable('metadata', error);
      // RFC 8414 §3.3: an issuer that says it's another one isn't believed any more.
      if (failure.reason === 'issuer_mismatch') known = undefined;
      throw failure;
    } finally {
      isDoubted = false;
      pause = fruitless === 0 ? undefined : spanFrom(runtime.clock(), pauseAfter(fruitless, BACKOFF));
      loading = undefined;
    }
  };

  return {
    known: () => known?.metadata,
    async get(signal) {
      const now = runtime.clock();
      const current = usable(now);
      const isAwaited = current === undefined || isDoubted || !current.isComplete;
      if (!isAwaited && isWithin(current.fresh, now)) return current.metadata;
      if (current !== undefined && loading === undefined && isWithin(pause, now)) return current.metadata;
      // Half of the time: metadata that hangs must not keep its endpoints from being asked where they were.
      loading ??= load(current === undefined ? timeoutSeconds : timeoutSeconds / 2);
      const renewal = loading;
      renewal.catch(() => undefined); // if nobody waits for it, what is known serves on
      if (!isAwaited) return current.metadata;
      try {
        return await unlessAborted(renewal, signal);
      } catch (error) {
        const kept = usable(now);
        if (kept !== undefined) return kept.metadata;
        throw unavailable('metadata', signal?.aborted ? new FetchFailure('timeout', 'time-out') : error);
      }
    },
    doubt() {
      isDoubted = true;
    },
  };
}

/** What earlier discoveries of an issuer met. */
interface Attempts {
  /** Locations that said 404: left out if there are others, but not for long. */
  readonly absent: Set<string>;
  /** How many in a row met nothing but failures that may pass. */
  down: number;
}

function forget(attempts: Attempts): void {
  attempts.absent.clear();
  attempts.down = 0;
}

export interface DiscoveryOptions extends Pick<Runtime, 'fetch' | 'allowInsecureRequests'> {
  readonly signal: AbortSignal;
  /** When `signal` will be aborted. */
  readonly timeoutSeconds: number;
  /** Default: there were none. Brought up to date. */
  readonly attempts?: Attempts;
}

/**
 * Finds the metadata of an issuer (RFC 8414 §3, OpenID Connect Discovery §4). The locations of {@link
 * metadataUrls} are asked in order until all that is wanted is known. If one hangs, the next one is asked
 * after a share of the time; a server that is out of reach isn't asked again, nor is one that was down the
 * last time if it still is at the location that comes first, another one each time.
 *
 * @throws {UnavailableError | FetchFailure} the most telling failure of all attempts
 */
export async function discover(
  { issuer, metadataUrl, wanted, needed = wanted }: MetadataSource,
  {
    fetch,
    allowInsecureRequests,
    signal,
    timeoutSeconds,
    attempts = { absent: new Set(), down: 0 },
  }: DiscoveryOptions,
): Promise<Metadata> {
  const { absent, down } = attempts;
  const all = metadataUrl === undefined ? metadataUrls(issuer) : [metadataUrl];
  const present = all.filter((url) => !absent.has(url));
  const urls = present.length > 0 ? present : all;
  // An equal share for each location, and one for what follows.
  const shareSeconds = timeoutSeconds / (urls.length + 1);
  const found: Located[] = []; // with gaps, so that the order is that of the locations
  const failures: unknown[] = [];
  const together = () => new Metadata(found.filter(Boolean), allowInsecureRequests);
  /** Aborted once nobody waits for further locations. */
  const over = new AbortController();

  const visit = async (url: string, index: number): Promise<boolean> => {
    try {
      const { json } = await fetchJson(url, fetch, AbortSignal.any([signal, over.signal]));
      checkMetadata(json, issuer);
      const document = new Metadata([{ json, url }], allowInsecureRequests);
      const [first, ...others] = document.missing(wanted);
      if (first !== undefined && needed.length > 0 && others.length === wanted.length - 1)
        throw document.lack(first);
      found[index] = { json, url };
      if (together().missing(wanted).length === 0) over.abort();
      return false;
    } catch (error) {
      failures.push(error);
      if (error instanceof FetchFailure && error.status === 404) absent.add(url);
      return isPassing(error) && (down > 0 || !error.isReached);
    }
  };
  const waitForAShare = <T>(visited: Promise<T>) =>
    withTimeLimit(shareSeconds, () => unlessAborted(visited, over.signal)).catch(() => undefined);

  const visits: Promise<boolean>[] = [];
  for (const turn of urls.keys()) {
    const index = (turn + Math.max(down - 1, 0)) % urls.length;
    const visited = visit(urls[index] ?? '', index);
    visits.push(visited);
    const isOutOfReach = await waitForAShare(visited);
    if (isOutOfReach || over.signal.aborted) break;
  }
  // With a part of it known, the rest is worth another share of the time, but not all of it.
  const rest = unlessAborted(Promise.all(visits), over.signal).catch(() => undefined);
  await (found.length === 0 ? rest : waitForAShare(rest));
  over.abort();
  attempts.down = found.length === 0 && failures.every(isPassing) ? down + 1 : 0;
  if (found.length === 0) throw mostTelling(failures);
  return together();
}

function isPassing(error: unknown): error is FetchFailure {
  return error instanceof FetchFailure && error.isTransient;
}

function mostTelling(failures: readonly unknown[]): unknown {
  const fetches = failures.filter((failure) => failure instanceof FetchFailure);
  return (
    failures.find((failure) => failure instanceof UnavailableError) ?? // it names another issuer
    fetches.find(({ kind }) => kind === 'invalid') ??
    fetches.find(({ isReached }) => !isReached) ??
    fetches.find(({ isTransient }) => isTransient) ??
    failures.at(-1)
  );
}

/**
 * Where an issuer's metadata may be: RFC 8414 §3.1 and §5, then OpenID Connect Discovery §4.
 *
 * `https://h/t1` → `https://h/.well-known/oauth-authorization-server/t1`,
 * `https://h/.well-known/openid-configuration/t1`, `https://h/t1/.well-known/openid-configuration`
 */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
  return [...new Set(urls)];
}

/**
 * Refuses a document that is about another issuer, or malformed.
 *
 * @throws {UnavailableError} `issuer_mismatch` (RFC 8414 §3.3)
 * @throws {FetchFailure} `invalid`: a member isn't what it must be
 */
export function checkMetadata(json: JsonObject, issuer: string): void {
  if (typeof json.issuer !== 'string') throw new FetchFailure('invalid', 'issuer is not a string');
  if (json.issuer !== issuer)
    throw new UnavailableError('issuer_mismatch', 1, new SafeError('the metadata names another issuer'));
  const wrong = ENDPOINTS.find((name) => Object.hasOwn(json, name) && typeof json[name] !== 'string');
  if (wrong !== undefined) throw new FetchFailure('invalid', `${wrong} is not a string`);
}

/** Says of which document a failure is, once: what's an {@link UnavailableError} already stays as it is. */
export function unavailable(document: 'metadata' | 'jwks', error: unknown): UnavailableError {
  if (error instanceof UnavailableError) return error;
  const isInvalid = error instanceof FetchFailure && error.kind === 'invalid';
  return new UnavailableError(isInvalid ? `${document}_invalid` : `${document}_unavailable`, 1, error);
}
