import type { ResourceServerOptions } from '../../src/index.js';
import type { TestIssuer } from '../../src/testing/index.js';
import type { RawRequest } from '../support/http-client.js';
import type { ContractRow, Expected } from './contract.js';

/** Options of the rows of this module. */
export type MetadataConfiguration = 'published' | 'published, optional' | 'published, only DPoP';

const RESOURCE = 'https://inventory.example.com/v2';
const METADATA = 'https://inventory.example.com/.well-known/oauth-protected-resource/v2';

export function metadataOptionsOf(
  configuration: MetadataConfiguration,
): Pick<ResourceServerOptions, 'resource' | 'optional' | 'dpop'> {
  switch (configuration) {
    case 'published':
      return { resource: RESOURCE };
    case 'published, optional':
      return { resource: { resource: RESOURCE }, optional: true };
    case 'published, only DPoP':
      return { resource: RESOURCE, dpop: 'required' };
  }
}

const sending =
  (path: string, line?: string, method = 'GET') =>
  (): RawRequest => ({ method, path, headers: line === undefined ? [] : [['Authorization', line]] });

const withClaims =
  (path: string, claims: Readonly<Record<string, unknown>>, method = 'GET') =>
  async (issuer: TestIssuer): Promise<RawRequest> => ({
    method,
    path,
    headers: [['Authorization', `Bearer ${await issuer.token(claims)}`]],
  });

const PUBLISHED = { configuration: 'published' } as const;
const NO_CREDENTIALS: Expected = { status: 401, error: null, metadata: METADATA };
const BAD_TOKEN: Expected = { status: 401, error: 'invalid_token', metadata: METADATA };
/** Of rows that name the scope of a route before anything of the request was accepted. */
const except = {
  express: 'authenticate() answers before Express has found the route and what it requires',
} as const;

export const metadataRows: readonly ContractRow[] = [
  {
    ...PUBLISHED,
    title: 'names the metadata where no credentials were sent, whatever Host says',
    ids: ['PRM-08', 'MCP-02'],
    request: () => ({ path: '/whoami', headers: [['X-Forwarded-Host', 'evil.example.com']] }),
    expected: NO_CREDENTIALS,
  },
  {
    ...PUBLISHED,
    title: 'names the scope that the route requires where no credentials were sent',
    ids: ['MCP-05'],
    request: sending('/stock/42'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory' },
    except,
  },
  {
    ...PUBLISHED,
    title: 'names all scopes of the route',
    ids: ['MCP-05'],
    request: sending('/orders', undefined, 'POST'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory write:orders' },
    except,
  },
  {
    ...PUBLISHED,
    title: 'names the scopes of which one would do',
    ids: ['MCP-05'],
    request: sending('/any'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory admin' },
    except,
  },
  {
    ...PUBLISHED,
    title: 'names the scope where the token does not hold',
    ids: ['MCP-03', 'MCP-04', 'MCP-05'],
    request: withClaims('/stock/42', { scope: 'read:inventory', aud: 'https://other.example.com' }),
    expected: { ...BAD_TOKEN, scope: 'read:inventory' },
    except,
  },
  {
    ...PUBLISHED,
    title: 'names the metadata where the token is for another API',
    ids: ['MCP-03', 'PRM-08'],
    request: withClaims('/whoami', { aud: 'https://other.example.com' }),
    expected: BAD_TOKEN,
  },
  {
    ...PUBLISHED,
    title: 'names metadata and scope where a scope is missing',
    ids: ['MCP-04'],
    request: withClaims('/stock/42', {}),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory', metadata: METADATA },
  },
  {
    ...PUBLISHED,
    title: 'names the metadata where the credentials are malformed, and no scope',
    ids: ['MCP-04', 'PRM-08'],
    request: sending('/stock/42', 'Bearer'),
    expected: { status: 400, error: 'invalid_request', metadata: METADATA },
  },
  {
    ...PUBLISHED,
    title: 'authenticates every request, whatever the session that it names',
    ids: ['MCP-06'],
    request: () => ({
      method: 'POST',
      path: '/whoami',
      headers: [
        ['Mcp-Session-Id', '1868a90c'],
        ['Content-Type', 'application/json'],
      ],
      body: '{"jsonrpc":"2.0","method":"ping","id":1}',
    }),
    expected: NO_CREDENTIALS,
  },
  {
    ...PUBLISHED,
    title: 'accepts no token in the query',
    ids: ['MCP-07'],
    request: async (issuer) => ({ path: `/whoami?access_token=${await issuer.token()}` }),
    expected: NO_CREDENTIALS,
  },
  {
    ...PUBLISHED,
    title: 'leaves accepted requests as they are',
    ids: ['PRM-08'],
    request: withClaims('/stock/42', { scope: 'read:inventory' }),
    expected: { status: 200, body: { sku: '42' } },
  },
  {
    configuration: 'published, optional',
    title: 'names the scope where an anonymous caller needs one',
    ids: ['MCP-05'],
    request: sending('/stock/42'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory' },
  },
  {
    configuration: 'published, only DPoP',
    title: 'names the metadata in the challenge of whichever scheme there is',
    ids: ['PRM-08'],
    request: sending('/whoami'),
    expected: { ...NO_CREDENTIALS, scheme: 'DPoP', offered: ['DPoP'] },
  },
];
