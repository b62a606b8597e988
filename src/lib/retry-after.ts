/** If a server asks for more patience than this, we ask again anyway. */
export const MAX_RETRY_AFTER_SECONDS = 300;
/** RFC 9110 §5.6.7: the form that servers must send, and two old ones that recipients must accept. */
const DATES = [
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

/**
 * Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
 *
 * @param field as `Headers` gives it: Node's leave white space after the value (RFC 9110 §5.5)
 * @param now milliseconds since the epoch
 * @returns whole seconds from 0 to 300; undefined if it's absent or unreadable
 */
export function readRetryAfter(field: string | null, now: number): number | undefined {
  const value = field?.trim() ?? '';
  const seconds = /^\d+$/.test(value) ? Number(value) : (readDate(value, now) - now) / 1000;
  return Number.isNaN(seconds)
    ? undefined
    : Math.min(Math.max(Math.ceil(seconds), 0), MAX_RETRY_AFTER_SECONDS);
}

function readDate(value: string, now: number): number {
  for (const form of DATES) {
    const { day, month, year = '', time } = form.exec(value)?.groups ?? {};
    if (time === undefined) continue;
    const latest = new Date(now).getUTCFullYear() + 50; // what two digits can mean at most
    const whole = year.length === 2 ? latest - ((latest - Number(year)) % 100) : year;
    return Date.parse(`${day} ${month} ${whole} ${time} GMT`);
  }
  return Number.NaN;
}
