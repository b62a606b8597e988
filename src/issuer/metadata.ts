import { UnavailableError } from '../errors.js';
import { unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { SafeError } from '../lib/errors.js';
import { FetchFailure, fetchJson } from '../lib/fetch.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';
import type { Runtime } from '../lib/runtime.js';
import { isAcceptableUrl } from '../lib/url.js';

/**
 * The endpoints that this package uses, by their names in metadata (RFC 8414 §2, RFC 7662 via RFC 8414 §2).
 */
export type EndpointName = 'jwks_uri' | 'token_endpoint' | 'introspection_endpoint';

/** Members that must be strings if they're there (RFC 8414 §2). */
const ENDPOINTS = ['token_endpoint', 'authorization_endpoint', 'introspection_endpoint'] as const;
/** Keeps metadata that brings nothing new from being fetched each time an endpoint fails. */
const BACKOFF = { firstSeconds: 1, maxSeconds: 30 };

/** Whose metadata, and what of it matters. */
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
interface Located {
  readonly json: JsonObject;
  readonly url: string;
}

/** What an authorization server says about itself (RFC 8414 §2), in one document or several. */
export class Metadata {
  readonly #documents: readonly Located[];
  readonly #allowInsecureRequests: boolean;

  /** @param documents of one issuer, in the order of their locations: the first that has a member counts */
  constructor(documents: readonly Located[], allowInsecureRequests: boolean) {
    this.#documents = documents;
    this.#allowInsecureRequests = allowInsecureRequests;
  }

  /** Whether {@link endpoint} has a URL for this name. */
  has(name: EndpointName): boolean {
    return this.#documents.some((document) => this.#read(document, name, false) !== undefined);
  }

  /**
   * The URL of an endpoint.
   *
   * @param preferMtls take the one for clients with a certificate, if there is one (RFC 8705 §5)
   * @throws {UnavailableError} `metadata_invalid`: it's missing, or a URL that mustn't be fetched
   */
  endpoint(name: EndpointName, preferMtls = false): string {
    for (const document of this.#documents) {
      const url = this.#read(document, name, preferMtls);
      if (url !== undefined) return url;
    }
    throw unavailable('metadata', new FetchFailure('invalid', `${name} is not an https URL`));
  }

  /** A member that is a list, such as `token_endpoint_auth_methods_supported`; empty if there's none. */
  list(name: string): readonly unknown[] {
    const lists = this.#documents.map(({ json }) => json[name]).filter((value) => Array.isArray(value));
    return lists[0] ?? [];
  }

  #read({ json, url }: Located, name: EndpointName, preferMtls: boolean): string | undefined {
    const { mtls_endpoint_aliases: aliases } = json;
    const members = preferMtls && isJsonObject(aliases) && Object.hasOwn(aliases, name) ? aliases : json;
    const endpoint = Object.hasOwn(members, name) ? members[name] : undefined;
    // Metadata that came over https must not lead to an unprotected service on this host.
    const rules = {
      allowInsecureRequests: this.#allowInsecureRequests,
      allowLoopback: url.startsWith('http:'),
    };
    return isAcceptableUrl(endpoint, rules) ? endpoint : undefined;
  }
}

/** The metadata of one issuer: fetched on first use, once for all who wait, kept and renewed. */
export interface IssuerMetadata {
  /** What is known now, however old. */
  readonly known: Metadata | undefined;
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
  /** From then on it isn't used any more. */
  readonly endAt: number;
}

