import { setImmediate } from 'node:timers/promises';
import type { Pair, Stage } from './system.js';

export const PLACED = '201';
/** What an order service without access token answers, and how many seconds it asks to wait. */
export const UNAVAILABLE = /^503, Retry-After: ([1-9]\d*)$/;

/** What became of the orders that the web shop sent to one order service. */
export interface OrderCounts {
  readonly placed: number;
  /** What came in place of a 201: `"503, Retry-After: 1"`. */
  readonly failures: readonly string[];
  /**
   * How many of the failures have no excuse: the order service had a valid access token and all behind it was
   * up, or it answered with something else than 503 and Retry-After.
   */
  readonly lost: number;
}

export function answered({ placed, failures }: Pick<OrderCounts, 'placed' | 'failures'>): number {
  return placed + failures.length;
}

/** The orders of one chapter. */
export interface Orders {
  /**
   * Sends one order to every order service. Resolves with what came back: {@link PLACED}, or what came in its
   * place.
   */
  once(): Promise<readonly string[]>;
  /**
   * From now on orders come in one after the other, at all order services at the same time.
   *
   * @param lines in how many lines at each of them. Default 1
   */
  start(lines?: number): void;
  /** Resolves when every order service has answered so many more. */
  more(count: number): Promise<void>;
  /** Resolves when the last order has been answered. */
  stop(): Promise<void>;
  /** As it stands now. */
  countsOf(pair: Pair): OrderCounts;
}

export function createOrders(system: Stage): Orders {
  const { pairs, watch } = system;
  const outcomes = new Map<Pair, string[]>(pairs.map((pair) => [pair, []]));
  const lost = new Map<Pair, number>();
  const outcomesOf = (pair: Pair): readonly string[] => outcomes.get(pair) ?? [];
  let streams: readonly Promise<void>[] = [];
  let stopping = false;

  const order = async (pair: Pair): Promise<string> => {
    const start = performance.now();
    const hadToken = pair.tally.hasValidToken();
    const outcome = await placeOrder(system, pair);
    outcomes.get(pair)?.push(outcome);
    const hasExcuse = pair.wasDownSince?.(start) || (!hadToken && !pair.tally.hasValidToken());
    const isExcused = UNAVAILABLE.test(outcome) && hasExcuse;
    if (outcome !== PLACED && !isExcused) lost.set(pair, (lost.get(pair) ?? 0) + 1);
    watch.changed();
    return outcome;
  };
  const orderOneAfterTheOther = async (pair: Pair): Promise<void> => {
    while (!stopping) {
      await order(pair);
      await setImmediate(); // an order that fails without a request must not keep everything else from happening
    }
  };

  return {
    once: () => Promise.all(pairs.map(order)),
    start(lines = 1) {
      streams = Array.from({ length: lines }, () => pairs.map(orderOneAfterTheOther)).flat();
    },
    more(count) {
      const goals = pairs.map((pair) => ({ pair, goal: outcomesOf(pair).length + count }));
      return watch.until(`every order service has answered ${count} more orders`, () =>
        goals.every(({ pair, goal }) => outcomesOf(pair).length >= goal),
      );
    },
    async stop() {
      stopping = true;
      await Promise.all(streams);
    },
    countsOf(pair) {
      const failures = outcomesOf(pair).filter((outcome) => outcome !== PLACED);
      return { placed: outcomesOf(pair).length - failures.length, failures, lost: lost.get(pair) ?? 0 };
    },
  };
}

/** Sends one order. Resolves with {@link PLACED}, or with what came in place of a 201. */
async function placeOrder({ webShop, book }: Stage, { orderServiceUrl }: Pair): Promise<string> {
  try {
    const response = await webShop.fetch(`${orderServiceUrl}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sku: '42' }),
    });
    await response.arrayBuffer();
    if (response.status === 201) {
      book.placed += 1;
      return PLACED;
    }
    const retryAfter = response.headers.get('retry-after');
    return retryAfter === null ? `${response.status}` : `${response.status}, Retry-After: ${retryAfter}`;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : 'failed';
  }
}
