import type { ResourceServerOptions } from '../../src/index.js';
import type { Scheme } from '../../src/request/authorization-header.js';
import type { Forgery, TestIssuer } from '../../src/testing/index.js';
import type { RawRequest } from '../support/http-client.js';
import { type DpopConfiguration, dpopOptionsOf, dpopRows } from './dpop-rows.js';
import {
  type IntrospectionConfiguration,
  introspectionOptionsOf,
  introspectionRows,
} from './introspection-rows.js';
import { type MetadataConfiguration, metadataOptionsOf, metadataRows } from './metadata-rows.js';
import { type MtlsConfiguration, mtlsOptionsOf, mtlsRows } from './mtls-rows.js';
import { type RevocationConfiguration, revocationOptionsOf, revocationRows } from './revocation-rows.js';
import { stepUpRows } from './step-up-rows.js';

/** The options that rows run with; each is one server per framework. */
export type Configuration =
  | 'default'
  | 'optional'
  | 'every method'
  | 'strict type'
  | 'named realm'
  | 'out of reach'
  | DpopConfiguration
  | IntrospectionConfiguration
  | MetadataConfiguration
  | MtlsConfiguration
  | RevocationConfiguration;

export function optionsOf(configuration: Configuration, issuer: TestIssuer): ResourceServerOptions {
  const { options } = issuer;
  switch (configuration) {
    case 'default':
      return options;
    case 'optional':
      return { ...options, optional: true };
    case 'every method':
      return { ...options, bearerMethods: ['header', 'body', 'query'] };
    case 'strict type':
      return { ...options, tokenType: 'at+jwt' };
    case 'named realm':
      return { ...options, realm: 'the "inventory" \\ API' };
    case 'out of reach': {
      const jwks = () => Promise.reject(new Error('down'));
      return { ...options, issuer: { issuer: options.issuer.issuer, jwks } };
    }
    case 'trusting proxies':
    case 'below a base URL':
    case 'only DPoP':
    case 'no DPoP':
    case 'nonces':
      return { ...options, ...dpopOptionsOf(configuration) };
    case 'introspection':
    case 'introspection of every token':
    case 'introspection out of reach':
    case 'introspection in confusion':
      return introspectionOptionsOf(configuration, issuer);
    case 'mtls':
    case 'behind a proxy':
    case 'behind another proxy':
    case 'behind Envoy':
      return { ...options, ...mtlsOptionsOf(configuration) };
    case 'published':
    case 'published, optional':
    case 'published, only DPoP':
      return { ...options, ...metadataOptionsOf(configuration) };
    case 'revocable':
    case 'slowly revocable':
      return { ...options, ...revocationOptionsOf(configuration) };
  }
}

export interface Expected {
  readonly status: number;
  /** Members of the JSON body; for refusals the body is checked against the challenge anyway. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The challenge's `error`; `null`: a challenge without one. Required for 400, 401 and 403. */
  readonly error?: string | null;
  /**
   * Whose challenge has the error; the others are plain. Default `Bearer`; with `every` it is in all of them. Ignored where the challenges have no error.
   */
  readonly scheme?: Scheme | 'every';
  /** The schemes that are offered. Default both, but for 403 the one in {@link scheme} alone. */
  readonly offered?: readonly Scheme[];
  /** The challenge's `scope`, where one is expected. */
  readonly scope?: string;
  readonly realm?: string;
  /** The `resource_metadata` of every challenge. */
  readonly metadata?: string;
  /** `acr_values` and `max_age` of the challenge that has the error. */
  readonly stepUp?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One behaviour over HTTP that every framework must show. */
export interface ContractRow {
  /** Ids of `requirements`, first, then the behaviour as a sentence. Unique. */
  readonly title: string;
  readonly configuration?: Configuration;
  readonly request: (issuer: TestIssuer, url: string) => RawRequest | Promise<RawRequest>;
  readonly expected: Expected;
  /** Why a framework cannot run this row, by the start of its harness's name. */
  readonly except?: Readonly<Record<string, string>>;
}

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
const READ = { scope: 'read:inventory' };
const BAD_REQUEST: Expected = { status: 400, error: 'invalid_request' };
/** RFC 9449 §7.2: it is not clear for which scheme the credentials were meant. */
const AMBIGUOUS: Expected = { ...BAD_REQUEST, scheme: 'every' };
const NO_CREDENTIALS: Expected = { status: 401, error: null };
const BAD_TOKEN: Expected = { status: 401, error: 'invalid_token' };
const OK: Expected = { status: 200, body: { sku: '42', caller: 'test-client', scopes: ['read:inventory'] } };
const NEEDS_READ: Expected = { status: 403, error: 'insufficient_scope', scope: 'read:inventory' };
const ANONYMOUS: Expected = { status: 200, body: { anonymous: true } };
const KNOWN: Expected = { status: 200, body: { caller: 'test-client', anonymous: false } };

/** A request for `/stock/42` whose `Authorization` line is made of a valid token. */
const stock =
  (line: (token: string) => string, path = '/stock/42') =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    path,
    headers: [['Authorization', line(await issuer.token(READ))]],
  });

