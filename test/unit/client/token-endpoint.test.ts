import { expect, it, vi } from 'vitest';
import { checkClientOptions } from '../../../src/client/options.js';
import { TokenEndpoint } from '../../../src/client/token-endpoint.js';
import { failureOf } from '../../client/support/make-client.js';

it('does not blame the network when the assertion cannot be signed, and quotes nothing', {
  tags: ['CLI-05'],
}, async () => {
  const fetch = vi.fn();
  const settings = checkClientOptions(
    {
      issuer: 'https://auth.example.com',
      tokenEndpoint: 'https://auth.example.com/token',
      clientId: 'order-service',
      clientSecret: 'in place of a key',
      fetch,
    },
    {},
  );
  const sign = () => Promise.reject(new RangeError('canary'));
  const key = { algorithm: 'ES256', keyId: undefined, sign } as const;
  const credential = { kind: 'key', audience: 'issuer', key } as const;
  const endpoint = new TokenEndpoint({ ...settings, credential }, undefined);
  const grant = { type: 'client_credentials', scope: [] };
  const failure = await failureOf(endpoint.request(grant, new AbortController().signal));
  expect(failure).toMatchObject({ reason: 'assertion_failed', detail: 'RangeError', transient: false });
  expect(failure.message).not.toContain('canary');
  expect(fetch).not.toHaveBeenCalled();
});
