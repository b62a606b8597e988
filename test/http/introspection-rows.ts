import type { IntrospectionFunctionOptions, ResourceServerOptions } from '../../src/index.js';
import type { TestIssuer } from '../../src/testing/index.js';
import type { RawRequest } from '../support/http-client.js';
import type { ContractRow, Expected } from './contract.js';

/** Options of the rows of this module. */
export type IntrospectionConfiguration =
  | 'introspection'
  | 'introspection of every token'
  | 'introspection out of reach'
  | 'introspection in confusion';

export function introspectionOptionsOf(
  configuration: IntrospectionConfiguration,
  { introspectionOptions }: TestIssuer,
): ResourceServerOptions {
  const { issuer } = introspectionOptions;
  const withMembers = (members: Partial<IntrospectionFunctionOptions>): ResourceServerOptions => ({
    ...introspectionOptions,
    issuer: { ...issuer, introspection: { ...issuer.introspection, ...members } },
  });
  switch (configuration) {
    case 'introspection':
      return withMembers({ claims: ['tenant'] });
    case 'introspection of every token':
      return withMembers({ tokens: ['opaque', 'jwt'] });
    case 'introspection out of reach':
      return withMembers({ endpoint: () => Promise.reject(new Error('down')) });
    case 'introspection in confusion':
      return withMembers({ endpoint: () => ({ active: 'true' }) });
  }
}

const READ = { scope: 'read:inventory' };
const BAD_TOKEN: Expected = { status: 401, error: 'invalid_token' };
const OK: Expected = { status: 200, body: { sku: '42', caller: 'test-client', scopes: ['read:inventory'] } };

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
    title: 'INT-04 accepts an opaque token that its issuer calls active',
    configuration: 'introspection',
    request: known(READ),
    expected: OK,
  },
  {
    title: 'INT-05 refuses a token that its issuer does not know',
    configuration: 'introspection',
    request: () => sending('opaque-access-token'),
    expected: {
      ...BAD_TOKEN,
      body: { error: 'invalid_token', error_description: 'The access token is not active' },
    },
  },
  {
    title: 'INT-05 refuses a token that was revoked',
    configuration: 'introspection',
    request: (issuer) => {
      const token = issuer.opaqueToken(READ);
      issuer.revokeToken(token);
      return sending(token);
    },
    expected: BAD_TOKEN,
  },
  {
    title: 'INT-10 refuses an opaque token for another API',
    configuration: 'introspection',
    request: known({ ...READ, aud: 'https://other.example.com' }),
    expected: BAD_TOKEN,
  },
  {
    title: 'INT-11 refuses a refresh token that is active',
    configuration: 'introspection',
    request: known({ ...READ, token_type: 'refresh_token' }),
    expected: BAD_TOKEN,
  },
  {
    title: 'INT-11 INT-12 refuses a token of the type DPoP that is sent as a bearer token',
    configuration: 'introspection',
    request: known({ ...READ, cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }),
    expected: BAD_TOKEN,
  },
  {
    title: 'INT-13 refuses an opaque token without the scope',
    configuration: 'introspection',
    request: known({}),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory' },
  },
  {
    title: 'INT-22 shows the predicate of a route the claims that the options name',
    configuration: 'introspection',
    request: known({ tenant: 'acme' }, '/claims'),
    expected: { status: 200, body: { caller: 'test-client', anonymous: false } },
  },
  {
    title: 'INT-22 shows it no others',
    configuration: 'introspection of every token',
    request: known({ tenant: 'acme' }, '/claims'),
    expected: { status: 403, error: 'insufficient_scope' },
  },
  {
    title: 'INT-18 answers what cannot be a token with 400, and asks nobody',
    configuration: 'introspection out of reach',
    request: () => sending('two, tokens'),
    expected: { status: 400, error: 'invalid_request' },
  },
  {
    title: 'INT-06 OPS-10 answers 503 when nobody says whether the token is active',
    configuration: 'introspection out of reach',
    request: () => sending('opaque-access-token'),
    expected: { status: 503 },
  },
  {
    title: 'INT-04 INT-06 answers 503 when the issuer says something else',
    configuration: 'introspection in confusion',
    request: () => sending('opaque-access-token'),
    expected: { status: 503 },
  },
  {
    title: 'INT-23 verifies JWTs by their signature as ever',
    configuration: 'introspection out of reach',
    request: async (issuer) => sending(await issuer.token(READ)),
    expected: OK,
  },
  {
    title: 'INT-23 does not ask about a JWT that does not hold',
    configuration: 'introspection out of reach',
    request: async (issuer) => sending(await issuer.token({ ...READ, exp: 1 })),
    expected: BAD_TOKEN,
  },
  {
    title: 'INT-23 refuses a JWT that its issuer does not know, where JWTs are asked about',
    configuration: 'introspection of every token',
    request: async (issuer) => sending(await issuer.token(READ)),
    expected: BAD_TOKEN,
  },
  {
    title: 'INT-21 refuses an introspection response as access token',
    configuration: 'introspection',
    request: async (issuer) => sending(await issuer.token(READ, { typ: 'token-introspection+jwt' })),
    expected: BAD_TOKEN,
  },
];