export function createIssuerMetadata(
  source: MetadataSource,
  policy: MetadataPolicy,
  runtime: Runtime,
): IssuerMetadata {
  const { clock } = runtime;
  const { maxAgeSeconds, staleIfErrorSeconds, timeoutSeconds } = policy;
  let known: Known | undefined;
  let loading: Promise<Metadata> | undefined;
  let isDoubted = false;
  /**
   * Renewals in a row that failed, brought a part only, or brought nothing new after a doubt, and when the
   * next may be made.
   */
  let fruitless = 0;
  let pause: Span | undefined;
  /** Locations that said 404 since the last success. */
  const absent = new Set<string>();

  const usable = (now: number): Known | undefined =>
    known !== undefined && now < known.endAt ? known : undefined;

  const load = async (limitSeconds: number): Promise<Metadata> => {
    const before = usable(clock())?.metadata;
    const isSame = (metadata: Metadata): boolean =>
      before !== undefined && source.wanted.every((name) => isSameEndpoint(before, metadata, name));
    try {
      const metadata = await withTimeLimit(limitSeconds, (signal) =>
        discover(source, { ...runtime, signal, timeoutSeconds: limitSeconds, absent }),
      );
      const missing = (source.needed ?? source.wanted).filter((name) => !metadata.has(name));
      // One of several locations may be down: what it said before serves on, as if all of them had failed.
      for (const name of source.wanted) if (before?.has(name) && !metadata.has(name)) metadata.endpoint(name);
      const isComplete = missing.length === 0;
      absent.clear();
      const fresh = spanFrom(clock(), maxAgeSeconds);
      known = { metadata, isComplete, fresh, endAt: fresh.until + staleIfErrorSeconds * 1000 };
      fruitless = !isComplete || (isDoubted && isSame(metadata)) ? fruitless + 1 : 0;
      return metadata;
    } catch (error) {
      fruitless += 1;
      const failure = unavailable('metadata', error);
      // RFC 8414 §3.3: an issuer that says it's another one isn't believed any more.
      if (failure.reason === 'issuer_mismatch') known = undefined;
      throw failure;
    } finally {
      isDoubted = false;
      pause = fruitless === 0 ? undefined : spanFrom(clock(), pauseAfter(fruitless, BACKOFF));
      loading = undefined;
    }
  };
  const loadOnce = (limitSeconds: number): Promise<Metadata> => {
    loading ??= load(limitSeconds);
    return loading;
  };

  return {
    get known() {
      return known?.metadata;
    },
    async get(signal) {
      const now = clock();
      const current = usable(now);
      if (current === undefined) return waitFor(loadOnce(timeoutSeconds), signal);
      const { metadata, isComplete, fresh } = current;
      const isWaitedFor = isDoubted || !isComplete;
      if (!isWaitedFor && isWithin(fresh, now)) return metadata;
      if (loading === undefined && isWithin(pause, now)) return metadata;
      // Half of the time: metadata that hangs must not keep its endpoints from being asked where they were.
      const renewal = loadOnce(timeoutSeconds / 2);
      if (isWaitedFor) return waitFor(renewal, signal).catch((error) => orKnown(error, now));
      renewal.catch(() => undefined); // what is known serves on
      return metadata;
    },
    doubt() {
      isDoubted = true;
    },
  };

  function orKnown(error: unknown, now: number): Metadata {
    const current = usable(now);
    if (current === undefined) throw error;
    return current.metadata;
  }
}

async function waitFor(metadata: Promise<Metadata>, signal: AbortSignal | undefined): Promise<Metadata> {
  try {
    return await unlessAborted(metadata, signal);
  } catch (error) {
    throw unavailable('metadata', signal?.aborted ? new FetchFailure('timeout', 'time-out') : error);
  }
}

function isSameEndpoint(before: Metadata, after: Metadata, name: EndpointName): boolean {
  return before.has(name) && after.has(name) && before.endpoint(name) === after.endpoint(name);
}

export interface DiscoveryOptions extends Pick<Runtime, 'fetch' | 'allowInsecureRequests'> {
  readonly signal: AbortSignal;
  /** When `signal` will be aborted. */
  readonly timeoutSeconds: number;
  /** Locations that aren't asked if there are others; those that answer 404 are added. */
  readonly absent?: Set<string>;
}

/**
 * Finds the metadata of an issuer (RFC 8414 §3, OpenID Connect Discovery §4). The locations of {@link
 * metadataUrls} are asked in order until all that is wanted is known. If one hangs, the next one is asked
 * after a share of the time; a server that is out of reach isn't asked again.
 *
 * @throws {UnavailableError | FetchFailure} the most telling failure of all attempts
 */
