const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/**
 * A NumericDate for people: `2030-01-01T00:05:00Z, in 5 min`. The bare number if it's out of range for a
 * date.
 */
export function describeDate(seconds: number, now: number): string {
  const date = formatDate(seconds);
  if (date === undefined) return String(seconds);
  const difference = Math.round(seconds - now);
  const distance = describeDuration(Math.abs(difference));
  if (difference === 0) return `${date}, now`;
  return `${date}, ${difference > 0 ? `in ${distance}` : `${distance} ago`}`;
}

/** Whole seconds in the two largest units: `4 min 58 s`. */
export function describeDuration(seconds: number): string {
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ');
}

/** `2030-01-01T00:05:00Z`; undefined if it's out of range for a date. */
export function formatDate(seconds: number): string | undefined {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
