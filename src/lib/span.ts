/** A stretch of time, in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

export function spanFrom(from: number, seconds: number): Span {
  return { from, until: from + seconds * 1000 };
}

/** Whether `now` is in the span. A clock that was set back is outside of every span: else one could last for years. */
export function isWithin(span: Span | undefined, now: number): boolean {
  return span !== undefined && now >= span.from && now < span.until;
}
