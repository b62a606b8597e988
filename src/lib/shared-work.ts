import { withTimeLimit } from './deadline.js';
import { isWithin, spanFrom } from './pause.js';

interface UnderWay<T> {
  /** Never rejects, so a waiting caller can tell work that failed from work that was lost. */
  readonly outcome: Promise<PromiseSettledResult<T>>;
  readonly begunAt: number;
}

/**
 * Work that one caller begins and that later callers join.
 *
 * On Workers, work ends with the request that began it: its promise never settles, or can't be awaited
 * elsewhere. So callers wait no longer than the work can take, and the next one starts lost work again.
 */
export class SharedWork<T> {
  readonly #clock: () => number;
  readonly #limitSeconds: () => number;
  readonly #underWay = new Map<string, UnderWay<T>>();

  /**
   * @param limitSeconds more than the work takes if it can finish; a function if that may become more while
   *   it's under way
   */
  constructor(clock: () => number, limitSeconds: number | (() => number)) {
    this.#clock = clock;
    this.#limitSeconds = typeof limitSeconds === 'number' ? () => limitSeconds : limitSeconds;
  }

  isUnderWay(name = ''): boolean {
    return this.#isInTime(this.#underWay.get(name));
  }

  /** @param name tells several kinds of work apart */
  run(act: () => Promise<T>, name = ''): Promise<T> {
    const underWay = this.#underWay.get(name);
    return this.#isInTime(underWay) ? this.#join(underWay, act, name) : this.#begin(act, name);
  }

  /** If not, it's given up. */
  #isInTime(work: UnderWay<T> | undefined): work is UnderWay<T> {
    return work !== undefined && isWithin(spanFrom(work.begunAt, this.#limitSeconds()), this.#clock());
  }

  #begin(act: () => Promise<T>, name: string): Promise<T> {
    for (const [other, work] of this.#underWay) {
      if (this.#isInTime(work)) break; // they are in the order in which they began
      this.#underWay.delete(other);
    }
    const begunAt = this.#clock();
    const result = act().finally(() => {
      if (this.#underWay.get(name) === begun) this.#underWay.delete(name);
    });
    const outcome = Promise.allSettled([result]).then(([settled]) => settled);
    const begun = { outcome, begunAt };
    this.#underWay.delete(name);
    this.#underWay.set(name, begun);
    return result;
  }

  async #join(joined: UnderWay<T>, act: () => Promise<T>, name: string): Promise<T> {
    const limitSeconds = this.#limitSeconds();
    const seconds = limitSeconds - (this.#clock() - joined.begunAt) / 1000;
    let outcome: PromiseSettledResult<T>;
    try {
      outcome = await withTimeLimit(seconds, () => joined.outcome);
    } catch {
      // Lost, one way or the other, unless it may take longer by now.
      if (this.#limitSeconds() <= limitSeconds && this.#underWay.get(name) === joined)
        this.#underWay.delete(name);
      return this.run(act, name);
    }
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }
}
