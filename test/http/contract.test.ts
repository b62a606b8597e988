import { afterAll, describe, expect, it } from 'vitest';
import { adapterContract, createTestIssuer } from '../../src/testing/index.js';
import { harnesses } from './harnesses/index.js';

const issuer = await createTestIssuer();
const contracts = await Promise.all(
  harnesses.map(async ({ name, start }) => ({ name, ...(await adapterContract(start, { issuer })) })),
);

describe.each(contracts)('$name', ({ tests, leftOut, close }) => {
  afterAll(close);

  for (const { title, ids, run } of tests) it(title, { tags: [...ids] }, run);

  it('leaves no row out', () => {
    expect(leftOut).toEqual([]);
  });
});
