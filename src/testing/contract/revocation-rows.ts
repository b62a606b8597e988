import type { Configuration } from './configurations.js';
import { BAD_TOKEN, type ContractRow, OK, READ } from './row.js';
import { withClaims } from './with-claims.js';

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
    expected: BAD_TOKEN,
  },
  {
    title: `reports the revocation before a missing scope: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ scope: 'other', jti: 'revoked' }),
    expected: BAD_TOKEN,
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
    expected: BAD_TOKEN,
  },
  {
    title: `doesn't ask on a public route: ${configuration}`,
    ids: ['STP-10'],
    configuration,
    request: withClaims({ ...READ, jti: 'revoked' }, '/public'),
    expected: { status: 200, body: { ok: true } },
  },
]);
