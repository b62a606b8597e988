import { expect, it } from 'vitest';
import { createTestIssuer, nodeHeaders } from '../../../src/testing/index.js';

it('nodeHeaders has the names in lower case, and nothing else changes', async () => {
  const authorization = await (await createTestIssuer()).authorization();
  expect(nodeHeaders(authorization)).toEqual({ authorization: authorization.Authorization });
  expect(nodeHeaders(Object.freeze({ DPoP: 'Proof', 'Proxy-Authorization': 'Bearer A' }))).toEqual({
    dpop: 'Proof',
    'proxy-authorization': 'Bearer A',
  });
  expect(nodeHeaders({})).toEqual({});
});

it.each([[undefined], ['Bearer token'], [[]]])(
  'nodeHeaders refuses what are no header fields: %j',
  (given) => {
    // As a caller without types would.
    expect(() => nodeHeaders(given as unknown as Record<string, string>)).toThrow(TypeError);
  },
);
