import { describe, expect, it } from 'vitest';
import { contract } from './contract.js';
import { harnesses } from './harnesses/index.js';

describe('the contract', () => {
  it('names every row differently', () => {
    const titles = contract.map(({ title }) => title);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it('is run whole on every framework, but for rows that state why not', () => {
    for (const { title, except = {} } of contract) {
      for (const [framework, reason] of Object.entries(except)) {
        expect(reason.length, `${title}: the reason for ${framework}`).toBeGreaterThan(20);
        expect(
          harnesses.some(({ name }) => name.startsWith(framework)),
          `${title}: ${framework}`,
        ).toBe(true);
      }
      const running = harnesses.filter(
        ({ name }) => !Object.keys(except).some((framework) => name.startsWith(framework)),
      );
      expect(running.length, `${title} runs somewhere`).toBeGreaterThan(0);
    }
  });

  it('runs on every framework that the package supports', () => {
    expect(harnesses.map(({ name }) => name)).toEqual([
      'express 5',
      'express 4',
      'fastify 5',
      'nestjs on express',
      'nestjs on fastify',
    ]);
  });
});
