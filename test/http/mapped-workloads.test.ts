import { describe, expect, it, onTestFinished } from 'vitest';
import { kubernetes } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { harnesses } from './harnesses/index.js';

const CLUSTER = 'https://kubernetes.default.svc';
const issuer = await createTestIssuer({ issuer: CLUSTER });
const { issuer: _, ...keys } = issuer.options.issuer;
const options = {
  ...issuer.options,
  issuer: kubernetes(
    CLUSTER,
    { 'shop/orders': { clientId: 'order-service', scopes: ['read:inventory'] } },
    keys,
  ),
};

describe.each(harnesses)('$name', (harness) => {
  it('opens routes for a workload by the scopes that it was given, and for no other workload', {
    tags: ['ATP-13', 'ATP-17', 'SCP-08'],
  }, async () => {
    const { url, close } = await harness.start(options);
    onTestFinished(close);
    const call = async (path: string, account: string, method = 'GET') => {
      const claims = { client_id: undefined, sub: `system:serviceaccount:shop:${account}`, scope: undefined };
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...(await issuer.authorization(claims, { typ: undefined })) },
      });
      const body: unknown = await response.json();
      return { status: response.status, challenge: response.headers.get('www-authenticate'), body };
    };
    expect(await call('/stock/42', 'orders')).toMatchObject({
      status: 200,
      body: { sku: '42', caller: 'order-service', scopes: ['read:inventory'] },
    });
    const lacking = await call('/orders', 'orders', 'POST');
    expect(lacking).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } });
    expect(lacking.challenge).toContain('scope="read:inventory write:orders"');
    const unlisted = await call('/stock/42', 'billing');
    expect(unlisted).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });
});
