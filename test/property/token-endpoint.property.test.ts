import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GRANT_TYPES } from '../../src/testing/authorization-server/clients.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { basic, getJson, inventory, post, start } from '../dev-issuer/support.js';
import { repeats } from '../support/size.js';

const TYPES = ['access_token', 'jwt', 'refresh_token'].map(
  (name) => `urn:ietf:params:oauth:token-type:${name}`,
);
const NAMES = [
  ...['grant_type', 'scope', 'resource', 'audience', 'client_id', 'client_secret'],
  ...['client_assertion', 'client_assertion_type', 'assertion'],
  ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type'],
];

it('answers whatever a client sends to the token endpoint, and never with 500', {
  tags: ['CLI-22'],
}, async () => {
  // A fault fails the test.
  const { tokenEndpoint } = await start({
    assertionIssuers: [{ issuer: 'a', jwks: { keys: [await anyKey()] } }],
  });
  const foreign = await (await createTestIssuer()).token({ iss: 'a', sub: 'b' });
  const segment = fc.json().map((text) => Buffer.from(text).toString('base64url'));
  const value = fc.oneof(
    fc.constantFrom(...GRANT_TYPES, ...TYPES, 'order-service', 'dev-secret', 'read:inventory', inventory),
    fc.constantFrom(
      foreign,
      foreign.slice(0, -2),
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      '',
    ),
    fc.tuple(segment, segment, segment).map((segments) => segments.join('.')),
    fc.string({ unit: 'binary' }),
  );
  const parameter = fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string()), value);
  const proof = fc.option(
    fc.oneof(
      fc.constant(foreign),
      fc.tuple(segment, segment).map((parts) => `${parts.join('.')}.x`),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...GRANT_TYPES),
      fc.array(parameter, { maxLength: 8 }),
      fc.boolean(),
      proof,
      async (grant, parameters, isAuthenticated, dpop) => {
        const headers = [
          ...(isAuthenticated ? [basic('order-service', 'dev-secret')] : []),
          ...(dpop === null ? [] : [['DPoP', dpop] as const]),
        ];
        const { status, body } = await post(tokenEndpoint, [['grant_type', grant], ...parameters], headers);
        expect([200, 400, 401]).toContain(status);
        const answer = JSON.parse(body);
        expect(status === 200 ? answer.access_token : answer.error).toEqual(expect.any(String));
        // Only for itself: none of these assertions and tokens is genuine.
        if (status === 200) expect(answer).not.toHaveProperty('issued_token_type');
      },
    ),
    { numRuns: repeats(1000) },
  );
});

async function anyKey() {
  const { issuer } = await start();
  const { keys } = await getJson(`${issuer}/jwks`);
  return keys[0];
}
