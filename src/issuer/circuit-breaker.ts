import { SafeError } from '../lib/errors.js';
import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';

/** So many failures in a row are no coincidence. */
const FAILURES_UNTIL_PAUSE = 5;
const FIRST_PAUSE_SECONDS = 1;
/** More requests than this at the same time would be a flood. */
const MAX_RUNNING = 100;
/** How soon to come back when only the number of requests is in the way. */
const MOMENT_SECONDS = 1;

/** No request may be made now. */
export class RequestHeldBack extends SafeError {
  /** Seconds until one may be. */
  readonly retryAfterSeconds: number;
  /** Whether the server failed before, or there are just too many requests. */
  readonly isPaused: boolean;

  constructor(retryAfterSeconds: number, isPaused: boolean) {
    super(isPaused ? 'paused after failures' : 'too many requests at the same time');
    this.retryAfterSeconds = retryAfterSeconds;
    this.isPaused = isPaused;
  }
}

/** What the failure of a request says about the server. */
export interface Outage {
  /** How long the server itself wants to be left alone. */
  readonly retryAfterSeconds: number | undefined;
}

export interface CircuitBreakerOptions {
  /** The longest pause, in seconds; 0 for none at all. */
  readonly cooldownSeconds: number;
  readonly clock: () => number;
  /** What an error says about the server; undefined where the server is well. */
  readonly findOutage: (error: unknown) => Outage | undefined;
  /** Called when a pause begins, with its length in seconds, and when the server answers again. */
  readonly onPause: (seconds: number) => void;
  readonly onRecovery: () => void;
}

/**
 * Spares a server that fails, and those who would wait for it: after five failures in a row no request is
 * made for a second. Then one is made to see whether the server is well again, and while it is not, pauses
 * double up to `cooldownSeconds`. At most 100 requests run at the same time.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #pauses = 0;
  /** The last pause, also when it is over; undefined when the server has answered since. */
  #pause: Span | undefined;
  #isProbing = false;
  #running = 0;
  /** Counts what the server went through, so that requests from before a pause do not lengthen it. */
  #era = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /**
   * Makes a request, if one may be made now.
   *
   * @throws {RequestHeldBack} none may be made
   */
  async run<T>(request: () => Promise<T>): Promise<T> {
    this.#checkMayRun();
    const era = this.#era;
    const isProbe = this.#pause !== undefined;
    this.#isProbing ||= isProbe;
    this.#running += 1;
    try {
      const result = await request();
      this.#recover();
      return result;
    } catch (error) {
      const outage = this.#options.findOutage(error);
      if (outage === undefined) this.#recover();
      else if (era === this.#era) this.#fail(outage);
      throw error;
    } finally {
      this.#running -= 1;
      if (isProbe) this.#isProbing = false;
    }
  }

  #checkMayRun(): void {
    const now = this.#options.clock();
    if (this.#pause !== undefined) {
      if (isWithin(this.#pause, now)) throw new RequestHeldBack((this.#pause.until - now) / 1000, true);
      if (this.#isProbing) throw new RequestHeldBack(MOMENT_SECONDS, true);
    }
    if (this.#running >= MAX_RUNNING) throw new RequestHeldBack(MOMENT_SECONDS, false);
  }

  #recover(): void {
    this.#failures = 0;
    this.#pauses = 0;
    if (this.#pause === undefined) return;
    this.#pause = undefined;
    this.#era += 1;
    this.#options.onRecovery();
  }

  #fail({ retryAfterSeconds = 0 }: Outage): void {
    this.#failures += 1;
    if (this.#pause === undefined && this.#failures < FAILURES_UNTIL_PAUSE && retryAfterSeconds === 0) return;
    const { cooldownSeconds } = this.#options;
    const growing = pauseAfter(this.#pauses + 1, {
      firstSeconds: FIRST_PAUSE_SECONDS,
      maxSeconds: cooldownSeconds,
    });
    const seconds = Math.min(Math.max(growing, retryAfterSeconds), cooldownSeconds);
    if (seconds === 0) return;
    this.#pauses += 1;
    this.#pause = spanFrom(this.#options.clock(), seconds);
    this.#era += 1;
    this.#options.onPause(seconds);
  }
}
