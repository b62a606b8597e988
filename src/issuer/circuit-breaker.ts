import { GRACE_SECONDS } from '../lib/deadline.js';
import { isWithin, pauseAfter, type Span, spanFrom } from '../lib/pause.js';
import { MOMENT_SECONDS, RequestHeldBack, RequestSlots } from './request-slots.js';

/** This many failures in a row aren't a coincidence. */
const FAILURES_UNTIL_PAUSE = 5;
const FIRST_PAUSE_SECONDS = 1;

/** What a failed request says about the server. */
export interface Outage {
  /** How long the server asks to be left alone, if it does. */
  readonly retryAfterSeconds?: number | undefined;
}

export interface CircuitBreakerOptions {
  /** The longest pause of our own, in seconds; 0 for no pauses. */
  readonly cooldownSeconds: number;
  /** For how long the server may ask to be left alone, in seconds. Default `cooldownSeconds`. */
  readonly maxRetryAfterSeconds?: number;
  /** The time limit of a request, and how long others wait for a slot. */
  readonly timeoutSeconds: number;
  readonly clock: () => number;
  /**
   * What an error says about the server: `'none'` if it works, and undefined if nothing, because the error
   * may concern only this request.
   */
  readonly findOutage: (error: unknown, isNewcomer: boolean) => Outage | 'none' | undefined;
  /** Called when a pause begins, with its length in seconds, and when the server answers again. */
  readonly onPause?: (seconds: number) => void;
  readonly onRecovery?: () => void;
}

/**
 * Protects a server from too many requests at once, by {@link RequestSlots}, and a failing one from more than
 * it needs to show that it's back. Callers don't wait for that. After five failures in a row, no request is
 * made for a second. Then one request tests the server, and while it still fails, the pauses double up to
 * `cooldownSeconds`. A server that asks for a longer one gets it, up to `maxRetryAfterSeconds`.
 *
 * Security: anyone can be a newcomer. After a pause, one newcomer at a time may ask, and an answer ends the
 * outage. Their failures make only newcomers wait longer.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #slots: RequestSlots;
  #failures = 0;
  #pauses = 0;
  /** The last pause, even if it's over; undefined once the server has answered again. */
  #pause: Span | undefined;
  /** The same for newcomers, who may have to wait longer. */
  #newcomersPause: Span | undefined;
  /** Who is testing the server. */
  readonly #trying: { newcomer?: Span | undefined; known?: Span | undefined } = {};
  /** Changes with the server's state, so that requests from before a pause don't lengthen it. */
  #era = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#slots = new RequestSlots(options.clock, options.timeoutSeconds);
  }

  /**
   * Makes a request, if one is allowed now.
   *
   * @param isNewcomer whether the server hasn't confirmed the caller's token yet
   * @throws {RequestHeldBack} none is allowed
   */
  async run<T>(isNewcomer: boolean, request: () => Promise<T>): Promise<T> {
    this.#check(isNewcomer);
    return this.#slots.run(isNewcomer, () => this.#runNow(isNewcomer, request));
  }

  async #runNow<T>(isNewcomer: boolean, request: () => Promise<T>): Promise<T> {
    this.#check(isNewcomer);
    const era = this.#era;
    const isTrial = this.#pause !== undefined;
    const who = isNewcomer ? 'newcomer' : 'known';
    // At most this long: on Workers, a request may vanish together with what began it.
    const { clock, timeoutSeconds } = this.#options;
    if (isTrial) this.#trying[who] = spanFrom(clock(), timeoutSeconds + GRACE_SECONDS);
    try {
      const result = await request();
      this.#recover();
      return result;
    } catch (error) {
      const outage = this.#options.findOutage(error, isNewcomer);
      if (outage === 'none') this.#recover();
      else if (outage !== undefined && era === this.#era) this.#fail(outage, isTrial && isNewcomer);
      throw error;
    } finally {
      if (isTrial) this.#trying[who] = undefined;
    }
  }

  /** @throws {RequestHeldBack} no request is allowed now */
  #check(isNewcomer: boolean): void {
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
    this.#options.onRecovery?.();
  }

  #fail({ retryAfterSeconds = 0 }: Outage, isNewcomersTrial: boolean): void {
    this.#failures += 1;
    if (this.#pause === undefined && this.#failures < FAILURES_UNTIL_PAUSE && retryAfterSeconds === 0) return;
    const { cooldownSeconds, maxRetryAfterSeconds = cooldownSeconds } = this.#options;
    const limits = { firstSeconds: FIRST_PAUSE_SECONDS, maxSeconds: cooldownSeconds };
    const growing = pauseAfter(this.#pauses + 1, limits);
    const seconds = Math.max(growing, Math.min(retryAfterSeconds, maxRetryAfterSeconds));
    if (seconds === 0) return;
    this.#newcomersPause = spanFrom(this.#options.clock(), seconds);
    if (isNewcomersTrial) return;
    this.#pauses += 1;
    this.#pause = this.#newcomersPause;
    this.#era += 1;
    this.#options.onPause?.(seconds);
  }
}