export async function discover(
  { issuer, metadataUrl, wanted, needed = wanted }: MetadataSource,
  { fetch, allowInsecureRequests, signal: outer, timeoutSeconds, absent = new Set() }: DiscoveryOptions,
): Promise<Metadata> {
  const all = metadataUrl === undefined ? metadataUrls(issuer) : [metadataUrl];
  const present = all.filter((url) => !absent.has(url));
  const urls = present.length > 0 ? present : all;
  // An equal share for each location, and one for what follows.
  const shareSeconds = timeoutSeconds / (urls.length + 1);
  const over = new AbortController();
  const signal = AbortSignal.any([outer, over.signal]);
  const found: Located[] = []; // with gaps, so that the order is that of the locations
  const failures: unknown[] = [];
  let end: (value: 'enough') => void = () => undefined;
  const enough = new Promise<'enough'>((resolve) => {
    end = resolve;
  });

  const visit = async (url: string, index: number): Promise<'enough' | 'more'> => {
    try {
      const { json } = await fetchJson(url, fetch, signal);
      checkMetadata(json, issuer);
      const missing = (documents: Located[]) => {
        const metadata = new Metadata(documents, allowInsecureRequests);
        return wanted.filter((name) => !metadata.has(name));
      };
      const [first] = missing([{ json, url }]);
      if (first !== undefined && needed.length > 0 && missing([{ json, url }]).length === wanted.length)
        throw new FetchFailure('invalid', `${first} is not an https URL`);
      found[index] = { json, url };
      if (missing(found.filter(Boolean)).length > 0) return 'more';
      end('enough');
      return 'enough';
    } catch (error) {
      failures.push(error);
      if (error instanceof FetchFailure && error.status === 404) absent.add(url);
      return error instanceof FetchFailure && !error.isReached ? 'enough' : 'more';
    }
  };

  try {
    const attempts: Promise<unknown>[] = [];
    for (const [index, url] of urls.entries()) {
      const attempt = visit(url, index);
      attempts.push(attempt);
      const outcome = withTimeLimit(shareSeconds, () => Promise.race([attempt, enough]));
      if ((await outcome.catch(() => 'more')) === 'enough') break;
    }
    const rest = Promise.race([enough, Promise.all(attempts)]);
    // With a part of it known, the rest is worth another share of the time, but not all of it.
    await (found.length === 0 ? rest : withTimeLimit(shareSeconds, () => rest).catch(() => undefined));
    if (found.length === 0) throw mostTelling(failures);
    return new Metadata(found.filter(Boolean), allowInsecureRequests);
  } finally {
    over.abort();
  }
}

function mostTelling(failures: readonly unknown[]): unknown {
  const isInvalid = (failure: unknown) => failure instanceof FetchFailure && failure.kind === 'invalid';
  const isOutOfReach = (failure: unknown) => failure instanceof FetchFailure && !failure.isReached;
  const isTransient = (failure: unknown) => failure instanceof FetchFailure && failure.isTransient;
  return (
    failures.find((failure) => failure instanceof UnavailableError) ?? // it names another issuer
    failures.find(isInvalid) ??
    failures.find(isOutOfReach) ??
    failures.find(isTransient) ??
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
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
      `${origin}${path}/.well-known/openid-configuration`,
    ]),
  ];
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
  for (const name of ENDPOINTS) {
    if (Object.hasOwn(json, name) && typeof json[name] !== 'string')
      throw new FetchFailure('invalid', `${name} is not a string`);
  }
}

/** Says of which document a failure is, once: what's an {@link UnavailableError} already stays as it is. */
export function unavailable(document: 'metadata' | 'jwks', error: unknown): UnavailableError {
  if (error instanceof UnavailableError) return error;
  const isInvalid = error instanceof FetchFailure && error.kind === 'invalid';
  return new UnavailableError(isInvalid ? `${document}_invalid` : `${document}_unavailable`, 1, error);
}
