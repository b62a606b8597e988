import { SafeError } from '../lib/errors.js';

/** More requests than this at the same time would be a flood. */
const MAX_RUNNING = 100;
/** Of these, how many may be for newcomers. */
const MAX_NEWCOMERS_RUNNING = 80;
/** How many may wait. */
const MAX_WAITING = 1000;
/** How many newcomers may come at once, and per second in the long run. */
const NEWCOMER_BURST = 2000;
const NEWCOMERS_PER_SECOND = 100;
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

interface Waiting {
  readonly isNewcomer: boolean;
  readonly start: () => void;
}

/**
 * Limits how many requests run at the same time. Anybody can be a newcomer, so newcomers get a part of the
 * slots only, and come at a limited rate. Who finds no slot waits for one, for a limited time; the last one
 * comes first, because the others have waited longer and may have given up.
 */
export class RequestSlots {
  readonly #clock: () => number;
  readonly #waitSeconds: number;
  #running = 0;
  #newcomersRunning = 0;
  readonly #waiting: Waiting[] = [];
  #allowance = NEWCOMER_BURST;
  #allowedAt: number | undefined;

  constructor(clock: () => number, waitSeconds: number) {
    this.#clock = clock;
    this.#waitSeconds = waitSeconds;
  }

  /** @throws {RequestHeldBack} there was no slot in time, or there are too many newcomers */
  async run<T>(isNewcomer: boolean, request: () => Promise<T>): Promise<T> {
    if (isNewcomer) this.#countNewcomer();
    if (this.#hasSlot(isNewcomer)) this.#take(isNewcomer);
    else await this.#wait(isNewcomer);
    try {
      return await request();
    } finally {
      this.#running -= 1;
      if (isNewcomer) this.#newcomersRunning -= 1;
      this.#startWaiting();
    }
  }

  #countNewcomer(): void {
    const now = this.#clock();
    const seconds = Math.max(0, now - (this.#allowedAt ?? now)) / 1000;
    this.#allowedAt = now;
    this.#allowance = Math.min(NEWCOMER_BURST, this.#allowance + seconds * NEWCOMERS_PER_SECOND);
    if (!(this.#allowance >= 1)) throw new RequestHeldBack(MOMENT_SECONDS, false);
    this.#allowance -= 1;
  }

  #hasSlot(isNewcomer: boolean): boolean {
    return this.#running < MAX_RUNNING && !(isNewcomer && this.#newcomersRunning >= MAX_NEWCOMERS_RUNNING);
  }

  #take(isNewcomer: boolean): void {
    this.#running += 1;
    if (isNewcomer) this.#newcomersRunning += 1;
  }

  #wait(isNewcomer: boolean): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) throw new RequestHeldBack(MOMENT_SECONDS, false);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new RequestHeldBack(MOMENT_SECONDS, false));
      };
      const timer = setTimeout(giveUp, this.#waitSeconds * 1000).unref();
      const start = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const waiting: Waiting = { isNewcomer, start };
      this.#waiting.push(waiting);
    });
  }

  /** Gives the slot that became free to the last who may have it; those who aren't newcomers come first. */
  #startWaiting(): void {
    const next =
      this.#waiting.findLast(({ isNewcomer }) => !isNewcomer && this.#hasSlot(false)) ??
      this.#waiting.findLast(() => this.#hasSlot(true));
    if (next === undefined) return;
    this.#waiting.splice(this.#waiting.lastIndexOf(next), 1);
    this.#take(next.isNewcomer);
    next.start();
  }
}
