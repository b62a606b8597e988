import { describe, expect, it } from 'vitest';
import { requirements } from './support/requirements.js';
import { titledTests } from './support/titled-tests.js';

const LEVELS = ['MUST', 'SHOULD', 'MAY', 'ours'];

describe('docs/requirements.md', () => {
  it('names for every requirement a test that carries its id', () => {
    const unproved = requirements.filter(
      ({ id, file, title }) =>
        !titledTests.some((test) => test.file === file && test.title === title && test.ids.includes(id)),
    );
    expect(unproved).toEqual([]);
  });

  it('has a row for every id that a test carries, and no two', () => {
    const carried = new Set(titledTests.flatMap(({ ids }) => ids));
    expect(requirements.map(({ id }) => id).sort()).toEqual([...carried].sort());
  });

  it('says of every requirement how binding it is', () => {
    expect(requirements.filter(({ level }) => !LEVELS.includes(level))).toEqual([]);
  });
});
