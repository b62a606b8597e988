import { fraction, type Random } from '../lib/pause.js';

const LEAST_MARGIN_SECONDS = 10;
const MARGIN_OF_LIFETIME = 0.1;
const JITTER_OF_MARGIN = 0.5;
/**
 * Longer lifetimes are cut, whether they are meant or a mistake such as milliseconds: a token is renewed at
 * least once a day.
 */
const MAX_LIFETIME_SECONDS = 86_400;

/**
 * For how long a token is used, in seconds. `expiresIn` is what the server said, undefined where it said
 * nothing.
 */
export function tokenLifetime(expiresIn: number | undefined, defaultLifetimeSeconds: number): number {
  return Math.min(expiresIn ?? defaultLifetimeSeconds, MAX_LIFETIME_SECONDS);
}

/**
 * The age from which a token is renewed, in seconds: 10 s or 10 % before it expires, whichever is longer, and
 * up to half of that earlier, so that many clients do not come at once. At least half of the lifetime is
 * always used.
 */
export function renewalAge(lifetimeSeconds: number, random: Random): number {
  const margin = Math.max(LEAST_MARGIN_SECONDS, lifetimeSeconds * MARGIN_OF_LIFETIME);
  const spread = margin * (1 + JITTER_OF_MARGIN * fraction(random));
  return lifetimeSeconds - Math.min(spread, lifetimeSeconds / 2);
}
