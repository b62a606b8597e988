/** If a server asks for more patience than this, we ask again anyway. */
export const MAX_RETRY_AFTER_SECONDS = 300;
/** RFC 9110 §5.6.7: the form that servers must send. */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
 *
 * @param now milliseconds since the epoch
 * @returns whole seconds from 0 to 300; undefined if it's absent or unreadable
 */
export function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const date = IMF_FIXDATE.test(value) ? Date.parse(value) : Number.NaN;
  const seconds = /^\d+$/.test(value) ? Number(value) : (date - now) / 1000;
  return Number.isNaN(seconds)
    ? undefined
    : Math.min(Math.max(Math.ceil(seconds), 0), MAX_RETRY_AFTER_SECONDS);
}
