import { startBackgroundTimer } from '../lib/background-timer.js';
import { GRACE_SECONDS } from '../lib/deadline.js';
import { SafeError } from '../lib/errors.js';
import { isWithin, type Span, spanFrom } from '../lib/pause.js';

/** More simultaneous requests than this would be a flood. */
const MAX_RUNNING = 100;
/** How many of these may be for newcomers. */
const MAX_NEWCOMERS_RUNNING = 80;
/** How many may wait. */
const MAX_WAITING = 1000;
/** How many newcomers may come at once, and per second in the long run. */
const NEWCOMER_BURST = 2000;
const NEWCOMERS_PER_SECOND = 100;
/** How soon to come back if only the number of requests is the problem. */
export const MOMENT_SECONDS = 1;

/** No request is allowed now. */
export class RequestHeldBack extends SafeError {
  /** Seconds until one is. */
  readonly retryAfterSeconds: number;
  /** Whether the server failed before; if not, there are just too many requests. */
  readonly isPaused: boolean;

  constructor(retryAfterSeconds: number, isPaused: boolean) {
    super(isPaused ? 'paused after failures' : 'too many requests at the same time');
    this.retryAfterSeconds = retryAfterSeconds;
    this.isPaused = isPaused;
  }
}

interface Waiting {
  readonly isNewcomer: boolean;
  readonly start: (slot: Slot) => void;
}

/** One request that runs. */
interface Slot {
  readonly isNewcomer: boolean;
  /** After this the slot is free, whatever became of the request. */
  readonly span: Span;
}

/**
 * Limits how many requests run at the same time. Anyone can be a newcomer, so newcomers get only some of the
 * slots, at a limited rate. Requests without a slot wait for one, for a limited time. The last one goes
 * first: the others have waited longer and may have given up.
 */
export class RequestSlots {
  readonly #clock: () => number;
  readonly #waitSeconds: number;
  readonly #running = new Set<Slot>();
  readonly #waiting: Waiting[] = [];
  #allowance = NEWCOMER_BURST;
  #allowedAt: number | undefined;

  /** @param waitSeconds the time limit of a request, and how long others wait */
  constructor(clock: () => number, waitSeconds: number) {
    this.#clock = clock;
    this.#waitSeconds = waitSeconds;
  }

  /** @throws {RequestHeldBack} there was no slot in time, or there are too many newcomers */
  async run<T>(isNewcomer: boolean, request: () => Promise<T>): Promise<T> {
    if (isNewcomer) this.#countNewcomer();
    const slot = this.#hasSlot(isNewcomer) ? this.#take(isNewcomer) : await this.#wait(isNewcomer);
    try {
      return await request();
    } finally {
      this.#running.delete(slot);
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
    if (this.#running.size >= MAX_NEWCOMERS_RUNNING) this.#freeLost();
    const newcomers = [...this.#running].filter((slot) => slot.isNewcomer).length;
    return this.#running.size < MAX_RUNNING && !(isNewcomer && newcomers >= MAX_NEWCOMERS_RUNNING);
  }

  /** Slots of requests that vanished, as on Workers together with what began them. */
  #freeLost(): void {
    for (const slot of this.#running) if (!isWithin(slot.span, this.#clock())) this.#running.delete(slot);
  }

  #take(isNewcomer: boolean): Slot {
    const slot = { isNewcomer, span: spanFrom(this.#clock(), this.#waitSeconds + GRACE_SECONDS) };
    this.#running.add(slot);
    return slot;
  }

  #wait(isNewcomer: boolean): Promise<Slot> {
    if (this.#waiting.length >= MAX_WAITING) throw new RequestHeldBack(MOMENT_SECONDS, false);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new RequestHeldBack(MOMENT_SECONDS, false));
      };
      const timer = startBackgroundTimer(giveUp, this.#waitSeconds * 1000);
      const start = (slot: Slot): void => {
        clearTimeout(timer);
        resolve(slot);
      };
      const waiting: Waiting = { isNewcomer, start };
      this.#waiting.push(waiting);
    });
  }

  /** Gives a free slot to the last request that may have it. Those that aren't newcomers go first. */
  #startWaiting(): void {
    const known = this.#hasSlot(false) ? this.#waiting.findLast(({ isNewcomer }) => !isNewcomer) : undefined;
    const next = known ?? (this.#hasSlot(true) ? this.#waiting.at(-1) : undefined);
    if (next === undefined) return;
    this.#waiting.splice(this.#waiting.lastIndexOf(next), 1);
    next.start(this.#take(next.isNewcomer));
  }
}
