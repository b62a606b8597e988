import { type KeysMessage, reportKeys } from '../diagnostics.js';
import { InvalidTokenError, UnavailableError } from '../errors.js';
import { inBackground } from '../lib/background.js';
import { startBackgroundTimer } from '../lib/background-timer.js';
import { GRACE_SECONDS, withTimeLimit } from '../lib/deadline.js';
import { describeError } from '../lib/errors.js';
import { FetchFailure } from '../lib/fetch.js';
import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';
import type { Runtime } from '../lib/runtime.js';
import { SharedWork } from '../lib/shared-work.js';
import { createKeyIndex, findKey, importKeys, type KeyIndex, type KeyReference } from './key-index.js';
import type { KeySet } from './key-set.js';
import type { KeySource } from './key-source.js';
import { type KeysPolicy, keyLifetime } from './keys-policy.js';
import { unavailable } from './metadata-document.js';
import type { VerificationKey } from './verification-key.js';

/** Keys are renewed in the background after this part of their lifetime. */
const EARLY_REFRESH = 0.8;
const FIRST_BACKOFF_SECONDS = 1;
/** If there are no keys yet, the first attempts come faster: until then, every request is refused. */
const COLD_BACKOFF_SECONDS = [0.05, 0.1, 0.2] as const;
/** The longest delay of a Node timer; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

interface Loaded {
  readonly index: KeyIndex;
  /** After this, callers wait for a renewal. */
  readonly fresh: Span;
  /** From then on, the keys are renewed in the background. */
  readonly renewAt: number;
  /** From then on, the keys aren't used any more. */
  readonly endAt: number;
}

interface Failure {
  readonly error: UnavailableError;
  /** No other attempt during this time. */
  readonly backoff: Span;
  readonly count: number;
}

/**
 * The keys of an issuer, loaded on first use and renewed as long as they're used.
 *
 * It guarantees:
 *
 * - There's one load at a time.
 * - A request for a known key of a fresh set never waits.
 * - A token that none of the keys fits causes one load, and no other within `cooldownSeconds`, whatever the
 *   outcome. The issuer may have a new key, also under the old name.
 * - After a failure, the next load waits (1 s, doubling up to `cooldownSeconds`, less while there are no keys
 *   at all). Meanwhile the last good keys are used, for up to `staleIfErrorSeconds` beyond their lifetime, or
 *   only for their lifetime if the issuer answers that it has none.
 * - If it can't tell, it throws an {@link UnavailableError}.
 */
export class RefreshingKeySet implements KeySet {
  readonly #issuer: string;
  readonly #source: KeySource;
  readonly #policy: KeysPolicy;
  readonly #clock: () => number;
  readonly #refreshing: SharedWork<void>;

