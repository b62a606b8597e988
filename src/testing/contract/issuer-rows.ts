import { BAD_TOKEN, type ContractRow, OK, READ } from './row.js';
import { withClaims } from './with-claims.js';

/** Whose tokens are accepted, and what they grant. */
export const issuerRows: readonly ContractRow[] = [
  {
    title: 'accepts a token of an issuer that is named at run time',
    ids: ['JWT-18'],
    configuration: 'issuers at run time',
    request: withClaims(READ),
    expected: OK,
  },
  {
    title: "refuses a token of an issuer that isn't named",
    ids: ['JWT-18'],
    configuration: 'issuers at run time',
    request: withClaims({ iss: 'https://evil.example.com', scope: 'read:inventory' }),
    expected: BAD_TOKEN,
  },
  {
    title: "answers 503 when it can't be determined whether an issuer is trusted",
    ids: ['JWT-18', 'OPS-10'],
    configuration: 'issuers at run time',
    request: withClaims({ iss: 'urn:unknown', scope: 'read:inventory' }),
    expected: { status: 503, headers: { 'retry-after': '1' } },
  },
  {
    title: 'accepts a scope in the second of several claims',
    ids: ['SCP-08'],
    configuration: 'scopes of several claims',
    request: withClaims({ scp: 'other', roles: ['read:inventory'] }),
    expected: { ...OK, body: { ...OK.body, scopes: ['other', 'read:inventory'] } },
  },
  {
    title: 'names the scopes that none of several claims grants',
    ids: ['SCP-08'],
    configuration: 'scopes of several claims',
    request: withClaims({ scope: 'read:inventory', scp: 'other', roles: [] }),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory' },
  },
  ...['read:inventory', 'write:orders', 'admin', 'root'].map(
    (scope): ContractRow => ({
      title: `opens a route to a scope that implies its own: ${scope}`,
      ids: ['SCP-07'],
      configuration: 'implied scopes',
      request: withClaims({ scope }),
      expected: { ...OK, body: { ...OK.body, scopes: [scope] } },
    }),
  ),
  {
    title: 'opens no route to a broader scope',
    ids: ['SCP-07'],
    configuration: 'implied scopes',
    request: withClaims({ scope: 'read:inventory' }, '/orders', 'POST'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'write:orders' },
  },
  {
    title: 'names only the broadest of the scopes that a route requires',
    ids: ['SCP-07', 'BRR-25'],
    configuration: 'implied scopes',
    request: withClaims({ scope: 'other' }, '/refunds', 'POST'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'write:orders' },
  },
  {
    title: 'names the narrowest scopes if a route requires any of several',
    ids: ['SCP-07', 'BRR-25'],
    configuration: 'implied scopes',
    request: withClaims({ scope: 'other' }, '/any'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory' },
  },
];
