/** How many characters of a digest choose a slot, and how many identify what's in it. */
const CHARACTERS = 5;
const LEAST_SLOTS = 1024;

/**
 * Remembers which digests were seen lately, in four bytes each. It may forget one, and confuses one in a
 * billion. That's enough to decide what deserves a place in a cache, and for nothing else.
 */
export class Sightings {
  readonly #slots: Int32Array;

  /** @param count about how many digests to make room for */
  constructor(count: number) {
    this.#slots = new Int32Array(Math.max(LEAST_SLOTS, 2 ** Math.ceil(Math.log2(count))));
  }

  /** Whether the digest was seen before. From now on it has been. @param digest in base64url */
  note(digest: string): boolean {
    const slot = readBits(digest, 0) & (this.#slots.length - 1);
    const mark = readBits(digest, CHARACTERS);
    const isSeen = this.#slots[slot] === mark;
    this.#slots[slot] = mark;
    return isSeen;
  }
}

/** FNV-1a of a few characters, because a single one has 6 bits of 7. */
function readBits(digest: string, start: number): number {
  let bits = 0x811c9dc5;
  for (let index = start; index < start + CHARACTERS; index += 1)
    bits = Math.imul(bits ^ digest.charCodeAt(index), 0x01000193);
  return bits;
}