  #loaded: Loaded | undefined;
  #failure: Failure | undefined;
  /** No refresh for unknown keys during this time. */
  #cooldown: Span | undefined;
  #usedSinceRefresh = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param last of the same issuer. Its keys serve if the first load fails, as they would have there */
  constructor(
    issuer: string,
    source: KeySource,
    policy: KeysPolicy,
    { clock }: Pick<Runtime, 'clock'>,
    last?: KeySet,
  ) {
    if (last instanceof RefreshingKeySet && last.#loaded !== undefined)
      this.#loaded = { ...last.#loaded, fresh: spanFrom(0, 0) };
    this.#issuer = issuer;
    this.#source = source;
    this.#policy = policy;
    this.#clock = clock;
    this.#refreshing = new SharedWork(clock, policy.timeoutSeconds + GRACE_SECONDS);
  }

  findNow(reference: KeyReference, algorithm: string): VerificationKey | undefined {
    const index = this.#current();
    const found = index && lookUp(index, reference, algorithm);
    return found instanceof InvalidTokenError ? undefined : found;
  }

  find(reference: KeyReference, algorithm: string): VerificationKey | Promise<VerificationKey> {
    return this.findNow(reference, algorithm) ?? this.#findAfterLoad(reference, algorithm);
  }

  async findReplacement(
    key: VerificationKey,
    reference: KeyReference,
    algorithm: string,
  ): Promise<VerificationKey | undefined> {
    await this.#loadForUnknown(this.#clock(), false);
    const loaded = this.#usable(this.#clock());
    const found = loaded && findKey(loaded.index, reference, algorithm);
    return found === key ? undefined : found;
  }

  vouchesFor(key: VerificationKey): boolean {
    return this.#current()?.members.has(key) ?? false;
  }

  known(): readonly VerificationKey[] {
    return this.#loaded?.index.keys ?? [];
  }

  async ready(): Promise<void> {
    const now = this.#clock();
    if (isWithin(this.#loaded?.fresh, now)) return;
    if (this.#mayAttempt(now)) await this.#refresh();
    if (this.#usable(this.#clock()) === undefined) throw this.#unavailable();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The keys to use without waiting; undefined if there are none. Starts their renewal when it's time. */
  #current(): KeyIndex | undefined {
    this.#usedSinceRefresh = true;
    const now = this.#clock();
    const loaded = this.#usable(now);
    // Stale keys are renewed before use, but once the issuer is known to be down, callers don't wait for it.
    if (loaded === undefined || !(isWithin(loaded.fresh, now) || this.#hasFailedLately(now)))
      return undefined;
    if (now >= loaded.renewAt && !this.#refreshing.isUnderWay() && this.#mayAttempt(now))
      void inBackground(() => this.#refresh());
    return loaded.index;
  }

  /**
   * Loads the keys first, if that's allowed now: there are no fresh ones, or none of them fits and the issuer
   * may have begun to use a new one.
   */
  async #findAfterLoad(reference: KeyReference, algorithm: string): Promise<VerificationKey> {
    const now = this.#clock();
    if (this.#current() !== undefined) await this.#loadForUnknown(now, true);
    else if (this.#mayAttempt(now)) {
      const stale = this.#usable(now);
      const known = stale && lookUp(stale.index, reference, algorithm);
      await this.#refresh(stale !== undefined && (known === undefined || known instanceof InvalidTokenError));
    }
    const loaded = this.#usable(this.#clock());
    const found = loaded && lookUp(loaded.index, reference, algorithm);
    if (found !== undefined && !(found instanceof InvalidTokenError)) return found;
    // While the issuer doesn't answer, it may have such a key.
    if (loaded === undefined || this.#failure !== undefined) throw this.#unavailable();
    throw found ?? new InvalidTokenError('no_matching_key');
  }

  /**
   * Waits for a load that's under way, or starts the one that the cool-down allows.
   *
   * @param mayHaveMoved whether the address of the keys has to be looked up again
   */
  async #loadForUnknown(now: number, mayHaveMoved: boolean): Promise<void> {
    if (!this.#refreshing.isUnderWay()) {
      if (isWithin(this.#cooldown, now) || !this.#mayAttempt(now)) return;
      this.#cooldown = spanFrom(now, this.#policy.cooldownSeconds);
    }
    await this.#refresh(mayHaveMoved);
  }

  #usable(now: number): Loaded | undefined {
    return this.#loaded !== undefined && now < this.#loaded.endAt ? this.#loaded : undefined;
  }

  #mayAttempt(now: number): boolean {
    return this.#refreshing.isUnderWay() || !isWithin(this.#failure?.backoff, now);
  }

  /**
   * An old failure says nothing about the issuer's present state, and a key may have been withdrawn since.
   */
  #hasFailedLately(now: number): boolean {
    if (this.#failure === undefined) return false;
    const { from, until } = this.#failure.backoff;
    return isWithin({ from, until: until + this.#policy.maxAgeSeconds * 1000 }, now);
  }

  /** The last failure, for a caller that comes now. */
  #unavailable(): UnavailableError {
    if (this.#failure === undefined) return new UnavailableError('jwks_unavailable', 0);
    const { error, backoff } = this.#failure;
    const seconds = (backoff.until - this.#clock()) / 1000;
    return new UnavailableError(error.reason, seconds, error.cause, error.hint);
  }

  /** Loads the keys again, unless that's under way. Never rejects. */
  #refresh(mayHaveMoved = false): Promise<void> {
    return this.#refreshing.run(() => this.#load(mayHaveMoved));
  }

  async #load(mayHaveMoved: boolean): Promise<void> {
    const startedAt = performance.now();
    let outcome: Pick<KeysMessage, 'event'> & Partial<KeysMessage>;
    try {
      // What it leaves behind, such as an open connection, belongs to no request, even if one waits for it.
      const ask = (signal: AbortSignal) => this.#source(signal, mayHaveMoved);
      const load = () => withTimeLimit(this.#policy.timeoutSeconds, ask);
      const published = await inBackground(load);
      const keys = importKeys(published.members, this.#issuer, this.#loaded?.index);
      const mayBeEmpty = published.isAbsent === true && this.known().length === 0;
      if (keys.length === 0 && !mayBeEmpty) throw new NoUsableKey('invalid', 'no usable key');
      const freshSeconds = keyLifetime(published.maxAgeSeconds, this.#policy);
      this.#succeed(keys, freshSeconds);
      outcome = { event: 'loaded', freshSeconds };
    } catch (error) {
      const failure = unavailable('jwks', error);
      this.#fail(failure);
      outcome = { event: 'failed', reason: failure.reason, detail: describeError(failure.cause) };
    }
    const durationSeconds = (performance.now() - startedAt) / 1000;
    reportKeys({ ...outcome, issuer: this.#issuer, keys: this.known().length, durationSeconds });
  }

  #succeed(keys: readonly VerificationKey[], maxAge: number): void {
    const fresh = spanFrom(this.#clock(), maxAge);
    this.#loaded = {
      index: createKeyIndex(keys),
      fresh,
      renewAt: fresh.from + maxAge * EARLY_REFRESH * 1000,
      endAt: fresh.until + this.#policy.staleIfErrorSeconds * 1000,
    };
    this.#failure = undefined;
    this.#usedSinceRefresh = false;
    this.#schedule(maxAge * EARLY_REFRESH);
  }

  #fail(error: UnavailableError): void {
    const now = this.#clock();
    const count = (this.#failure?.count ?? 0) + 1;
    const limits = { firstSeconds: FIRST_BACKOFF_SECONDS, maxSeconds: this.#policy.cooldownSeconds };
    const quick = this.#loaded === undefined ? COLD_BACKOFF_SECONDS : [];
    const seconds = Math.min(quick[count - 1] ?? pauseAfter(count - quick.length, limits), limits.maxSeconds);
    this.#failure = { error, backoff: spanFrom(now, seconds), count };
    if (this.#loaded === undefined) return;
    if (isWithdrawal(error.cause)) {
      const { fresh, endAt } = this.#loaded;
      const trustedUntil = Math.min(endAt, fresh.until, now + this.#policy.maxAgeSeconds * 1000);
      this.#loaded = { ...this.#loaded, endAt: trustedUntil };
    }
    this.#schedule(Math.max(seconds, FIRST_BACKOFF_SECONDS));
  }

  /** Renews in the background, but only as long as requests come: an unused issuer is left alone. */
  #schedule(delaySeconds: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const renew = (): void => {
      if (this.#usedSinceRefresh) void this.#refresh();
      this.#usedSinceRefresh = false;
    };
    const milliseconds = Math.min(delaySeconds * 1000, MAX_TIMER_MS);
    this.#timer = inBackground(() => startBackgroundTimer(renew, milliseconds));
  }
}

/**
 * What a token's header points to: a key, none, or one that doesn't fit, with the reason. The issuer may have
 * replaced that by now.
 *
 * @throws {InvalidTokenError} `no_matching_key`: no key can have such a name
 */
function lookUp(
  index: KeyIndex,
  reference: KeyReference,
  algorithm: string,
): VerificationKey | InvalidTokenError | undefined {
  try {
    return findKey(index, reference, algorithm);
  } catch (error) {
    if (error instanceof InvalidTokenError && error.reason !== 'no_matching_key') return error;
    throw error;
  }
}

/** The issuer answered, but without a key to verify with. */
class NoUsableKey extends FetchFailure {}

/**
 * Whether the issuer itself says that it has no keys: that isn't an outage. A 404 may be from a proxy in
 * front, as many answer while they know no instance of the issuer.
 */
function isWithdrawal(cause: unknown): boolean {
  return cause instanceof NoUsableKey || (cause instanceof FetchFailure && cause.status === 410);
}
