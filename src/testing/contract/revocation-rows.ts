import type { Configuration } from './configurations.js';
import type { ContractRow, Expected } from './row.js';
import { withClaims } from './with-claims.js';

const READ = { scope: 'read:inventory' };
const OK: Expected = { status: 200, body: { sku: '42', caller: 'test-client' } };
const REVOKED: Expected = { status: 401, error: 'invalid_token' };

const configurations: readonly Configuration[] = ['revocable', 'slowly revocable'];

/** The application is asked whether a token was revoked. */
export const revocationRows: readonly ContractRow[] = configurations.flatMap((configuration) => [
  {
    title: `accepts a token that wasn't revoked: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ ...READ, jti: 'good' }),
    expected: OK,
  },
  {
    title: `refuses a revoked token: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ ...READ, jti: 'revoked' }),
    expected: REVOKED,
  },
  {
    title: `reports the revocation before a missing scope: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ scope: 'other', jti: 'revoked' }),
    expected: REVOKED,
  },
  {
    title: `answers 503 if the check fails: ${configuration}`,
    ids: ['STP-14'],
    configuration,
    request: withClaims({ ...READ, jti: 'unknown' }),
    expected: { status: 503 },
  },
  {
    title: `refuses an invalid token without asking: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ ...READ, jti: 'unknown', exp: 1 }),
    expected: REVOKED,
  },
  {
    title: `doesn't ask on a public route: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ ...READ, jti: 'revoked' }, '/public'),
    expected: { status: 200, body: { ok: true } },
  },
]);
