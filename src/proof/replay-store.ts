import { hash } from 'node:crypto';
import { reportWarning } from '../diagnostics.js';
import { InvalidProofError, UnavailableError } from '../errors.js';
import { type Checks, callable, checkObject, optional, wholeNumberBetween } from '../lib/check.js';
import { withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';

/**
 * Remembers used DPoP proofs, so that none is used twice (RFC 9449 §11.1). Share one between all instances of
 * an API.
 */
export interface ReplayStore {
  /**
   * Remembers a key and says whether it was new, in one step: of two simultaneous calls, only one may get
   * `true`.
   *
   * @param key a digest of 43 characters of base64url, different for different proofs
   * @param lifetimeSeconds how long to remember it at least, in seconds, above 0. May be a fraction
   * @returns `true` if the key is new, `false` if it's known. An exception, another value, or none within
   *   five seconds is answered with 503
   */
  remember(key: string, lifetimeSeconds: number): boolean | Promise<boolean>;
}

/** Options of {@link createMemoryReplayStore}. */
export interface MemoryReplayStoreOptions {
  /**
   * How many proofs are remembered at most, 1 to 10000000. Default 500000, which takes about 50 MB of heap
   * when full.
   */
  readonly maxEntries?: number;
  /** Milliseconds since the epoch. Default `Date.now`. For tests. */
  readonly clock?: () => number;
}

const CHECKS = {
  maxEntries: optional(wholeNumberBetween(1, 10_000_000), 500_000),
  clock: optional<() => number>(callable, () => Date.now()),
} satisfies Checks<MemoryReplayStoreOptions>;

/** Keys that expire around the same time are forgotten together, so forgetting costs next to nothing. */
const BUNCH_SECONDS = 10;

/**
 * A {@link ReplayStore} in the memory of this process. It doesn't know what other instances saw: see
 * docs/dpop.md.
 *
 * Security: it's bounded, and never forgets a proof that could still be used. When it's full, more proofs are
 * refused with 503 `replay_store_full` until entries expire, which takes no longer than a proof is accepted.
 * Each refusal is reported on the channel `warning`.
 *
 * @throws {TypeError} an option is unknown or wrong
 */
export function createMemoryReplayStore(options: MemoryReplayStoreOptions = {}): ReplayStore {
  const { maxEntries, clock } = checkObject(options, '', CHECKS);
  /** By the second when they're all forgotten. */
  const bunches = new Map<number, Set<string>>();
  let size = 0;
  let nextExpiry = Number.POSITIVE_INFINITY;
  /**
   * Anything that expires by then is already forgotten. If the clock is set back, it can't be told from
   * something new.
   */
  let forgottenUntil = Number.NEGATIVE_INFINITY;

  function forgetExpired(now: number): void {
    for (const [expiry, bunch] of bunches) {
      if (now < expiry) continue;
      bunches.delete(expiry);
      forgottenUntil = Math.max(forgottenUntil, expiry);
      size -= bunch.size;
    }
    nextExpiry = Math.min(...bunches.keys());
  }

  return {
    remember(key, lifetimeSeconds) {
      const now = clock() / 1000;
      if (now >= nextExpiry) forgetExpired(now);
      const expiry = Math.ceil((now + lifetimeSeconds) / BUNCH_SECONDS) * BUNCH_SECONDS;
      if (expiry <= forgottenUntil) return false;
      for (const bunch of bunches.values()) if (bunch.has(key)) return false;
      if (size >= maxEntries) {
        reportWarning({ source: 'replayStore', detail: 'full' });
        throw new UnavailableError('replay_store_full', nextExpiry - now);
      }
      const bunch = bunches.get(expiry) ?? new Set();
      bunches.set(expiry, bunch.add(key));
      size += 1;
      nextExpiry = Math.min(nextExpiry, expiry);
      return true;
    },
  };
}

/** For stores without their own time limit. */
const STORE_TIMEOUT_SECONDS = 5;
/** A store that couldn't be reached may be back at once. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Makes sure that a proof is used only once (RFC 9449 §11.1). It comes after all other checks, so invalid
 * proofs can't fill the store.
 *
 * @param identity what identifies a proof: the client's key, the resource in one spelling, and the id that
 *   the client gave the proof
 * @param lifetimeSeconds how long the proof could still be used
 * @throws {InvalidProofError} `proof_replayed`
 * @throws {UnavailableError} `replay_store_full`, `replay_store_unavailable`: the store can't say whether the
 *   proof was used
 */
export async function useOnce(
  store: ReplayStore,
  identity: { readonly thumbprint: string; readonly targetUri: string; readonly jti: string },
  lifetimeSeconds: number,
): Promise<void> {
  const { thumbprint, targetUri, jti } = identity;
  // Neither a thumbprint nor a normalized URI has a line feed.
  const key = hash('sha256', `${thumbprint}\n${targetUri}\n${jti}`, 'base64url');
  let isNew: unknown;
  try {
    isNew = store.remember(key, lifetimeSeconds);
    if (typeof isNew !== 'boolean') isNew = await withTimeLimit(STORE_TIMEOUT_SECONDS, async () => isNew);
  } catch (error) {
    throw error instanceof UnavailableError ? error : unavailable(describeError(error), error);
  }
  if (isNew === false) throw new InvalidProofError('proof_replayed');
  if (isNew !== true) throw unavailable(typeof isNew);
}

/** @param detail never a text from the store */
function unavailable(detail: string, cause?: unknown): UnavailableError {
  reportWarning({ source: 'replayStore', detail });
  return new UnavailableError('replay_store_unavailable', RETRY_AFTER_SECONDS, cause);
}
