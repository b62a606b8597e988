import type { MetadataPolicy } from './metadata.js';

/** How keys are fetched, kept and renewed: `KeysOptions` with every default filled in. */
export interface KeysPolicy extends MetadataPolicy {
  readonly cooldownSeconds: number;
}

/** `Cache-Control` may make keys live this many times longer than `maxAgeSeconds`. */
const MAX_AGE_FACTOR = 6;

/**
 * How many seconds keys are used before they're fetched again.
 *
 * @param published `Cache-Control: max-age` of the key set, undefined if it has none
 */
export function keyLifetime(published: number | undefined, policy: KeysPolicy): number {
  const { maxAgeSeconds, cooldownSeconds } = policy;
  const shortest = Math.min(cooldownSeconds, maxAgeSeconds);
  return Math.min(Math.max(published ?? maxAgeSeconds, shortest), maxAgeSeconds * MAX_AGE_FACTOR);
}
