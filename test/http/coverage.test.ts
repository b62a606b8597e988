import { describe, expect, it } from 'vitest';
import { contract } from '../../src/testing/contract/contract.js';
import { harnesses } from './harnesses/index.js';

describe('the contract', () => {
  it('gives every row its own title', () => {
    const titles = contract.map(({ title }) => title);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it('has no row that could be left out on a framework', () => {
    // contract.test.ts leaves nothing out, and a row says nothing about frameworks.
    const members = new Set(contract.flatMap((row) => Object.keys(row)));
    const known = ['ids', 'title', 'configuration', 'request', 'expected'];
    expect([...members].filter((name) => !known.includes(name))).toEqual([]);
  });

  it('runs on every framework that the package supports', () => {
    expect(harnesses.map(({ name }) => name)).toEqual([
      'express 5',
      'express 4',
      'fastify 5',
      'nestjs on express',
      'nestjs on fastify',
      'fetch (hono)',
      'hono',
    ]);
  });
});
