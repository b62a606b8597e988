import { withTimeLimit } from './deadline.js';
import { isWithin, type Span, spanFrom } from './pause.js';

interface UnderWay<T> {
  /** Never rejects, so a waiting caller can tell work that failed from work that was lost. */
  readonly outcome: Promise<PromiseSettledResult<T>>;
  /** After this, it's given up. */
  readonly span: Span;
}

/**
 * Work that one caller begins and that later callers join.
 *
 * On Workers, work ends with the request that began it: its promise never settles, or can't be awaited
 * elsewhere. So callers wait no longer than the work can take, and the next one starts lost work again.
 */
export class SharedWork<T> {
  readonly #clock: () => number;
  readonly #limitSeconds: number;
  readonly #underWay = new Map<string, UnderWay<T>>();

  /** @param limitSeconds more than the work takes if it can finish */
  constructor(clock: () => number, limitSeconds: number) {
    this.#clock = clock;
    this.#limitSeconds = limitSeconds;
  }

  isUnderWay(name = ''): boolean {
    const { span } = this.#underWay.get(name) ?? {};
    return isWithin(span, this.#clock());
  }

  /** @param name tells several kinds of work apart */
  run(act: () => Promise<T>, name = ''): Promise<T> {
    const underWay = this.#underWay.get(name);
    const isJoined = underWay !== undefined && isWithin(underWay.span, this.#clock());
    return isJoined ? this.#join(underWay, act, name) : this.#begin(act, name);
  }

  #begin(act: () => Promise<T>, name: string): Promise<T> {
    const now = this.#clock();
    for (const [other, { span }] of this.#underWay) {
      if (isWithin(span, now)) break; // they are in the order in which they began
      this.#underWay.delete(other);
    }
    const result = act().finally(() => {
      if (this.#underWay.get(name) === begun) this.#underWay.delete(name);
    });
    const outcome = Promise.allSettled([result]).then(([settled]) => settled);
    const begun = { outcome, span: spanFrom(now, this.#limitSeconds) };
    this.#underWay.delete(name);
    this.#underWay.set(name, begun);
    return result;
  }

  async #join(joined: UnderWay<T>, act: () => Promise<T>, name: string): Promise<T> {
    const seconds = (joined.span.until - this.#clock()) / 1000;
    let outcome: PromiseSettledResult<T>;
    try {
      outcome = await withTimeLimit(seconds, () => joined.outcome);
    } catch {
      // Lost, one way or the other.
      if (this.#underWay.get(name) === joined) this.#underWay.delete(name);
      return this.run(act, name);
    }
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }
}
