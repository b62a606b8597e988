import { expect, it, vi } from 'vitest';
import { fixedMetadata } from '../../../src/client/server-metadata.js';
import { createTokenRequest } from '../../../src/client/token-request.js';
import { failureOf } from '../../client/support/make-client.js';

it('does not blame the network when the assertion cannot be signed, and quotes nothing', {
  tags: ['CLI-05'],
}, async () => {
  const fetch = vi.fn();
  const request = createTokenRequest({
    issuer: 'https://auth.example.com',
    clientId: 'order-service',
    credential: {
      kind: 'key',
      audience: 'issuer',
      key: {
        algorithm: 'ES256',
        keyId: undefined,
        load: () => Promise.reject(new RangeError('canary')),
      },
    },
    metadata: fixedMetadata('https://auth.example.com/token'),
    parameters: new URLSearchParams(),
    requestedScopes: [],
    requireAllScopes: false,
    defaultLifetimeSeconds: 60,
    fetch,
    time: { clock: Date.now, monotonic: () => performance.now() },
  });
  const failure = await failureOf(request(new AbortController().signal));
  expect(failure).toMatchObject({ reason: 'assertion_failed', detail: 'RangeError', transient: false });
  expect(failure.message).not.toContain('canary');
  expect(fetch).not.toHaveBeenCalled();
});
