import type { TestIssuer } from '../test-issuer.js';
import type { RawRequest } from './http-client.js';
import { type ContractClient, type ContractRow, type Expected, KNOWN } from './row.js';
import { withClaims } from './with-claims.js';

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** Claims of a user who has just authenticated, in the way that is asked for. */
const fresh = (claims: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  acr: 'gold',
  auth_time: nowSeconds() - 60,
  ...claims,
});

const proven =
  (path: string, claims: () => Readonly<Record<string, unknown>>) =>
  async (issuer: TestIssuer, origin: string, { key }: ContractClient): Promise<RawRequest> => {
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
    title: 'accepts a user who logged in as required, and recently',
    ids: ['STP-01', 'STP-02', 'STP-03'],
    request: withClaims(fresh, '/secure'),
    expected: KNOWN,
  },
  {
    title: 'accepts any of the accepted levels',
    ids: ['STP-02'],
    request: withClaims(() => fresh({ acr: 'silver' }), '/secure'),
    expected: KNOWN,
  },
  {
    title: 'refuses another level, and names the accepted ones',
    ids: ['STP-01', 'STP-02'],
    request: withClaims(() => fresh({ acr: 'bronze' }), '/secure'),
    expected: {
      ...STEP_UP,
      body: {
        error: 'insufficient_user_authentication',
        error_description: 'A different authentication level is required',
      },
    },
  },
  {
    title: 'refuses a login that is too old, and names the maximum age',
    ids: ['STP-01', 'STP-03'],
    request: withClaims(() => fresh({ auth_time: nowSeconds() - 600 }), '/secure'),
    expected: {
      ...STEP_UP,
      body: {
        error: 'insufficient_user_authentication',
        error_description: 'More recent authentication is required',
      },
    },
  },
  {
    title: 'refuses a login in the future',
    ids: ['STP-03'],
    request: withClaims(() => fresh({ auth_time: nowSeconds() + 600 }), '/secure'),
    expected: STEP_UP,
  },
  {
    title: 'refuses a token that says nothing about the login',
    ids: ['STP-04'],
    request: withClaims({}, '/secure'),
    expected: STEP_UP,
  },
  {
    title: 'refuses a token without acr',
    ids: ['STP-04'],
    request: withClaims(() => fresh({ acr: undefined }), '/secure'),
    expected: STEP_UP,
  },
  {
    title: "doesn't mistake the time of the token for the time of the login",
    ids: ['STP-04', 'STP-07'],
    request: withClaims(() => fresh({ auth_time: undefined, iat: nowSeconds() }), '/secure'),
    expected: STEP_UP,
  },
  {
    title: "takes a login time that isn't a number for none",
    ids: ['STP-04', 'ATP-07'],
    request: withClaims(() => fresh({ scope: 'write:orders', auth_time: String(nowSeconds()) }), '/recent'),
    expected: RECENT,
  },
  {
    title: 'names scope and age in one challenge if both are missing',
    ids: ['STP-05'],
    request: withClaims({ scope: 'read:inventory' }, '/recent'),
    expected: { ...RECENT, scope: 'write:orders' },
  },
  {
    title: "doesn't name a scope that the token has",
    ids: ['STP-05'],
    request: withClaims({ scope: 'write:orders' }, '/recent'),
    expected: RECENT,
  },
  {
    title: 'answers 403 if only the scope is missing',
    ids: ['STP-05'],
    request: withClaims(fresh, '/recent'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'write:orders' },
  },
  {
    title: 'accepts a token that has both',
    ids: ['STP-05'],
    request: withClaims(() => fresh({ scope: 'write:orders' }), '/recent'),
    expected: KNOWN,
  },
  {
    title: 'names the scope of another requirement of the route and the age at once',
    ids: ['STP-05'],
    request: withClaims({ scope: 'read:inventory' }, '/vault'),
    expected: { ...RECENT, scope: 'admin' },
  },
  {
    title: "answers 403 if only another requirement's scope is missing",
    ids: ['STP-05'],
    request: withClaims(fresh, '/vault'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'admin' },
  },
  {
    title: 'accepts a bound token with DPoP',
    ids: ['STP-06'],
    request: proven('/secure', fresh),
    expected: KNOWN,
  },
  {
    title: 'refuses in the DPoP challenge with DPoP',
    ids: ['STP-06'],
    request: proven('/secure', () => fresh({ acr: 'bronze' })),
    expected: { ...STEP_UP, scheme: 'DPoP', offered: ['DPoP'] },
  },
  {
    title: 'accepts a login that introspection reports',
    ids: ['STP-06'],
    configuration: 'introspection',
    request: introspected('/secure', fresh),
    expected: KNOWN,
  },
  {
    title: 'refuses a login that introspection reports',
    ids: ['STP-06'],
    configuration: 'introspection',
    request: introspected('/secure', () => fresh({ auth_time: nowSeconds() - 600 })),
    expected: STEP_UP,
  },
  {
    title: 'asks an anonymous caller for credentials first',
    ids: ['STP-01'],
    configuration: 'optional',
    request: () => ({ path: '/secure' }),
    expected: { status: 401, error: null },
  },
];

const payment = { type: 'payment', amount: 12 };

const details: readonly ContractRow[] = [
  {
    title: 'accepts authorization details that meet the predicate',
    ids: ['STP-08'],
    request: withClaims({ authorization_details: [{ type: 'account' }, payment] }, '/payments'),
    expected: KNOWN,
  },
  {
    title: 'accepts authorization details that introspection reports',
    ids: ['STP-08'],
    configuration: 'introspection',
    request: introspected('/payments', () => ({ authorization_details: [payment] })),
    expected: KNOWN,
  },
  {
    title: 'refuses authorization details of another type with 403',
    ids: ['STP-09'],
    request: withClaims({ authorization_details: [{ type: 'account' }] }, '/payments'),
    expected: {
      ...NO_DETAIL,
      body: {
        error: 'insufficient_scope',
        error_description: 'The access token lacks a required authorization detail',
      },
    },
  },
  {
    title: 'refuses a token without authorization details',
    ids: ['STP-08', 'STP-09'],
    request: withClaims({ scope: 'payment' }, '/payments'),
    expected: NO_DETAIL,
  },
  {
    title: 'refuses malformed authorization details, even if one of them would be enough',
    ids: ['STP-08'],
    request: withClaims({ authorization_details: [payment, { amount: 12 }] }, '/payments'),
    expected: NO_DETAIL,
  },
  {
    title: "refuses authorization details that aren't a list",
    ids: ['STP-08'],
    request: withClaims({ authorization_details: payment }, '/payments'),
    expected: NO_DETAIL,
  },
  {
    title: 'refuses authorization details in a string',
    ids: ['STP-08'],
    request: withClaims({ authorization_details: JSON.stringify([payment]) }, '/payments'),
    expected: NO_DETAIL,
  },
];

export const stepUpRows: readonly ContractRow[] = [...authentication, ...details];