const withClaims =
  (
    claims: Record<string, unknown>,
    path = '/stock/42',
    method = 'GET',
    header: Record<string, unknown> = {},
  ) =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    method,
    path,
    headers: [['Authorization', `Bearer ${await issuer.token(claims, header)}`]],
  });

const credentials: readonly ContractRow[] = [
  {
    title: 'BRR-01 accepts a token in the Authorization header',
    request: stock((token) => `Bearer ${token}`),
    expected: OK,
  },
  {
    title: 'BRR-01 accepts it in a mounted router',
    request: stock((token) => `Bearer ${token}`, '/mounted/stock/42'),
    expected: OK,
  },
  {
    title: 'BRR-02 accepts the scheme in lower case',
    request: stock((token) => `bearer ${token}`),
    expected: OK,
  },
  {
    title: 'BRR-02 accepts the scheme in upper case',
    request: stock((token) => `BEARER ${token}`),
    expected: OK,
  },
  {
    title: 'BRR-02 accepts the scheme in mixed case',
    request: stock((token) => `bEaReR ${token}`),
    expected: OK,
  },
  {
    title: 'BRR-03 accepts several spaces behind the scheme',
    request: stock((token) => `Bearer   ${token}`),
    expected: OK,
  },
  {
    title: 'BRR-03 refuses a tab behind the scheme',
    request: stock((token) => `Bearer\t${token}`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses a second word',
    request: stock((token) => `Bearer ${token} more`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses two tokens in a list',
    request: stock((token) => `Bearer ${token}, ${token}`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses a second scheme in a list',
    request: stock((token) => `Bearer ${token}, Basic Zm9v`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses a quoted token',
    request: stock((token) => `Bearer "${token}"`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses characters that no token has',
    request: stock((token) => `Bearer ${token}%`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses Latin-1 characters',
    request: stock((token) => `Bearer ${token}\u00e9`),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-03 refuses = in the middle',
    request: stock((token) => `Bearer a=${token}`),
    expected: BAD_REQUEST,
  },
  { title: 'BRR-04 refuses the scheme alone', request: stock(() => 'Bearer'), expected: BAD_REQUEST },
  {
    title: 'BRR-04 refuses the scheme with only spaces behind it',
    request: stock(() => 'Bearer  '),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-05 takes Basic for no credentials',
    request: stock(() => 'Basic Zm9vOmJhcg=='),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-05 takes Negotiate for no credentials',
    request: stock(() => 'Negotiate'),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-05 takes a scheme that begins like Bearer for no credentials',
    request: stock((token) => `BearerX ${token}`),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-05 takes a token without scheme for no credentials',
    request: stock((token) => token),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-06 refuses two equal Authorization lines',
    request: async (issuer) => {
      const line = ['Authorization', `Bearer ${await issuer.token(READ)}`] as const;
      return { path: '/stock/42', headers: [line, line] };
    },
    expected: AMBIGUOUS,
  },
  {
    title: 'BRR-06 refuses a second Authorization line of another scheme and in another case',
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
    title: 'BRR-12 reads no token from a cookie',
    request: async (issuer) => ({
      path: '/stock/42',
      headers: [['Cookie', `access_token=${await issuer.token(READ)}`]],
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-13 BRR-14 BRR-27 answers a request without credentials with a challenge that has no error',
    request: () => ({ path: '/stock/42' }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-23 escapes quotes and backslashes of the realm',
    configuration: 'named realm',
    request: () => ({ path: '/stock/42' }),
    expected: { ...NO_CREDENTIALS, realm: 'the "inventory" \\ API' },
  },
  {
    title: 'OPS-04 reflects nothing of the request',
    request: () => ({ path: '/stock/42', headers: [['Authorization', 'Bearer x"; realm="evil']] }),
    expected: { ...BAD_REQUEST, realm: 'api' },
  },
];

const otherMethods: readonly ContractRow[] = [
  {
    title: 'BRR-08 ignores a token in the body by default',
    request: async (issuer) => ({
      method: 'POST',
      path: '/whoami',
      headers: [FORM],
      body: `access_token=${await issuer.token()}`,
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-08 accepts a token in a form body where that is enabled',
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
    title: 'BRR-08 accepts parameters of the form media type',
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
    title: 'BRR-08 ignores a token in a JSON body',
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
    title: 'BRR-04 refuses an empty token in the body',
    configuration: 'every method',
    request: () => ({ method: 'POST', path: '/whoami', headers: [FORM], body: 'access_token=' }),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-07 refuses a token in header and body, even if it is the same',
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
    title: 'BRR-07 refuses a token in header and query',
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token(READ);
      return { path: `/stock/42?access_token=${token}`, headers: [['Authorization', `Bearer ${token}`]] };
    },
    expected: AMBIGUOUS,
  },
  {
    title: 'BRR-07 refuses a token in body and query',
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
    title: 'BRR-09 refuses a repeated body parameter',
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
    title: 'BRR-09 refuses a repeated query parameter',
    configuration: 'every method',
    request: async (issuer) => {
      const token = await issuer.token(READ);
      return { path: `/stock/42?access_token=${token}&access_token=${token}` };
    },
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-10 ignores a token in the query by default',
    request: async (issuer) => ({ path: `/stock/42?access_token=${await issuer.token(READ)}` }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-10 does not count an ignored query parameter as a second method',
    request: async (issuer) => {
      const token = await issuer.token(READ);
      return { path: `/stock/42?access_token=${token}`, headers: [['Authorization', `Bearer ${token}`]] };
    },
    expected: OK,
  },
  {
    title:
      'BRR-11 accepts a token in the query where that is enabled, and keeps the answer out of shared caches',
    configuration: 'every method',
    request: async (issuer) => ({ path: `/stock/42?limit=1&access_token=${await issuer.token(READ)}` }),
    expected: { ...OK, headers: { 'cache-control': 'private, no-store' } },
  },
  {
    title: 'BRR-11 refuses a bad token in the query',
    configuration: 'every method',
    request: () => ({ path: '/stock/42?access_token=abc' }),
    expected: BAD_TOKEN,
  },
];

const optional: readonly ContractRow[] = [
  {
    title: 'BRR-31 lets a request without credentials through as anonymous',
    configuration: 'optional',
    request: () => ({ path: '/whoami' }),
    expected: ANONYMOUS,
  },
  {
    title: 'BRR-31 BRR-05 lets another scheme through as anonymous',
    configuration: 'optional',
    request: stock(() => 'Basic Zm9v', '/whoami'),
    expected: ANONYMOUS,
  },
  {
    title: 'BRR-31 knows who sends a good token',
    configuration: 'optional',
    request: withClaims({}, '/whoami'),
    expected: KNOWN,
  },
  {
    title: 'BRR-31 refuses a bad token all the same',
    configuration: 'optional',
    request: stock(() => 'Bearer abc', '/whoami'),
    expected: BAD_TOKEN,
  },
  {
    title: 'BRR-31 refuses malformed credentials all the same',
    configuration: 'optional',
    request: stock(() => 'Bearer', '/whoami'),
    expected: BAD_REQUEST,
  },
  {
    title: 'BRR-31 BRR-13 asks an anonymous caller of a scoped route for credentials, and says the scope',
    configuration: 'optional',
    request: () => ({ path: '/stock/42' }),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory' },
  },
];

const requirements: readonly ContractRow[] = [
  { title: 'BRR-16 SCP-05 refuses a token without scope', request: withClaims({}), expected: NEEDS_READ },
  {
    title: 'SCP-05 refuses a token with an empty scope',
    request: withClaims({ scope: '' }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-01 does not take a longer scope for the needed one',
    request: withClaims({ scope: 'read:inventory:all read:inventoryx' }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-01 does not take a shorter scope for the needed one',
    request: withClaims({ scope: 'read read:' }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-01 compares scopes with regard to case',
    request: withClaims({ scope: 'Read:Inventory' }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-02 does not mind order and repetition',
    request: withClaims({ scope: 'other read:inventory other read:inventory' }),
    expected: { status: 200, body: { scopes: ['other', 'read:inventory'] } },
  },
  {
    title: 'SCP-03 does not take a comma for a separator',
    request: withClaims({ scope: 'read:inventory,write:orders' }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-03 does not take a tab for a separator',
    request: withClaims({ scope: 'other\tread:inventory' }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-04 takes a scope array for no scope',
    request: withClaims({ scope: ['read:inventory'] }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-04 takes a scope object for no scope',
    request: withClaims({ scope: { 'read:inventory': true } }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-08 reads no vendor claim without being told to',
    request: withClaims({ scp: 'read:inventory', permissions: ['read:inventory'] }),
    expected: NEEDS_READ,
  },
  {
    title: 'SCP-06 BRR-25 SCP-11 wants all of several scopes and names them all at once, not those granted',
    request: withClaims({ scope: 'read:inventory extra' }, '/orders', 'POST'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory write:orders' },
  },
  {
    title: 'SCP-06 accepts all of several scopes',
    request: withClaims({ scope: 'write:orders read:inventory' }, '/orders', 'POST'),
    expected: { status: 201, body: { ok: true } },
  },
  {
    title: 'SCP-06 accepts any of several scopes',
    request: withClaims({ scope: 'admin' }, '/any'),
    expected: KNOWN,
  },
  {
    title: 'SCP-06 refuses none of several scopes',
    request: withClaims({ scope: 'other' }, '/any'),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory admin' },
  },
  {
    title: 'BRR-16 accepts claims that meet the predicate',
    request: withClaims({ tenant: 'acme' }, '/claims'),
    expected: KNOWN,
  },
  {
    title: 'BRR-16 refuses claims that do not meet the predicate',
    request: withClaims({ tenant: 'other' }, '/claims'),
    expected: { status: 403, error: 'insufficient_scope' },
  },
  {
    title: 'OPS-11 is not fooled by claims named like members of every object',
    request: withClaims({ ...READ, constructor: 'x', toString: 'y', hasOwnProperty: 1, valueOf: null }),
    expected: OK,
  },
  {
    title: 'OPS-12 does not take authentication from a request body',
    request: () => ({
      method: 'POST',
      path: '/whoami',
      headers: [['Content-Type', 'application/json']],
      body: '{"auth":{"subject":"x","scopes":["read:inventory"]}}',
    }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'OPS-12 does not take authentication from a header',
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
  { title: 'BRR-15 refuses an expired token', request: withClaims({ ...READ, exp: 1 }), expected: BAD_TOKEN },
  {
    title: 'BRR-18 challenges HEAD like GET',
    request: () => ({ method: 'HEAD', path: '/stock/42' }),
    expected: NO_CREDENTIALS,
  },
  {
    title: 'BRR-30 answers HEAD like GET',
    request: withClaims(READ, '/stock/42', 'HEAD'),
    expected: { status: 200 },
  },
  {
    title: 'BRR-28 leaves a preflight request to the CORS layer',
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
    title: 'BRR-28 protects any other OPTIONS request',
    request: () => ({
      method: 'OPTIONS',
      path: '/stock/42',
      headers: [['Origin', 'https://app.example.com']],
    }),
    expected: NO_CREDENTIALS,
    except: { nestjs: 'the CORS layer of NestJS answers every OPTIONS request before guards run' },
  },
  {
    title: 'ATP-16 accepts typ JWT by default',
    request: withClaims(READ, '/stock/42', 'GET', { typ: 'JWT' }),
    expected: OK,
  },
  {
    title: 'ATP-01 refuses typ JWT where at+jwt is required',
    configuration: 'strict type',
    request: withClaims(READ, '/stock/42', 'GET', { typ: 'JWT' }),
    expected: BAD_TOKEN,
  },
  {
    title: 'ATP-01 accepts application/at+JWT where at+jwt is required',
    configuration: 'strict type',
    request: withClaims(READ, '/stock/42', 'GET', { typ: 'application/at+JWT' }),
    expected: OK,
  },
  {
    title: 'KEY-24 STP-14 OPS-10 answers 503 when the keys are out of reach',
    configuration: 'out of reach',
    request: withClaims(READ),
    expected: { status: 503 },
  },
  {
    title: 'OPS-06 refuses what cannot hold without asking for keys',
    configuration: 'out of reach',
    request: withClaims({ ...READ, exp: 1 }),
    expected: BAD_TOKEN,
  },
  {
    title: 'lets everybody use a public route',
    request: () => ({ path: '/public' }),
    expected: { status: 200, body: { ok: true } },
  },
];

/** The contract: what every framework answers. */
export const contract: readonly ContractRow[] = [
  ...credentials,
  ...otherMethods,
  ...optional,
  ...requirements,
  ...answers,
  ...dpopRows,
  ...introspectionRows,
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
  // Of a token without a scheme it is not clear for which it was meant.
  const isClear = reason !== 'malformed_credentials' || /^Bearer/.test(headers.Authorization ?? '');
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
