import type { TestIssuer } from '../test-issuer.js';
import type { RawRequest } from './http-client.js';
import { BAD_TOKEN, type ContractRow, OK, READ } from './row.js';

/** A request with a token that introspection knows. */
const known =
  (claims: Readonly<Record<string, unknown>>, path = '/stock/42', scheme = 'Bearer') =>
  (issuer: TestIssuer): RawRequest => ({
    path,
    headers: [['Authorization', `${scheme} ${issuer.opaqueToken(claims)}`]],
  });

const sending = (token: string): RawRequest => ({
  path: '/stock/42',
  headers: [['Authorization', `Bearer ${token}`]],
});

export const introspectionRows: readonly ContractRow[] = [
  {
    title: 'accepts an opaque token that its issuer calls active',
    ids: ['INT-04'],
    configuration: 'introspection',
    request: known(READ),
    expected: OK,
  },
  {
    title: 'refuses a token that its issuer does not know',
    ids: ['INT-05'],
    configuration: 'introspection',
    request: () => sending('opaque-access-token'),
    expected: {
      ...BAD_TOKEN,
      body: { error: 'invalid_token', error_description: 'The access token is not active' },
    },
  },
  {
    title: 'refuses a token that was revoked',
    ids: ['INT-05'],
    configuration: 'introspection',
    request: (issuer) => {
      const token = issuer.opaqueToken(READ);
      issuer.revokeToken(token);
      return sending(token);
    },
    expected: BAD_TOKEN,
  },
  {
    title: 'refuses an opaque token for another API',
    ids: ['INT-10'],
    configuration: 'introspection',
    request: known({ ...READ, aud: 'https://other.example.com' }),
    expected: BAD_TOKEN,
  },
  {
    title: 'refuses a refresh token that is active',
    ids: ['INT-11'],
    configuration: 'introspection',
    request: known({ ...READ, token_type: 'refresh_token' }),
    expected: BAD_TOKEN,
  },
  {
    title: 'refuses a token of the type DPoP that is sent as a bearer token',
    ids: ['INT-11', 'INT-12'],
    configuration: 'introspection',
    request: known({ ...READ, cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }),
    expected: BAD_TOKEN,
  },
  {
    title: 'refuses an opaque token without the scope',
    ids: ['INT-13'],
    configuration: 'introspection',
    request: known({}),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory' },
  },
  {
    title: 'shows the predicate of a route the claims that the options name',
    ids: ['INT-22'],
    configuration: 'introspection',
    request: known({ tenant: 'acme' }, '/claims'),
    expected: { status: 200, body: { caller: 'test-client', anonymous: false } },
  },
  {
    title: 'shows the predicate no other claims',
    ids: ['INT-22'],
    configuration: 'introspection of every token',
    request: known({ tenant: 'acme' }, '/claims'),
    expected: { status: 403, error: 'insufficient_scope' },
  },
  {
    title: "answers 400 to what can't be a token, without asking the issuer",
    ids: ['INT-18'],
    configuration: 'introspection out of reach',
    request: () => sending('two, tokens'),
    expected: { status: 400, error: 'invalid_request' },
  },
  {
    title: "answers 503 when it can't find out whether the token is active",
    ids: ['INT-06', 'OPS-10'],
    configuration: 'introspection out of reach',
    request: () => sending('opaque-access-token'),
    expected: { status: 503 },
  },
  {
    title: 'answers 503 when the issuer says something else',
    ids: ['INT-04', 'INT-06'],
    configuration: 'introspection in confusion',
    request: () => sending('opaque-access-token'),
    expected: { status: 503 },
  },
  {
    title: 'still verifies JWTs by their signature',
    ids: ['INT-23'],
    configuration: 'introspection out of reach',
    request: async (issuer) => sending(await issuer.token(READ)),
    expected: OK,
  },
  {
    title: "doesn't ask about a JWT that isn't valid",
    ids: ['INT-23'],
    configuration: 'introspection out of reach',
    request: async (issuer) => sending(await issuer.token({ ...READ, exp: 1 })),
    expected: BAD_TOKEN,
  },
  {
    title: "refuses a JWT that its issuer doesn't know, if JWTs are introspected",
    ids: ['INT-23'],
    configuration: 'introspection of every token',
    request: async (issuer) => sending(await issuer.token(READ)),
    expected: BAD_TOKEN,
  },
  {
    title: 'refuses an introspection response as an access token',
    ids: ['INT-21'],
    configuration: 'introspection',
    request: async (issuer) => sending(await issuer.token(READ, { typ: 'token-introspection+jwt' })),
    expected: BAD_TOKEN,
  },
];
