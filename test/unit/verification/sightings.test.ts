import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Sightings } from '../../../src/verification/sightings.js';

const digestOf = (index: number) => createHash('sha256').update(`${index}`).digest('base64url');

describe('sightings', () => {
  it('know what was noted of late, and nothing else', { tags: ['OPS-07'] }, () => {
    const sightings = new Sightings(10_000);
    const digests = Array.from({ length: 1000 }, (_, index) => digestOf(index));
    expect(digests.filter((digest) => sightings.note(digest))).toEqual([]);
    // Two of a thousand may have the same slot.
    expect(digests.filter((digest) => sightings.note(digest)).length).toBeGreaterThan(950);
    expect(sightings.note(digestOf(-1))).toBe(false);
  });

  it('forget what was noted long ago', () => {
    const sightings = new Sightings(1);
    sightings.note(digestOf(0));
    for (let index = 1; index < 20_000; index += 1) sightings.note(digestOf(index));
    expect(sightings.note(digestOf(0))).toBe(false);
  });
});
