import { createDpopKey, type TestIssuer } from '../../src/testing/index.js';
import type { RawRequest } from '../support/http-client.js';
import type { ContractRow, Expected } from './contract.js';

const key = await createDpopKey();
const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** Claims of a user who has just authenticated, in the way that is asked for. */
const fresh = (claims: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  acr: 'gold',
  auth_time: nowSeconds() - 60,
  ...claims,
});

const withClaims =
  (path: string, claims: () => Readonly<Record<string, unknown>>) =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    path,
    headers: [['Authorization', `Bearer ${await issuer.token(claims())}`]],
  });

const proven =
  (path: string, claims: () => Readonly<Record<string, unknown>>) =>
  async (issuer: TestIssuer, origin: string): Promise<RawRequest> => {
    const token = await issuer.token({ ...claims(), cnf: { jkt: key.thumbprint } });
    const proof = await key.proof({ method: 'GET', url: `${origin}${path}`, token });
    return {
      path,
      headers: [
        ['Authorization', `DPoP ${token}`],
        ['DPoP', proof],
      ],
    };
  };

const introspected =
  (path: string, claims: () => Readonly<Record<string, unknown>>) =>
  (issuer: TestIssuer): RawRequest => ({
    path,
    headers: [['Authorization', `Bearer ${issuer.opaqueToken(claims())}`]],
  });

const KNOWN: Expected = { status: 200, body: { caller: 'test-client', anonymous: false } };
const AGAIN: Expected = {
  status: 401,
  error: 'insufficient_user_authentication',
  offered: ['Bearer'],
};
const STEP_UP: Expected = { ...AGAIN, stepUp: { acr_values: 'silver gold', max_age: '300' } };
const RECENT: Expected = { ...AGAIN, stepUp: { max_age: '300' } };
const NO_DETAIL: Expected = { status: 403, error: 'insufficient_scope' };

const authentication: readonly ContractRow[] = [
  {
    title: 'STP-01 STP-02 STP-03 accepts a user who authenticated as asked, and lately',
    request: withClaims('/secure', fresh),
    expected: KNOWN,
  },
  {
    title: 'STP-02 accepts any of the accepted levels',
    request: withClaims('/secure', () => fresh({ acr: 'silver' })),
    expected: KNOWN,
  },
  {
    title: 'STP-01 STP-02 refuses another level, and says which are accepted',
    request: withClaims('/secure', () => fresh({ acr: 'bronze' })),
    expected: {
      ...STEP_UP,
      body: {
        error: 'insufficient_user_authentication',
        error_description: 'A different authentication level is required',
      },
    },
  },
  {
    title: 'STP-01 STP-03 refuses a login that is too long ago, and says how old it may be',
    request: withClaims('/secure', () => fresh({ auth_time: nowSeconds() - 600 })),
    expected: {
      ...STEP_UP,
      body: {
        error: 'insufficient_user_authentication',
        error_description: 'More recent authentication is required',
      },
    },
  },
  {
    title: 'STP-03 refuses a login in the future',
    request: withClaims('/secure', () => fresh({ auth_time: nowSeconds() + 600 })),
    expected: STEP_UP,
  },
  {
    title: 'STP-04 refuses a token that tells nothing of the user',
    request: withClaims('/secure', () => ({})),
    expected: STEP_UP,
  },
  {
    title: 'STP-04 refuses a token without acr',
    request: withClaims('/secure', () => fresh({ acr: undefined })),
    expected: STEP_UP,
  },
  {
    title: 'STP-04 STP-07 does not take the time of the token for that of the login',
    request: withClaims('/secure', () => fresh({ auth_time: undefined, iat: nowSeconds() })),
    expected: STEP_UP,
  },
  {
    title: 'STP-04 refuses a time of login that is not a number as the token that it is',
    request: withClaims('/secure', () => fresh({ auth_time: String(nowSeconds()) })),
    expected: { status: 401, error: 'invalid_token' },
  },
  {
    title: 'STP-05 names scope and age at once where both are missing',
    request: withClaims('/recent', () => ({ scope: 'read:inventory' })),
    expected: { ...RECENT, scope: 'write:orders' },
  },
  {
    title: 'STP-05 does not name a scope that is there',
    request: withClaims('/recent', () => ({ scope: 'write:orders' })),
    expected: RECENT,
  },
  {
    title: 'STP-05 refuses a missing scope with 403 where only that is missing',
    request: withClaims('/recent', fresh),
    expected: { status: 403, error: 'insufficient_scope', scope: 'write:orders' },
  },
  {
    title: 'STP-05 accepts where neither is missing',
    request: withClaims('/recent', () => fresh({ scope: 'write:orders' })),
    expected: KNOWN,
  },
  {
    title: 'STP-06 accepts under DPoP',
    request: proven('/secure', fresh),
    expected: KNOWN,
  },
  {
    title: 'STP-06 refuses under DPoP, in the challenge of that scheme',
    request: proven('/secure', () => fresh({ acr: 'bronze' })),
    expected: { ...STEP_UP, scheme: 'DPoP', offered: ['DPoP'] },
  },
  {
    title: 'STP-06 accepts what introspection tells',
    configuration: 'introspection',
    request: introspected('/secure', fresh),
    expected: KNOWN,
  },
  {
    title: 'STP-06 refuses by what introspection tells',
    configuration: 'introspection',
    request: introspected('/secure', () => fresh({ auth_time: nowSeconds() - 600 })),
    expected: STEP_UP,
  },
  {
    title: 'STP-01 asks an anonymous caller for credentials first',
    configuration: 'optional',
    request: () => ({ path: '/secure' }),
    expected: { status: 401, error: null },
  },
];

const payment = { type: 'payment', amount: 12 };

const details: readonly ContractRow[] = [
  {
    title: 'STP-08 accepts authorization details that meet the predicate',
    request: withClaims('/payments', () => ({ authorization_details: [{ type: 'account' }, payment] })),
    expected: KNOWN,
  },
  {
    title: 'STP-08 accepts those that introspection tells',
    configuration: 'introspection',
    request: introspected('/payments', () => ({ authorization_details: [payment] })),
    expected: KNOWN,
  },
  {
    title: 'STP-09 refuses authorization details of another type with 403',
    request: withClaims('/payments', () => ({ authorization_details: [{ type: 'account' }] })),
    expected: {
      ...NO_DETAIL,
      body: {
        error: 'insufficient_scope',
        error_description: 'The access token lacks a required authorization detail',
      },
    },
  },
  {
    title: 'STP-08 STP-09 refuses a token without authorization details',
    request: withClaims('/payments', () => ({ scope: 'payment' })),
    expected: NO_DETAIL,
  },
  {
    title: 'STP-08 refuses malformed authorization details, also where one of them would do',
    request: withClaims('/payments', () => ({ authorization_details: [payment, { amount: 12 }] })),
    expected: NO_DETAIL,
  },
  {
    title: 'STP-08 refuses authorization details that are no list',
    request: withClaims('/payments', () => ({ authorization_details: payment })),
    expected: NO_DETAIL,
  },
  {
    title: 'STP-08 refuses authorization details in a text',
    request: withClaims('/payments', () => ({ authorization_details: JSON.stringify([payment]) })),
    expected: NO_DETAIL,
  },
];

export const stepUpRows: readonly ContractRow[] = [...authentication, ...details];
