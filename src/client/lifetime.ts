import { fraction, type Random } from '../lib/pause.js';

const LEAST_MARGIN_SECONDS = 10;
const MARGIN_OF_LIFETIME = 0.1;
const JITTER_OF_MARGIN = 0.5;
/**
 * Longer lifetimes are cut, whether intended or a mistake such as milliseconds: a token is renewed at least
 * once a day.
 */
const MAX_LIFETIME_SECONDS = 86_400;

/** How long to use a token, in seconds. `expiresIn` is what the server said, undefined if it said nothing. */
export function tokenLifetime(expiresIn: number | undefined, defaultLifetimeSeconds: number): number {
  return Math.min(expiresIn ?? defaultLifetimeSeconds, MAX_LIFETIME_SECONDS);
}

/**
 * The age at which a token's renewal is due, in seconds: 10 s or 10 % before it expires, whichever is longer,
 * and up to half of that earlier, so many clients don't come at once. At least half of the lifetime is always
 * used.
 */
export function renewalAge(lifetimeSeconds: number, random: Random): number {
  const margin = Math.max(LEAST_MARGIN_SECONDS, lifetimeSeconds * MARGIN_OF_LIFETIME);
  const spread = margin * (1 + JITTER_OF_MARGIN * fraction(random));
  return lifetimeSeconds - Math.min(spread, lifetimeSeconds / 2);
}
