import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';
import { RequestHeldBack } from './request-slots.js';

/** So many failures in a row are no coincidence. */
const FAILURES_UNTIL_PAUSE = 5;
const FIRST_PAUSE_SECONDS = 1;
/** How soon to come back while another request tries whether the server is well. */
const MOMENT_SECONDS = 1;

/** What the failure of a request says about the server. */
export interface Outage {
  /** How long the server itself wants to be left alone, if it says so. */
  readonly retryAfterSeconds?: number | undefined;
}

export interface CircuitBreakerOptions {
  /** The longest pause, in seconds; 0 for none at all. */
  readonly cooldownSeconds: number;
  /** How long one request takes, at most. */
  readonly trialSeconds: number;
  readonly clock: () => number;
  /** What an error says about the server; undefined if it may be about this one request. */
  readonly findOutage: (error: unknown, isNewcomer: boolean) => Outage | undefined;
  /** Called when a pause begins, with its length in seconds, and when the server answers again. */
  readonly onPause: (seconds: number) => void;
  readonly onRecovery: () => void;
}

/**
 * Spares a server that fails, and those who would wait for it: after five failures in a row no request is
 * made for a second. Then one is made to see whether the server is well again, and while it isn't, pauses
 * double up to `cooldownSeconds`.
 *
 * Security: anybody can be a newcomer. After a pause one of them at a time may ask, and an answer ends the
 * outage. What they meet makes newcomers wait longer, but nobody else.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #pauses = 0;
  /** The last pause, also when it's over; undefined when the server has answered since. */
  #pause: Span | undefined;
  /** The same for newcomers, who may have to wait longer. */
  #newcomersPause: Span | undefined;
  /** Who tries whether the server is well. */
  readonly #trying: { newcomer?: Span | undefined; known?: Span | undefined } = {};
  /** Counts what the server went through, so that requests from before a pause don't lengthen it. */
  #era = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /**
   * Makes a request, if one may be made now.
   *
   * @param isNewcomer whether it's for somebody whom the server hasn't vouched for
   * @throws {RequestHeldBack} none may be made
   */
  async run<T>(isNewcomer: boolean, request: () => Promise<T>): Promise<T> {
    this.check(isNewcomer);
    const era = this.#era;
    const isTrial = this.#pause !== undefined;
    const who = isNewcomer ? 'newcomer' : 'known';
    // For so long at most: on Workers a request may end without a word, with what began it.
    if (isTrial) this.#trying[who] = spanFrom(this.#options.clock(), this.#options.trialSeconds);
    try {
      const result = await request();
      this.#recover();
      return result;
    } catch (error) {
      const outage = this.#options.findOutage(error, isNewcomer);
      if (outage !== undefined && era === this.#era) this.#fail(outage, isTrial && isNewcomer);
      throw error;
    } finally {
      if (isTrial) this.#trying[who] = undefined;
    }
  }

  /** @throws {RequestHeldBack} no request may be made now */
  check(isNewcomer: boolean): void {
    if (this.#pause === undefined) return;
    const now = this.#options.clock();
    const pause = isNewcomer ? this.#newcomersPause : this.#pause;
    if (pause !== undefined && isWithin(pause, now))
      throw new RequestHeldBack((pause.until - now) / 1000, true);
    if (isWithin(isNewcomer ? this.#trying.newcomer : this.#trying.known, now))
      throw new RequestHeldBack(MOMENT_SECONDS, true);
  }

  #recover(): void {
    this.#failures = 0;
    this.#pauses = 0;
    if (this.#pause === undefined) return;
    this.#pause = undefined;
    this.#era += 1;
    this.#options.onRecovery();
  }

  #fail({ retryAfterSeconds = 0 }: Outage, isNewcomersTrial: boolean): void {
    this.#failures += 1;
    if (this.#pause === undefined && this.#failures < FAILURES_UNTIL_PAUSE && retryAfterSeconds === 0) return;
    const { cooldownSeconds } = this.#options;
    const limits = { firstSeconds: FIRST_PAUSE_SECONDS, maxSeconds: cooldownSeconds };
    const growing = pauseAfter(this.#pauses + 1, limits);
    const seconds = Math.min(Math.max(growing, retryAfterSeconds), cooldownSeconds);
    if (seconds === 0) return;
    this.#newcomersPause = spanFrom(this.#options.clock(), seconds);
    if (isNewcomersTrial) return;
    this.#pauses += 1;
    this.#pause = this.#newcomersPause;
    this.#era += 1;
    this.#options.onPause(seconds);
  }
}
