import { METADATA } from './configurations.js';
import type { RawRequest } from './http-client.js';
import { BAD_TOKEN, type ContractRow, type Expected } from './row.js';
import { withClaims } from './with-claims.js';

const sending =
  (path: string, line?: string, method = 'GET') =>
  (): RawRequest => ({ method, path, headers: line === undefined ? [] : [['Authorization', line]] });

const PUBLISHED = { configuration: 'published' } as const;
const NO_CREDENTIALS: Expected = { status: 401, error: null, metadata: METADATA };
const REFUSED: Expected = { ...BAD_TOKEN, metadata: METADATA };

export const metadataRows: readonly ContractRow[] = [
  {
    ...PUBLISHED,
    title: 'names the metadata if no credentials were sent, whatever Host says',
    ids: ['PRM-08', 'MCP-02'],
    request: () => ({ path: '/whoami', headers: [['X-Forwarded-Host', 'evil.example.com']] }),
    expected: NO_CREDENTIALS,
  },
  {
    configuration: 'published, to read',
    title: 'names the scope of the route if no credentials were sent',
    ids: ['MCP-05'],
    request: sending('/stock/42'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory' },
  },
  {
    configuration: 'published, to order',
    title: 'names all scopes of the route',
    ids: ['MCP-05'],
    request: sending('/orders', undefined, 'POST'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory write:orders' },
  },
  {
    configuration: 'published, to read or administer',
    title: 'names every scope if one of them is enough',
    ids: ['MCP-05'],
    request: sending('/any'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory admin' },
  },
  {
    configuration: 'published, to read',
    title: "names the scope if the token isn't valid",
    ids: ['MCP-03', 'MCP-04', 'MCP-05'],
    request: withClaims({ scope: 'read:inventory', aud: 'https://other.example.com' }),
    expected: { ...REFUSED, scope: 'read:inventory' },
  },
  {
    configuration: 'published, to order',
    title: 'names the scopes of the metadata on a route that requires none',
    ids: ['MCP-05'],
    request: sending('/whoami'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory write:orders' },
  },
  {
    ...PUBLISHED,
    title: 'names the metadata if the token is for another API',
    ids: ['MCP-03', 'PRM-08'],
    request: withClaims({ aud: 'https://other.example.com' }, '/whoami'),
    expected: REFUSED,
  },
  {
    ...PUBLISHED,
    title: 'names metadata and scope if a scope is missing',
    ids: ['MCP-04'],
    request: withClaims({}),
    expected: { status: 403, error: 'insufficient_scope', scope: 'read:inventory', metadata: METADATA },
  },
  {
    ...PUBLISHED,
    title: 'names the metadata, but no scope, if the credentials are malformed',
    ids: ['MCP-04', 'PRM-08'],
    request: sending('/stock/42', 'Bearer'),
    expected: { status: 400, error: 'invalid_request', metadata: METADATA },
  },
  {
    ...PUBLISHED,
    title: 'authenticates every request, whatever session it names',
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
    title: 'adds nothing to the answers of accepted requests',
    ids: ['PRM-08'],
    request: withClaims({ scope: 'read:inventory' }),
    expected: { status: 200, body: { sku: '42' } },
  },
  {
    configuration: 'published, optional',
    title: 'names the scope if an anonymous caller needs one',
    ids: ['MCP-05'],
    request: sending('/stock/42'),
    expected: { ...NO_CREDENTIALS, scope: 'read:inventory' },
  },
  {
    configuration: 'published, only DPoP',
    title: 'names the metadata in the challenge of every scheme',
    ids: ['PRM-08'],
    request: sending('/whoami'),
    expected: { ...NO_CREDENTIALS, scheme: 'DPoP', offered: ['DPoP'] },
  },
];
