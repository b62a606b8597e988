import type { Auth, ResourceServerOptions } from '../../src/index.js';
import type { TestIssuer } from '../../src/testing/index.js';
import type { RawRequest } from '../support/http-client.js';
import type { ContractRow, Expected } from './contract.js';

/** Options of the rows of this module. */
export type RevocationConfiguration = 'revocable' | 'slowly revocable';

export function revocationOptionsOf(
  configuration: RevocationConfiguration,
): Pick<ResourceServerOptions, 'isRevoked' | 'revocationTimeoutSeconds'> {
  switch (configuration) {
    case 'revocable':
      return { isRevoked };
    case 'slowly revocable':
      return { isRevoked: async (auth) => isRevoked(auth), revocationTimeoutSeconds: 30 };
  }
}

/** What the application knows: `revoked`, and nothing while the token says that it is `unknown`. */
function isRevoked({ claims }: Auth): boolean {
  if (claims.jti === 'unknown') throw new Error('out of reach');
  return claims.jti === 'revoked';
}

const withId =
  (jti: string, others: Readonly<Record<string, unknown>> = {}) =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    path: '/stock/42',
    headers: [['Authorization', `Bearer ${await issuer.token({ scope: 'read:inventory', jti, ...others })}`]],
  });

const OK: Expected = { status: 200, body: { sku: '42', caller: 'test-client' } };
const REVOKED: Expected = { status: 401, error: 'invalid_token' };

const configurations: readonly RevocationConfiguration[] = ['revocable', 'slowly revocable'];

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
