import { timingSafeEqual } from 'node:crypto';

/** Whether two texts are equal, in a time that doesn't reveal where they differ. */
export function isEqualText(one: string, other: string): boolean {
  const oneBytes = Buffer.from(one);
  const otherBytes = Buffer.from(other);
  return oneBytes.length === otherBytes.length && timingSafeEqual(oneBytes, otherBytes);
}
