import { TimeLimitExceeded, unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { pauseAfter, type Random } from '../lib/pause.js';
import { isTokenRequestError, TokenRequestError } from './errors.js';
import type { Report } from './events.js';
import type { ReceivedToken, TokenRequest } from './token-endpoint.js';

const MAX_ATTEMPTS = 3;
/** The longest delay before the second attempt. */
const FIRST_RETRY_SECONDS = 0.25;

export interface FlightOptions {
  readonly request: TokenRequest;
  /** Time limit of all attempts together. */
  readonly timeoutSeconds: number;
  readonly random: Random;
  readonly report: Report;
  /** Ends the flight early, with the signal's reason. */
  readonly closing: AbortSignal;
}

/**
 * Gets one token, for every caller that waits for it: up to three attempts within the time limit, each after
 * a failure that may pass.
 */
export class Flight {
  /** Rejects with a {@link TokenRequestError}. */
  readonly received: Promise<ReceivedToken>;
  readonly #options: FlightOptions;
  #awaited = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FlightOptions) {
    this.#options = options;
    this.received = unlessAborted(this.#run(), options.closing);
  }

  /**
   * A caller waits: the process must not exit between two attempts. A flight in the background doesn't keep
   * it alive.
   */
  hold(): void {
    this.#awaited = true;
    this.#timer?.ref();
  }

  async #run(): Promise<ReceivedToken> {
    const { timeoutSeconds, closing } = this.#options;
    try {
      return await withTimeLimit(timeoutSeconds, (signal) => this.#attempts(signal), closing);
    } catch (error) {
      if (!(error instanceof TimeLimitExceeded)) throw error;
      const failure = new TokenRequestError('timeout');
      if (!closing.aborted) this.#options.report('failed', () => failure);
      throw failure;
    }
  }

  async #attempts(signal: AbortSignal): Promise<ReceivedToken> {
    const deadline = performance.now() + this.#options.timeoutSeconds * 1000;
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#attempt(signal);
      } catch (error) {
        if (!isTokenRequestError(error) || !error.transient || failures === MAX_ATTEMPTS) throw error;
        const spread = { least: 0, random: this.#options.random };
        const limits = { firstSeconds: FIRST_RETRY_SECONDS, maxSeconds: Number.POSITIVE_INFINITY, spread };
        const delay = 1000 * Math.max(error.retryAfter ?? 0, pauseAfter(failures, limits));
        if (signal.aborted || performance.now() + delay >= deadline) throw error;
        await this.#pause(delay, signal);
      }
    }
  }

  async #attempt(signal: AbortSignal): Promise<ReceivedToken> {
    const { request, report, closing } = this.#options;
    let isMade = false;
    try {
      const received = await request(signal, () => {
        isMade = true;
        report('requested');
      });
      report('renewed', () => received.token);
      return received;
    } catch (error) {
      if (isMade && isTokenRequestError(error) && !closing.aborted) report('failed', () => error);
      throw error;
    }
  }

  #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(this.#timer);
        reject(new TokenRequestError('timeout'));
      };
      this.#timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, milliseconds);
      if (!this.#awaited) this.#timer.unref();
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}
