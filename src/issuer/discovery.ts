import { UnavailableError } from '../errors.js';
import { unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { describeDifference, suggestIssuer } from '../lib/difference.js';
import { SafeError } from '../lib/errors.js';
import { FetchFailure, fetchJson } from '../lib/fetch.js';
import { type JsonObject, withoutNull } from '../lib/json.js';
import { quote } from '../lib/public-text.js';
import type { Runtime } from '../lib/runtime.js';
import { type EndpointName, type Located, Metadata } from './metadata-document.js';

/** Members that must be strings if present (RFC 8414 §2). Null counts as absent. */
const ENDPOINTS = ['token_endpoint', 'authorization_endpoint', 'introspection_endpoint'] as const;

/** Whose metadata to find, and which parts are needed. */
export interface MetadataSource {
  readonly issuer: string;
  /** Instead of the well-known locations. */
  readonly metadataUrl: string | undefined;
  /** The endpoints that are used. More locations are tried until all are known. */
  readonly wanted: readonly EndpointName[];
  /** Those that the metadata must have. Default all. */
  readonly needed?: readonly EndpointName[];
}

/** What earlier discoveries of an issuer found. */
export interface Attempts {
  /** Locations that answered 404. They're skipped if there are others, but only for a while. */
  readonly absent: Set<string>;
  /** How many in a row found only temporary failures. */
  down: number;
}

/** For an issuer that's back, or that may have moved its document. */
export function forget(attempts: Attempts): void {
  attempts.absent.clear();
  attempts.down = 0;
}

export interface DiscoveryOptions extends Pick<Runtime, 'fetch' | 'allowInsecureRequests'> {
  readonly signal: AbortSignal;
  /** When `signal` will be aborted. */
  readonly timeoutSeconds: number;
  /** Updated in place. Default: no earlier attempts. */
  readonly attempts?: Attempts;
}

/**
 * Finds the metadata of an issuer (RFC 8414 §3, OpenID Connect Discovery §4). Tries the locations of
 * {@link metadataUrls} in order until everything wanted is known. If a location hangs, the next one is tried
 * shortly after. A server that can't be reached isn't tried again. One that was down the last time isn't
 * either, if it's still down at the first location; a different location comes first each time.
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
  const together = (gap?: FetchFailure) => new Metadata(found.filter(Boolean), allowInsecureRequests, gap);
  /** Aborted once no more locations are needed. */
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
  // With part of it known, the rest is worth one more share of the time, but not all of it.
  const rest = unlessAborted(Promise.all(visits), over.signal).catch(() => undefined);
  await (found.length === 0 ? rest : waitForAShare(rest));
  over.abort();
  attempts.down = found.length === 0 && failures.every(isPassing) ? down + 1 : 0;
  if (found.length === 0) throw mostTelling(failures);
  const answers = found.filter(Boolean).length + failures.filter((failure) => !isPassing(failure)).length;
  if (answers === urls.length || together().missing(wanted).length === 0) return together();
  return together(failures.find(isPassing) ?? new FetchFailure('timeout', 'time-out'));
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
 * Refuses a malformed document, or one about another issuer.
 *
 * @throws {UnavailableError} `issuer_mismatch` (RFC 8414 §3.3)
 * @throws {FetchFailure} `invalid`: a member isn't what it must be
 */
export function checkMetadata(json: JsonObject, issuer: string): void {
  if (typeof json.issuer !== 'string') throw new FetchFailure('invalid', 'issuer is not a string');
  if (json.issuer !== issuer) {
    const difference = describeDifference(json.issuer, issuer);
    const both = `the metadata names the issuer ${quote(json.issuer)}, and not ${quote(issuer)}`;
    const cause = new SafeError(difference === undefined ? both : `${both}: ${difference}`);
    throw new UnavailableError('issuer_mismatch', 1, cause, suggestIssuer(json.issuer, issuer));
  }
  const given = withoutNull(json);
  const wrong = ENDPOINTS.find((name) => Object.hasOwn(given, name) && typeof given[name] !== 'string');
  if (wrong !== undefined) throw new FetchFailure('invalid', `${wrong} is not a string`);
}
