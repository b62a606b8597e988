import type { TestIssuer } from '../test-issuer.js';
import type { Configuration } from './configurations.js';
import type { RawRequest } from './http-client.js';
import type { ContractRow, Expected } from './row.js';

const withId =
  (jti: string, others: Readonly<Record<string, unknown>> = {}) =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    path: '/stock/42',
    headers: [['Authorization', `Bearer ${await issuer.token({ scope: 'read:inventory', jti, ...others })}`]],
  });

const OK: Expected = { status: 200, body: { sku: '42', caller: 'test-client' } };
const REVOKED: Expected = { status: 401, error: 'invalid_token' };

const configurations: readonly Configuration[] = ['revocable', 'slowly revocable'];

/** The application is asked whether a token was revoked. */
export const revocationRows: readonly ContractRow[] = configurations.flatMap((configuration) => [
  {
    title: `accepts a token that wasn't revoked: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withId('good'),
    expected: OK,
  },
  {
    title: `refuses a revoked token: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withId('revoked'),
    expected: REVOKED,
  },
  {
    title: `reports the revocation before a missing scope: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withId('revoked', { scope: 'other' }),
    expected: REVOKED,
  },
  {
    title: `answers 503 if the check fails: ${configuration}`,
    ids: ['STP-14'],
    configuration,
    request: withId('unknown'),
    expected: { status: 503 },
  },
  {
    title: `refuses an invalid token without asking: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withId('unknown', { exp: 1 }),
    expected: REVOKED,
  },
  {
    title: `doesn't ask on a public route: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: async (issuer) => ({ ...(await withId('revoked')(issuer)), path: '/public' }),
    expected: { status: 200, body: { ok: true } },
  },
]);
