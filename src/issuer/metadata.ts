import { inBackground } from '../lib/background.js';
import { GRACE_SECONDS, unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { FetchFailure } from '../lib/fetch.js';
import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';
import type { Runtime } from '../lib/runtime.js';
import { SharedWork } from '../lib/shared-work.js';
import { type Attempts, discover, forget, type MetadataSource } from './discovery.js';
import { type Metadata, unavailable } from './metadata-document.js';

/** If renewed metadata is the same, it isn't fetched again each time an endpoint fails. */
const BACKOFF = { firstSeconds: 1, maxSeconds: 30 };
/** After this many failures, locations that answered 404 are tried again each time. */
const ATTEMPTS_WITHOUT_ABSENT = 3;

/** How long metadata is used. All durations in seconds. */
export interface MetadataPolicy {
  readonly maxAgeSeconds: number;
  /** How much longer it's used if it can't be fetched. */
  readonly staleIfErrorSeconds: number;
  /** Time limit of one discovery, all locations included. */
  readonly timeoutSeconds: number;
}

/** The metadata of one issuer: fetched on first use, once for everyone waiting, then kept and renewed. */
export interface IssuerMetadata {
  /** What's known now, however old. */
  known(): Metadata | undefined;
  /**
   * Metadata to work with. You get it at once if it's fresh, or if it's old but hasn't been doubted; then
   * it's renewed in the background. After {@link doubt}, or while a needed part is missing, it's renewed
   * first, within half of the time limit; if that fails, the old metadata is used.
   *
   * @param signal ends the waiting of this caller, not the fetch that others wait for too
   * @param mayHaveMoved whether this caller doubts it. Others don't wait for that
   * @throws {UnavailableError} `metadata_unavailable`, `metadata_invalid`, `issuer_mismatch`
   */
  get(signal?: AbortSignal, mayHaveMoved?: boolean): Promise<Metadata>;
  /** Reports that one of its endpoints doesn't work: it may have moved. */
  doubt(): void;
}

/** What was fetched last. */
interface Known {
  readonly metadata: Metadata;
  /** Whether it has everything wanted. If not, the rest is looked for on demand, after a pause. */
  readonly isComplete: boolean;
  readonly fresh: Span;
}

export function createIssuerMetadata(
  source: MetadataSource,
  { maxAgeSeconds, staleIfErrorSeconds, timeoutSeconds }: MetadataPolicy,
  runtime: Runtime,
): IssuerMetadata {
  let known: Known | undefined;
  const loading = new SharedWork<Metadata>(runtime.clock, timeoutSeconds + GRACE_SECONDS);
  let isDoubted = false;
  /** Renewals in a row that failed, were incomplete, or brought nothing new after a doubt. */
  let fruitless = 0;
  /** No renewal during this time, as long as there's metadata to work with. */
  let pause: Span | undefined;
  const attempts: Attempts = { absent: new Set(), down: 0 };

  const usable = (now: number): Known | undefined =>
    known !== undefined && now < known.fresh.until + staleIfErrorSeconds * 1000 ? known : undefined;

  const load = async (limitSeconds: number, mayBeWrong: boolean): Promise<Metadata> => {
    const before = usable(runtime.clock())?.metadata;
    try {
      const ask = (signal: AbortSignal) =>
        discover(source, { ...runtime, signal, timeoutSeconds: limitSeconds, attempts });
      const metadata = await inBackground(() => withTimeLimit(limitSeconds, ask));
      // One of several locations may be down. Its last document is kept then, as if all had failed.
      const missing = metadata.missing(source.wanted);
      for (const name of missing) if (before?.find(name) !== undefined) metadata.endpoint(name);
      forget(attempts);
      const isComplete = metadata.missing(source.needed ?? source.wanted).length === 0;
      const isNew = source.wanted.some((name) => metadata.find(name) !== before?.find(name));
      known = { metadata, isComplete, fresh: spanFrom(runtime.clock(), maxAgeSeconds) };
      const isLacking = !isComplete || metadata.gap !== undefined;
      fruitless = isLacking || (mayBeWrong && !isNew) ? fruitless + 1 : 0;
      return metadata;
    } catch (error) {
      fruitless += 1;
      if (fruitless >= ATTEMPTS_WITHOUT_ABSENT && attempts.absent.size > 0) forget(attempts);
      const failure = unavailable('metadata', error);
      // RFC 8414 §3.3: an issuer that calls itself something else is no longer believed.
      if (failure.reason === 'issuer_mismatch') known = undefined;
      throw failure;
    } finally {
      isDoubted = false;
      pause = fruitless === 0 ? undefined : spanFrom(runtime.clock(), pauseAfter(fruitless, BACKOFF));
    }
  };

  return {
    known: () => known?.metadata,
    async get(signal, mayHaveMoved = false) {
      const now = runtime.clock();
      const current = usable(now);
      const mayBeWrong = isDoubted || mayHaveMoved;
      const isAwaited = current === undefined || mayBeWrong || !current.isComplete;
      const isOpen = current?.metadata.gap !== undefined;
      if (!isAwaited && !isOpen && isWithin(current.fresh, now)) return current.metadata;
      if (current !== undefined && !loading.isUnderWay() && isWithin(pause, now)) return current.metadata;
      // Half of the time: if the metadata hangs, its known endpoints must still get their chance.
      const limitSeconds = current === undefined ? timeoutSeconds : timeoutSeconds / 2;
      if (!isAwaited && loading.isUnderWay()) return current.metadata;
      const renewal = loading.run(() => load(limitSeconds, mayBeWrong));
      renewal.catch(() => undefined); // even without a waiting caller, what is known stays in use
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
