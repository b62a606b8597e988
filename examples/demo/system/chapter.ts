import { sum } from '../sum.js';
import { answered, createOrders, type OrderCounts, type Orders } from './orders.js';
import type { Pair, Stage } from './system.js';
import { type Counts, difference } from './tally.js';

/** A part of the story: what happened, in figures, and what had to be so. */
export interface Chapter {
  readonly title: string;
  readonly events: readonly Happening[];
  readonly rows: readonly PairRow[];
  readonly findings: readonly Finding[];
}

/**
 * What happened during a chapter at one order service (its {@link Counts}) and to the orders that were sent
 * to it.
 */
export interface PairRow extends OrderCounts, Counts {
  /** That of the inventory service behind it. */
  readonly framework: string;
}

/** Something that happened, and how many orders had been answered in this chapter by then. */
interface Happening {
  readonly text: string;
  readonly orders: number;
}

/** Something that must be so. */
export interface Finding {
  readonly text: string;
  readonly holds: boolean;
}

export function finding(text: string, holds: boolean): Finding {
  return { text, holds };
}

/** What a chapter plays with. */
interface Scene {
  readonly orders: Orders;
  /** For the record: something has happened. */
  note(text: string): void;
  /** Resolves when it holds, for every order service, of what it has met with since the chapter began. */
  untilEach(what: string, holds: (soFar: Counts) => boolean): Promise<void>;
}

/** A chapter before it has been played. */
export interface Plot {
  readonly title: string;
  /** What happens. Resolves with what was found out on the way. */
  happen(scene: Scene): Promise<readonly Finding[]>;
  /** What the figures must be. */
  expect(rows: readonly PairRow[]): readonly Finding[];
}

/** Has things happen, and draws the line when the last order has been answered. */
export async function play(system: Stage, { title, happen, expect }: Plot): Promise<Chapter> {
  const before = new Map(system.pairs.map((pair) => [pair, pair.tally.counts]));
  const countsOf = (pair: Pair): Counts => difference(pair.tally.counts, before.get(pair));
  const orders = createOrders(system);
  const events: Happening[] = [];
  const scene: Scene = {
    orders,
    note(text) {
      events.push({ text, orders: sum(system.pairs.map((pair) => answered(orders.countsOf(pair)))) });
    },
    untilEach: (what, holds) =>
      system.watch.until(`every order-service ${what}`, () =>
        system.pairs.every((pair) => holds(countsOf(pair))),
      ),
  };

  let found: readonly Finding[];
  try {
    found = await happen(scene);
  } finally {
    await orders.stop();
  }
  const rows = system.pairs.map((pair) => ({
    framework: pair.framework,
    ...orders.countsOf(pair),
    ...countsOf(pair),
  }));
  return { title, events, rows, findings: [...found, ...expect(rows)] };
}
