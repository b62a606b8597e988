import { inBackground } from '../lib/background.js';
import { GRACE_SECONDS, TimeLimitExceeded, unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { pauseAfter } from '../lib/pause.js';
import { isTokenRequestError, restate, TokenRequestError } from './errors.js';
import { type FlightOptions, fly } from './flight.js';
import type { GrantedToken } from './granted-token.js';
import { renewalAge } from './lifetime.js';
import { type Stopwatch, startStopwatch, type Time } from './stopwatch.js';
import type { ReceivedToken, TokenRequest } from './token-endpoint.js';

/** A resource server that refuses every token must not cost a token request per call. */
const REPLACEMENT_COOLDOWN_SECONDS = 30;
/**
 * How many are replaced meanwhile if it accepts them elsewhere: one of its instances may refuse every token.
 */
const MAX_REPLACEMENTS = 10;
/** The pause after failed requests. */
const PAUSE = { firstSeconds: 1, maxSeconds: 30 };

/** What the client of an API does with its access tokens. */
export interface OwnTokens {
  get(signal?: AbortSignal): Promise<GrantedToken>;
  drop(accessToken: string, isExplained?: boolean): boolean;
  accept(accessToken: string): void;
}

export interface TokenCacheOptions extends Omit<FlightOptions, 'request' | 'closing'> {
  readonly time: Time;
  /** Whether a token needs renewal however young it is. */
  readonly isOutdated: (token: GrantedToken) => boolean;
}

interface CachedToken extends ReceivedToken {
  readonly renewalAge: number;
  /** It replaced one that a resource server refused. */
  readonly replacesRefused: boolean;
  /** A resource server has accepted it. */
  accepted: boolean;
}

/** No request is made meanwhile. */
interface Pause {
  readonly failure: TokenRequestError;
  readonly seconds: number;
  readonly age: Stopwatch;
}

interface Renewal {
  /** Settles when the outcome has been kept. */
  readonly token: Promise<GrantedToken>;
  readonly age: Stopwatch;
  /** Whether a caller waited for it when it began. */
  readonly isAwaited: boolean;
}

/**
 * One client's access token, fetched on first use and renewed while it's in use.
 *
 * It guarantees: there's one flight at a time. While a token hasn't expired, a caller never waits, and
 * doesn't notice a failing renewal. A failure is never kept as a result, but starts a pause in which callers
 * without a token are refused at once.
 */
export class TokenCache {
  readonly #options: TokenCacheOptions;
  readonly #closing = new AbortController();
  #held: CachedToken | undefined;
  #renewal: Renewal | undefined;
  #pause: Pause | undefined;
  #failures = 0;
  #droppedLast = false;
  /** Since when each refused token of the last 30 seconds has been dropped. */
  #drops: readonly Stopwatch[] = [];

  constructor(options: TokenCacheOptions) {
    this.#options = options;
  }

  /**
   * A token that hasn't expired, at once if there is one.
   *
   * @param request how to ask for another one
   * @param signal ends this caller's wait, not the request that others wait for too
   * @throws {TokenRequestError} there's no token, or the client is closed
   */
  async get(request: TokenRequest, signal?: AbortSignal): Promise<GrantedToken> {
    signal?.throwIfAborted();
    if (this.#closing.signal.aborted) throw new TokenRequestError('closed');
    const held = this.#valid();
    if (held === undefined) return this.#wait(request, signal);
    // Not "is older than": a value that can't be compared counts as due.
    const isDue = !(held.age() < held.renewalAge) || this.#options.isOutdated(held.token);
    if (isDue && this.#renewal === undefined && this.#remainingPause() === 0)
      inBackground(() => this.#renew(request, false));
    return held.token;
  }

  /**
   * A resource server refused this token: it's no longer used. A token that replaced a refused one and was
   * never accepted is kept for a while, because then the token isn't what's wrong. So is the tenth
   * replacement in that time.
   *
   * @param isExplained whether the server said that it's the token. If not, one that was accepted is kept for
   *   a while, too: one of several servers, or a gateway, may refuse every token
   * @returns whether the next {@link get} gives another token
   */
  drop(accessToken: string, isExplained = true): boolean {
    const held = this.#held;
    if (held === undefined || held.token.accessToken !== accessToken) return true;
    const isProven = held.accepted && isExplained;
    if (held.replacesRefused && !isProven && held.age() < REPLACEMENT_COOLDOWN_SECONDS) return false;
    const recent = this.#drops.filter((age) => age() < REPLACEMENT_COOLDOWN_SECONDS);
    if (recent.length >= MAX_REPLACEMENTS) return false;
    this.#drops = [...recent, startStopwatch(this.#options.time)];
    this.#held = undefined;
    this.#droppedLast = true;
    this.#options.report('dropped');
    return true;
  }

  /** A resource server accepted this token. */
  accept(accessToken: string): void {
    if (this.#held?.token.accessToken === accessToken) this.#held.accepted = true;
  }

  /** Forgets the token and refuses waiting callers. */
  close(): void {
    this.#held = undefined;
    this.#closing.abort(new TokenRequestError('closed'));
  }

  #valid(): CachedToken | undefined {
    const held = this.#held;
    return held !== undefined && held.age() < held.lifetimeSeconds ? held : undefined;
  }

  /** The timer of the time limit keeps the process alive while the caller waits. */
  async #wait(request: TokenRequest, signal: AbortSignal | undefined): Promise<GrantedToken> {
    const wait = (limit: AbortSignal) => unlessAborted(this.#obtain(request, limit), signal);
    try {
      return await withTimeLimit(this.#options.timeoutSeconds, wait, signal, setTimeout);
    } catch (error) {
      throw error instanceof TimeLimitExceeded ? new TokenRequestError('timeout') : error;
    }
  }

  /**
   * The token of the flight that's under way, or of a new one. If that began in the background and fails, the
   * caller hasn't had an attempt yet, and makes one.
   *
   * @param limit ends this caller's wait
   */
  async #obtain(request: TokenRequest, limit: AbortSignal): Promise<GrantedToken> {
    const underWay = this.#renewal && !this.#isLost(this.#renewal) ? this.#renewal : undefined;
    const pause = this.#remainingPause();
    if (underWay === undefined && this.#pause !== undefined && pause > 0)
      throw restate(this.#pause.failure, Math.ceil(pause));
    const { token, isAwaited } = underWay ?? this.#renew(request, true);
    try {
      return await token;
    } catch (error) {
      if (isAwaited || limit.aborted || this.#closing.signal.aborted) throw error;
    }
    return this.#valid()?.token ?? this.#obtain(request, limit);
  }

  /** Whether a flight is older than it can get, as after a freeze of the process. Then it says nothing. */
  #isLost({ age }: Renewal): boolean {
    return age() > this.#options.timeoutSeconds + GRACE_SECONDS;
  }

  #renew(request: TokenRequest, isAwaited: boolean): Renewal {
    const flight = fly({ ...this.#options, request, closing: this.#closing.signal });
    const token: Promise<GrantedToken> = flight.then(
      (received) => this.#keep(renewal, received),
      (error: unknown) => this.#fail(renewal, error),
    );
    // In the background no caller waits for it.
    token.catch(() => undefined);
    const renewal: Renewal = { token, age: startStopwatch(this.#options.time), isAwaited };
    this.#renewal = renewal;
    return renewal;
  }

  #keep(renewal: Renewal, received: ReceivedToken): GrantedToken {
    if (this.#renewal !== renewal) return received.token; // given up
    this.#renewal = undefined;
    const { lifetimeSeconds, isLast } = received;
    this.#held = {
      ...received,
      renewalAge: isLast ? lifetimeSeconds : renewalAge(lifetimeSeconds, this.#options.random),
      replacesRefused: this.#droppedLast,
      accepted: false,
    };
    this.#droppedLast = false;
    this.#pause = undefined;
    this.#failures = 0;
    return received.token;
  }

  #fail(renewal: Renewal, error: unknown): never {
    if (this.#renewal !== renewal) throw error; // given up
    this.#renewal = undefined;
    if (isTokenRequestError(error) && error.reason !== 'closed') {
      this.#failures += 1;
      const age = startStopwatch(this.#options.time);
      const seconds = Math.max(error.retryAfter ?? 0, this.#usualPause(renewal, error));
      this.#pause = { failure: error, seconds, age };
    }
    throw error;
  }

  #usualPause(renewal: Renewal, failure: TokenRequestError): number {
    const pause = (failures: number): number =>
      pauseAfter(failures, { ...PAUSE, spread: { least: 0.5, random: this.#options.random } });
    const held = this.#valid();
    // A caller that no longer finds a token may always try once.
    if (!renewal.isAwaited || this.#isLost(renewal))
      return Math.min(pause(this.#failures), held === undefined ? 0 : held.lifetimeSeconds - held.age());
    if (failure.transient) return pause(this.#failures);
    // Someone has to fix this and then tries again: a first refusal mustn't make them wait.
    return this.#failures === 1 ? 0 : pause(this.#failures - 1);
  }

  /**
   * In seconds. Permanent failures, such as a wrong secret, pause too: a thousand calls mustn't each repeat
   * them.
   */
  #remainingPause(): number {
    return this.#pause === undefined ? 0 : Math.max(this.#pause.seconds - this.#pause.age(), 0) || 0;
  }
}
