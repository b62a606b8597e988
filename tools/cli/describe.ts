const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/**
 * A NumericDate for people: `2030-01-01T00:05:00Z, in 5 min`. The number itself if it's out of range for a
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

/**
 * How an identifier differs from the expected one, if that looks like a mistake and not like another party.
 * Identifiers are compared character by character (RFC 8414 §3.3, RFC 9068 §4).
 *
 * @returns a clause such as `they differ only by a trailing slash`, or undefined if they differ otherwise
 */
export function describeDifference(one: string, other: string): string | undefined {
  if (one === `${other}/` || other === `${one}/`) return 'they differ only by a trailing slash';
  if (one.trim() === other.trim()) return 'they differ only by spaces around them';
  if (one.toLowerCase() === other.toLowerCase()) return 'they differ only by upper and lower case';
  const withoutScheme = (identifier: string) => identifier.replace(/^https?:/i, '');
  if (withoutScheme(one) === withoutScheme(other)) return 'they differ only by http and https';
  if (URL.canParse(one) && URL.canParse(other)) {
    const [first, second] = [new URL(one), new URL(other)];
    if (first.href === second.href) return 'they are two spellings of one URL, and have to be spelt alike';
    if (first.origin === second.origin) return 'they are on the same host and differ by the path';
    if (first.hostname === second.hostname) return 'they are on the same host and differ by the port';
  }
  return undefined;
}
