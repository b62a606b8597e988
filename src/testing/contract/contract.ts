import type { Forgery } from '../forgeries/forgery.js';
import type { TestIssuer } from '../test-issuer.js';
import { METADATA } from './configurations.js';
import { dpopRows } from './dpop-rows.js';
import type { RawRequest } from './http-client.js';
import { introspectionRows } from './introspection-rows.js';
import { issuerRows } from './issuer-rows.js';
import { metadataRows } from './metadata-rows.js';
import { mtlsRows } from './mtls-rows.js';
import { revocationRows } from './revocation-rows.js';
import { BAD_TOKEN, type ContractRow, type Expected, KNOWN, OK, READ } from './row.js';
import { stepUpRows } from './step-up-rows.js';
import { withClaims } from './with-claims.js';

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
const BAD_REQUEST: Expected = { status: 400, error: 'invalid_request' };
/** RFC 9449 §7.2: it is not clear for which scheme the credentials were meant. */
const AMBIGUOUS: Expected = { ...BAD_REQUEST, scheme: 'every' };
const NO_CREDENTIALS: Expected = { status: 401, error: null };
const NEEDS_READ: Expected = { status: 403, error: 'insufficient_scope', scope: 'read:inventory' };
const ANONYMOUS: Expected = { status: 200, body: { anonymous: true } };

/** A request for `/stock/42` whose `Authorization` line is made of a valid token. */
const stock =
  (line: (token: string) => string, path = '/stock/42') =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    path,
    headers: [['Authorization', line(await issuer.token(READ))]],
  });

