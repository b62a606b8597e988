const FIRST_RETRY_SECONDS = 0.25;
const FIRST_PAUSE_SECONDS = 1;
const MAX_PAUSE_SECONDS = 30;

/** Random numbers from 0 up to 1, as `Math.random` gives them. */
export type Random = () => number;

/** How long to wait before the next attempt of one request, in seconds: up to 0.25, 0.5, 1 … Spread over the whole span, so that many clients do not come back at once. */
export function retryDelay(failures: number, random: Random): number {
  return FIRST_RETRY_SECONDS * 2 ** (failures - 1) * fractionOf(random);
}

/** How long no request is made after so many failed ones, in seconds: 1, 2, 4 … 30, of which at least one half. */
export function pauseAfter(failures: number, random: Random): number {
  const longest = Math.min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), MAX_PAUSE_SECONDS);
  return longest * (0.5 + 0.5 * fractionOf(random));
}

/** What a function of the application returns can be anything; not a number counts as 0. */
export function fractionOf(random: Random): number {
  return Math.min(Math.max(random(), 0), 1) || 0;
}
