/** Random numbers from 0 up to 1, as `Math.random` gives them. */
export type Random = () => number;

/** How a pause grows. */
export interface Backoff {
  /** After the first failure. */
  readonly firstSeconds: number;
  /** The longest, after any number of failures. */
  readonly maxSeconds: number;
  /** Spreads pauses over time, so that many clients don't come back at once. */
  readonly spread?: { readonly least: number; readonly random: Random };
}

/**
 * How long to leave a server alone after this many failures in a row, in seconds. Doubles with each one.
 *
 * With `spread`, a random part of that, at least the fraction `least`.
 */
export function pauseAfter(failures: number, { firstSeconds, maxSeconds, spread }: Backoff): number {
  const longest = Math.min(firstSeconds * 2 ** (failures - 1), maxSeconds);
  return spread === undefined
    ? longest
    : longest * (spread.least + (1 - spread.least) * fraction(spread.random));
}

/** A number from 0 to 1. The application's function may return anything: what isn't a number counts as 0. */
export function fraction(random: Random): number {
  return Math.min(Math.max(random(), 0), 1) || 0;
}

/** A time span, in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

export function spanFrom(from: number, seconds: number): Span {
  return { from, until: from + seconds * 1000 };
}

/**
 * Whether `now` is in the span. If the clock was set back, it's in none: otherwise a span could last for
 * years.
 */
export function isWithin(span: Span | undefined, now: number): boolean {
  return span !== undefined && now >= span.from && now < span.until;
}