const credentials: readonly ContractRow[] = [
  {
    title: 'accepts a token in the Authorization header',
    ids: ['BRR-01'],
    request: stock((token) => `Bearer ${token}`),
    expected: OK,
  },
  {
    title: 'accepts a token in a mounted router',
    ids: ['BRR-01'],
    request: stock((token) => `Bearer ${token}`, '/mounted/stock/42'),
    expected: OK,
  },
  {
    title: 'accepts the scheme in lower case',
    ids: ['BRR-02'],
    request: stock((token) => `bearer ${token}`),
    expected: OK,
  },
  {
    title: 'accepts the scheme in upper case',
    ids: ['BRR-02'],
    request: stock((token) => `BEARER ${token}`),
    expected: OK,
  },
  {
    title: 'accepts the scheme in mixed case',
    ids: ['BRR-02'],
    request: stock((token) => `bEaReR ${token}`),
    expected: OK,
  },
  {
    title: 'accepts several spaces behind the scheme',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer   ${token}`),
    expected: OK,
  },
  {
    title: 'refuses a tab behind the scheme',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer\t${token}`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses a second word',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer ${token} more`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses two tokens in a list',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer ${token}, ${token}`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses a second scheme in a list, which is how a proxy may send two lines',
    ids: ['BRR-03', 'BRR-06'],
    request: stock((token) => `Bearer ${token}, Basic Zm9v`),
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a second scheme after a bare comma, which is how Envoy joins two lines',
    ids: ['BRR-03', 'BRR-06'],
    request: stock((token) => `Bearer ${token},Basic Zm9v`),
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a token after another scheme and a bare comma',
    ids: ['BRR-06'],
    request: stock((token) => `Basic Zm9v,Bearer ${token}`),
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a quoted token',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer "${token}"`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses characters that no token has',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer ${token}%`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses Latin-1 characters',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer ${token}\u00e9`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses a token with = in the middle',
    ids: ['BRR-03'],
    request: stock((token) => `Bearer a=${token}`),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses the scheme alone',
    ids: ['BRR-04'],
    request: stock(() => 'Bearer'),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses the scheme with only spaces behind it',
    ids: ['BRR-04'],
    request: stock(() => 'Bearer  '),
    expected: BAD_REQUEST,
  },
  {
    title: 'treats Basic as no credentials',
    ids: ['BRR-05'],
    request: stock(() => 'Basic Zm9vOmJhcg=='),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'treats Negotiate as no credentials',
    ids: ['BRR-05'],
    request: stock(() => 'Negotiate'),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'treats a scheme that begins like Bearer as no credentials',
    ids: ['BRR-05'],
    request: stock((token) => `BearerX ${token}`),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'treats a token without a scheme as no credentials',
    ids: ['BRR-05'],
    request: stock((token) => token),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'refuses two equal Authorization lines',
    ids: ['BRR-06'],
    request: async (issuer) => {
      const line = ['Authorization', `Bearer ${await issuer.token(READ)}`] as const;
      return { path: '/stock/42', headers: [line, line] };
    },
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a second Authorization line, whatever its scheme or case',
    ids: ['BRR-06'],
    request: async (issuer) => ({
      path: '/stock/42',
      headers: [
        ['Authorization', `Bearer ${await issuer.token(READ)}`],
        ['AUTHORIZATION', 'Basic Zm9v'],
      ],
    }),
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a second line of ours behind another scheme',
    ids: ['BRR-06'],
    request: async (issuer) => ({
      path: '/stock/42',
      headers: [
        ['Authorization', 'Basic Zm9v'],
        ['Authorization', `Bearer ${await issuer.token(READ)}`],
      ],
    }),
    expected: AMBIGUOUS,
  },
  {
    title: 'treats Digest with its list of parameters as no credentials',
    ids: ['BRR-05'],
    request: stock(() => 'Digest username="a", realm="Bearer, or not", uri="/", response="0"'),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'reads no token from a cookie',
    ids: ['BRR-12'],
    request: async (issuer) => ({
      path: '/stock/42',
      headers: [['Cookie', `access_token=${await issuer.token(READ)}`]],
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'answers a request without credentials with a challenge that has no error',
    ids: ['BRR-13', 'BRR-14', 'BRR-27'],
    request: () => ({ path: '/stock/42' }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'escapes quotes and backslashes of the realm',
    ids: ['BRR-23'],
    configuration: 'named realm',
    request: () => ({ path: '/stock/42' }),
    expected: { ...NO_CREDENTIALS, realm: 'the "inventory" \\ API' },
  },
  {
    title: 'reflects no part of the request',
    ids: ['OPS-04'],
    request: () => ({ path: '/stock/42', headers: [['Authorization', 'Bearer x"; realm="evil']] }),
    expected: { ...BAD_REQUEST, realm: 'api' },
  },
];

const otherMethods: readonly ContractRow[] = [
  {
    title: 'ignores a token in the body by default',
    ids: ['BRR-08'],
    request: async (issuer) => ({
      method: 'POST',
      path: '/whoami',
      headers: [FORM],
      body: `access_token=${await issuer.token()}`,
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: "accepts a token in a form body if that's enabled",
    ids: ['BRR-08'],
    configuration: 'every method',
    request: async (issuer) => ({
      method: 'POST',
      path: '/whoami',
      headers: [FORM],
      body: `a=1&access_token=${await issuer.token()}`,
    }),
    expected: KNOWN,
  },
  {
    title: 'accepts parameters of the form media type',
    ids: ['BRR-08'],
    configuration: 'every method',
    request: async (issuer) => ({
      method: 'POST',
      path: '/whoami',
      headers: [['Content-Type', 'Application/X-WWW-Form-Urlencoded; charset=UTF-8']],
      body: `access_token=${await issuer.token()}`,
    }),
    expected: KNOWN,
  },
  {
    title: 'ignores a token in a JSON body',
    ids: ['BRR-08'],
    configuration: 'every method',
    request: async (issuer) => ({
      method: 'POST',
      path: '/whoami',
      headers: [['Content-Type', 'application/json']],
      body: JSON.stringify({ access_token: await issuer.token() }),
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'refuses an empty token in the body',
    ids: ['BRR-04'],
    configuration: 'every method',
    request: () => ({ method: 'POST', path: '/whoami', headers: [FORM], body: 'access_token=' }),
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses a token in header and body, even the same one',
    ids: ['BRR-07'],
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token();
      return {
        method: 'POST',
        path: '/whoami',
        headers: [FORM, ['Authorization', `Bearer ${token}`]],
        body: `access_token=${token}`,
      };
    },
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a token in header and query',
    ids: ['BRR-07'],
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token(READ);
      return { path: `/stock/42?access_token=${token}`, headers: [['Authorization', `Bearer ${token}`]] };
    },
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a token in body and query',
    ids: ['BRR-07'],
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token();
      return {
        method: 'POST',
        path: `/whoami?access_token=${token}`,
        headers: [FORM],
        body: `access_token=${token}`,
      };
    },
    expected: AMBIGUOUS,
  },
  {
    title: 'refuses a repeated body parameter',
    ids: ['BRR-09'],
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token();
      return {
        method: 'POST',
        path: '/whoami',
        headers: [FORM],
        body: `access_token=${token}&access_token=${token}`,
      };
    },
    expected: BAD_REQUEST,
  },
  {
    title: 'refuses a repeated query parameter',
    ids: ['BRR-09'],
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token(READ);
      return { path: `/stock/42?access_token=${token}&access_token=${token}` };
    },
    expected: BAD_REQUEST,
  },
  {
    title: 'ignores a token in the query by default',
    ids: ['BRR-10'],
    request: async (issuer) => ({ path: `/stock/42?access_token=${await issuer.token(READ)}` }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'does not count an ignored query parameter as a second method',
    ids: ['BRR-10'],
    request: async (issuer) => {
      const token = await issuer.token(READ);
      return { path: `/stock/42?access_token=${token}`, headers: [['Authorization', `Bearer ${token}`]] };
    },
    expected: OK,
  },
  {
    title: "accepts a token in the query if that's enabled, and keeps the answer out of shared caches",
    ids: ['BRR-11'],
    configuration: 'every method',
    request: async (issuer) => ({ path: `/stock/42?limit=1&access_token=${await issuer.token(READ)}` }),
    expected: { ...OK, headers: { 'cache-control': 'private, no-store' } },
  },
  {
    title: 'refuses a bad token in the query',
    ids: ['BRR-11'],
    configuration: 'every method',
    request: () => ({ path: '/stock/42?access_token=abc' }),
    expected: BAD_TOKEN,
  },
];

const optional: readonly ContractRow[] = [
  {
    title: 'lets a request without credentials through as anonymous',
    ids: ['BRR-31'],
    configuration: 'optional',
    request: () => ({ path: '/whoami' }),
    expected: ANONYMOUS,
  },
  {
    title: 'lets another scheme through as anonymous',
    ids: ['BRR-31', 'BRR-05'],
    configuration: 'optional',
    request: stock(() => 'Basic Zm9v', '/whoami'),
    expected: ANONYMOUS,
  },
  {
    title: 'identifies the caller by a good token',
    ids: ['BRR-31'],
    configuration: 'optional',
    request: withClaims({}, '/whoami'),
    expected: KNOWN,
  },
  {
    title: 'refuses a bad token even if credentials are optional',
    ids: ['BRR-31'],
    configuration: 'optional',
    request: stock(() => 'Bearer abc', '/whoami'),
    expected: BAD_TOKEN,
  },
  {
    title: "refuses malformed credentials even if they're optional",
    ids: ['BRR-31'],
    configuration: 'optional',
    request: stock(() => 'Bearer', '/whoami'),
    expected: BAD_REQUEST,
  },
  {
    title: 'asks an anonymous caller for credentials, and names the scope of the route',
    ids: ['BRR-31', 'BRR-13'],
    configuration: 'optional',
    request: () => ({ path: '/stock/42' }),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory' },
  },
];

const requirements: readonly ContractRow[] = [
  {
    title: 'refuses a token without scope',
    ids: ['BRR-16', 'SCP-05'],
    request: withClaims({}),
    expected: NEEDS_READ,
  },
  {
    title: 'refuses a token with an empty scope',
    ids: ['SCP-05'],
    request: withClaims({ scope: '' }),
    expected: NEEDS_READ,
  },
  {
    title: 'refuses a scope that only begins like the required one',
    ids: ['SCP-01'],
    request: withClaims({ scope: 'read:inventory:all read:inventoryx' }),
    expected: NEEDS_READ,
  },
  {
    title: 'refuses a scope that is only the beginning of the required one',
    ids: ['SCP-01'],
    request: withClaims({ scope: 'read read:' }),
    expected: NEEDS_READ,
  },
  {
    title: 'compares scopes case-sensitively',
    ids: ['SCP-01'],
    request: withClaims({ scope: 'Read:Inventory' }),
    expected: NEEDS_READ,
  },
  {
    title: 'ignores the order and repetition of scopes',
    ids: ['SCP-02'],
    request: withClaims({ scope: 'other read:inventory other read:inventory' }),
    expected: { status: 200, body: { scopes: ['other', 'read:inventory'] } },
  },
  {
    title: "doesn't split scopes at commas",
    ids: ['SCP-03'],
    request: withClaims({ scope: 'read:inventory,write:orders' }),
    expected: NEEDS_READ,
  },
  {
    title: "doesn't split scopes at tabs",
    ids: ['SCP-03'],
    request: withClaims({ scope: 'other\tread:inventory' }),
    expected: NEEDS_READ,
  },
  {
    title: 'reads no scope from an array',
    ids: ['SCP-04'],
    request: withClaims({ scope: ['read:inventory'] }),
    expected: NEEDS_READ,
  },
  {
    title: 'reads no scope from an object',
    ids: ['SCP-04'],
    request: withClaims({ scope: { 'read:inventory': true } }),
    expected: NEEDS_READ,
  },
  {
    title: "reads no vendor claim unless it's configured",
    ids: ['SCP-08'],
    request: withClaims({ scp: 'read:inventory', permissions: ['read:inventory'] }),
    expected: NEEDS_READ,
  },
  {
    title: 'requires all of several scopes, and names all of them, not those granted',
    ids: ['SCP-06', 'BRR-25', 'SCP-11'],
    request: withClaims({ scope: 'read:inventory extra' }, '/orders', 'POST'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory write:orders' },
  },
  {
    title: 'accepts all of several scopes',
    ids: ['SCP-06'],
    request: withClaims({ scope: 'write:orders read:inventory' }, '/orders', 'POST'),
    expected: { status: 201, body: { ok: true } },
  },
  {
    title: 'accepts any of several scopes',
    ids: ['SCP-06'],
    request: withClaims({ scope: 'admin' }, '/any'),
    expected: KNOWN,
  },
  {
    title: 'refuses a token with none of several scopes',
    ids: ['SCP-06'],
    request: withClaims({ scope: 'other' }, '/any'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory admin' },
  },
  {
    title: 'names the scopes of all requirements of a route in one challenge',
    ids: ['BRR-25', 'SCP-11'],
    request: withClaims({}, '/refunds', 'POST'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory write:orders' },
  },
  {
    title: 'names all of them even if only the last is missing',
    ids: ['BRR-25', 'SCP-11'],
    request: withClaims(READ, '/refunds', 'POST'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory write:orders' },
  },
  {
    title: 'accepts what meets all requirements of a route',
    ids: ['SCP-06'],
    request: withClaims({ scope: 'read:inventory write:orders' }, '/refunds', 'POST'),
    expected: KNOWN,
  },
  {
    title: 'names required scopes and alternatives in one challenge',
    ids: ['BRR-25', 'SCP-11'],
    request: withClaims({ scope: 'other' }, '/stocktake'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory write:orders admin' },
  },
  {
    title: 'accepts claims that meet the predicate',
    ids: ['BRR-16'],
    request: withClaims({ tenant: 'acme' }, '/claims'),
    expected: KNOWN,
  },
  {
    title: 'refuses claims that do not meet the predicate',
    ids: ['BRR-16'],
    request: withClaims({ tenant: 'other' }, '/claims'),
    expected: { status: 403, error: 'insufficient_scope' },
  },
  {
    title: "isn't fooled by claims named like members of every object",
    ids: ['OPS-11'],
    request: withClaims({ ...READ, constructor: 'x', toString: 'y', hasOwnProperty: 1, valueOf: null }),
    expected: OK,
  },
  {
    title: 'ignores authentication in a request body',
    ids: ['OPS-12'],
    request: () => ({
      method: 'POST',
      path: '/whoami',
      headers: [['Content-Type', 'application/json']],
      body: '{"auth":{"subject":"x","scopes":["read:inventory"]}}',
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'ignores authentication in a header',
    ids: ['OPS-12'],
    request: () => ({
      path: '/whoami',
      headers: [
        ['Auth', 'x'],
        ['X-Auth', '{"scopes":["read:inventory"]}'],
      ],
    }),
    expected: NO_CREDENTIALS,
  },
];

const answers: readonly ContractRow[] = [
  {
    title: 'refuses an expired token',
    ids: ['BRR-15', 'BRR-22'],
    request: withClaims({ ...READ, exp: 1 }),
    expected: BAD_TOKEN,
  },
  {
    title: 'challenges HEAD like GET',
    ids: ['BRR-18'],
    request: () => ({ method: 'HEAD', path: '/stock/42' }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'answers HEAD like GET',
    ids: ['BRR-30'],
    request: withClaims(READ, '/stock/42', 'HEAD'),
    expected: { status: 200 },
  },
  {
    title: 'leaves a preflight request to the CORS layer',
    ids: ['BRR-28'],
    request: () => ({
      method: 'OPTIONS',
      path: '/stock/42',
      headers: [
        ['Origin', 'https://app.example.com'],
        ['Access-Control-Request-Method', 'GET'],
        ['Access-Control-Request-Headers', 'authorization'],
      ],
    }),
    expected: { status: 204, headers: { 'access-control-allow-origin': '*' } },
  },
  {
    title: 'protects any other OPTIONS request',
    ids: ['BRR-28'],
    configuration: 'without CORS',
    request: () => ({ method: 'OPTIONS', path: '/whoami', headers: [['Origin', 'https://app.example.com']] }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'lets an OPTIONS request with a token reach its handler',
    ids: ['BRR-28'],
    configuration: 'without CORS',
    request: withClaims({}, '/whoami', 'OPTIONS'),
    expected: KNOWN,
  },
  {
    title: 'accepts typ JWT by default',
    ids: ['ATP-16'],
    request: withClaims(READ, '/stock/42', 'GET', { typ: 'JWT' }),
    expected: OK,
  },
  {
    title: 'refuses typ JWT if at+jwt is required',
    ids: ['ATP-01'],
    configuration: 'strict type',
    request: withClaims(READ, '/stock/42', 'GET', { typ: 'JWT' }),
    expected: BAD_TOKEN,
  },
  {
    title: 'accepts application/at+JWT if at+jwt is required',
    ids: ['ATP-01'],
    configuration: 'strict type',
    request: withClaims(READ, '/stock/42', 'GET', { typ: 'application/at+JWT' }),
    expected: OK,
  },
  {
    title: 'answers 503 when the keys are out of reach',
    ids: ['KEY-24', 'STP-14', 'OPS-10'],
    configuration: 'out of reach',
    request: withClaims(READ),
    expected: { status: 503 },
  },
  {
    title: "refuses a token that can't be valid without asking for keys",
    ids: ['OPS-06'],
    configuration: 'out of reach',
    request: withClaims({ ...READ, exp: 1 }),
    expected: BAD_TOKEN,
  },
  {
    title: 'lets anyone use a public route',
    request: () => ({ path: '/public' }),
    expected: { status: 200, body: { ok: true } },
  },
];

/** The application takes tokens from another field, and refuses by a check of its own. */
const application: readonly ContractRow[] = [
  {
    title: 'reads a token that the application took from another field',
    ids: ['BRR-06'],
    request: async (issuer) => ({
      path: '/stock/42',
      headers: [['X-Forwarded-Access-Token', await issuer.token(READ)]],
    }),
    expected: OK,
  },
  {
    title: 'refuses a bad token from another field',
    ids: ['BRR-06'],
    request: () => ({ path: '/stock/42', headers: [['X-Forwarded-Access-Token', 'nonsense']] }),
    expected: BAD_TOKEN,
  },
  {
    title: 'refuses repeated credentials in addition to a token in another field',
    ids: ['BRR-06'],
    request: async (issuer) => ({
      path: '/stock/42',
      headers: [
        ['Authorization', 'Bearer a'],
        ['Authorization', 'Bearer b'],
        ['X-Forwarded-Access-Token', await issuer.token(READ)],
      ],
    }),
    expected: AMBIGUOUS,
  },
  {
    title: 'lets a request through that a check of the application passes',
    request: withClaims({ ...READ, tenant: 'acme' }, '/own'),
    expected: KNOWN,
  },
  {
    title: "answers the application's refusals like any other",
    ids: ['BRR-26'],
    request: withClaims({ ...READ, tenant: 'other' }, '/own'),
    expected: { ...NEEDS_READ, headers: { 'cache-control': 'no-store' } },
  },
  {
    title: 'names the realm in what the application refuses',
    ids: ['BRR-26'],
    configuration: 'named realm',
    request: withClaims({ ...READ, tenant: 'other' }, '/own'),
    expected: { ...NEEDS_READ, realm: 'the "inventory" \\ API' },
  },
  {
    title: 'names the metadata in what the application refuses',
    ids: ['MCP-04'],
    configuration: 'published',
    request: withClaims({ ...READ, tenant: 'other' }, '/own'),
    expected: {
      ...NEEDS_READ,
      metadata: METADATA,
    },
  },
];

/** The contract: what every framework answers. */
export const contract: readonly ContractRow[] = [
  ...credentials,
  ...otherMethods,
  ...optional,
  ...requirements,
  ...answers,
  ...application,
  ...dpopRows,
  ...introspectionRows,
  ...issuerRows,
  ...metadataRows,
  ...mtlsRows,
  ...revocationRows,
  ...stepUpRows,
];

/** The rows that the testing kit's forgeries make. */
export function forgeryRow({ name, headers, status, reason }: Forgery): ContractRow {
  const error =
    status === 400
      ? 'invalid_request'
      : status === 403
        ? 'insufficient_scope'
        : reason === 'missing_credentials'
          ? null
          : 'invalid_token';
  // It isn't clear for which scheme a token without one was meant, nor several credentials.
  const isClear =
    reason !== 'multiple_methods' &&
    (reason !== 'malformed_credentials' || /^Bearer/.test(headers.Authorization ?? ''));
  return {
    title: `refuses a forgery: ${name}`,
    request: () => ({ path: '/stock/42', headers: Object.entries(headers) }),
    expected: {
      status,
      error,
      scheme: isClear ? 'Bearer' : 'every',
      ...(status === 403 && { scope: 'read:inventory' }),
    },
  };
}
