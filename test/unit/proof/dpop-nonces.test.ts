import { describe, expect, it } from 'vitest';
import { ProofNonces } from '../../../src/proof/dpop-nonces.js';

const SECRET = 'a secret of at least 32 characters';
const NOW = 1_893_456_000; // the first second of a window of 300

describe('ProofNonces', () => {
  it('has one nonce per window, of characters that a nonce may have', { tags: ['DPP-23'] }, () => {
    const nonces = new ProofNonces(SECRET, 300);
    const nonce = nonces.current(NOW);
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(nonces.current(NOW + 299.9)).toBe(nonce);
    expect(nonces.current(NOW + 300)).not.toBe(nonce);
  });

  it('accepts a nonce in its window and in the next', { tags: ['DPP-23'] }, () => {
    const nonces = new ProofNonces(SECRET, 300);
    const nonce = nonces.current(NOW + 299);
    const ages = [-1, 0, 299, 300, 599, 600].map((seconds) => nonces.ageOf(nonce, NOW + seconds));
    expect(ages).toEqual([undefined, 'current', 'current', 'previous', 'previous', undefined]);
  });

  it('is known to those who share the secret only', { tags: ['DPP-23'] }, () => {
    const nonce = new ProofNonces(SECRET, 300).current(NOW);
    expect(new ProofNonces(SECRET, 300).ageOf(nonce, NOW)).toBe('current');
    expect(new ProofNonces(`${SECRET}!`, 300).ageOf(nonce, NOW)).toBeUndefined();
  });

  it.each([undefined, null, '', 42, {}, ['x'], 'x'.repeat(43), '\u00e9'.repeat(43), 'x'.repeat(10_000)])(
    "doesn't accept %j as a nonce",
    { tags: ['DPP-22'] },
    (nonce) => {
      expect(new ProofNonces(SECRET, 300).ageOf(nonce, NOW)).toBeUndefined();
    },
  );

  it("doesn't accept a list that contains a nonce", { tags: ['DPP-22'] }, () => {
    const nonces = new ProofNonces(SECRET, 300);
    expect(nonces.ageOf([nonces.current(NOW)], NOW)).toBeUndefined();
  });
});
