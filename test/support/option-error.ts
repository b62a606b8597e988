import { expect } from 'vitest';

/** Matches the TypeError of a wrong option, with exactly this message. */
export function optionErrorWith(message: string): Error {
  return expect.objectContaining({ name: 'TypeError', message, option: expect.any(String) });
}
