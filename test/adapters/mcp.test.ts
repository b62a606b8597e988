import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { authenticate } from '../../adapters/express/index.js';
import * as onFastify from '../../adapters/fastify/index.js';
import { requireAnyScope, requireClaims } from '../../adapters/fetch/index.js';
import { type McpScopeMap, mcpScopes } from '../../adapters/mcp/index.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { channels, createResourceServer } from '../../src/index.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';
import { type McpAnswer, type McpEndpoint, startOnExpress, startOnFetch } from '../support/mcp-endpoint.js';

const MCP = 'https://mcp.example.com/mcp';
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const MAP: McpScopeMap = {
  every: 'read',
  tools: {
    count: [],
    order: 'orders',
    move: ['orders', 'stock'],
    either: requireAnyScope('orders', 'stock'),
    'admin_*': 'admin',
    admin_help: [],
    ['__proto__']: 'orders',
  },
  resources: {
    'inventory://host/public/*': [],
    'inventory://host/*': 'secrets',
    'https://example.com': [],
  },
  prompts: { reorder: 'orders' },
  methods: { 'tasks/get': 'tasks', 'tools/list': 'list' },
};

const issuer = await createTestIssuer({ audience: MCP });
const options = {
  ...issuer.options,
  resource: { resource: MCP, scopes: ['read'] },
  impliedScopes: { admin: ['orders'] },
};
const bearer = async (scope: string): Promise<readonly (readonly [string, string])[]> =>
  Object.entries(await issuer.authorization({ scope }));

const request = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 1, method, params });
const tool = (name: unknown, params: object = {}) => request('tools/call', { name, ...params });
const current = (method: string, params: object = {}) =>
  request(method, { ...params, _meta: { [VERSION]: '2026-07-28' } });
const fields = (method: string, name?: string): [string, string][] => [
  ['MCP-Protocol-Version', '2026-07-28'],
  ['Mcp-Method', method],
  ...(name === undefined ? [] : [['Mcp-Name', name] satisfies [string, string]]),
];

describe.each([
  ['Express', startOnExpress],
  ['Fetch', startOnFetch],
] as const)('an MCP endpoint on %s', (_name, start) => {
  let endpoint: McpEndpoint;

  beforeAll(async () => {
    endpoint = await start(options, MAP);
  });
  afterAll(() => endpoint.close());

  const post = async (
    scope: string,
    body: unknown,
    headers: readonly (readonly [string, string])[] = [],
  ): Promise<McpAnswer> => endpoint.call({ headers: [...(await bearer(scope)), ...headers], body });

  it.each([
    ['a tool that needs no more than every request', 'read', tool('count')],
    ['a tool with its scope', 'read orders', tool('order')],
    ['a tool with a scope that implies its own', 'read admin', tool('order')],
    ['a tool with both its scopes', 'stock read orders', tool('move')],
    ['a tool with one of its scopes', 'read stock', tool('either')],
    ['a tool that begins like others', 'read admin', tool('admin_reset')],
    ['a tool that begins like others, but has an entry', 'read', tool('admin_help')],
    ['a tool with a strange name', 'read orders', tool('__proto__')],
    ['a prompt', 'read orders', request('prompts/get', { name: 'reorder' })],
    ['a resource', 'read', request('resources/read', { uri: 'inventory://host/public/a' })],
    [
      'a resource as the URL parser writes it',
      'read secrets',
      request('resources/read', { uri: 'inventory://host/a' }),
    ],
    ['a method with its scope', 'read list', request('tools/list')],
    ['a method of an extension', 'read tasks', request('tasks/get', { taskId: '1' })],
    ['a method of the protocol', 'read', request('initialize', {})],
    ['a method without params', 'read', request('ping')],
    ['a notification', 'read', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['a response', 'read', { jsonrpc: '2.0', id: 1, result: {} }],
    ['an error', 'read', { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } }],
    [
      'a completion',
      'read orders',
      request('completion/complete', { ref: { type: 'ref/prompt', name: 'reorder' } }),
    ],
    ['a batch', 'read orders', [tool('count'), tool('order')]],
  ])('lets %s pass', { tags: ['MCP-12'] }, async (_title, scope, body) => {
    const answer = await post(scope, body);
    expect(answer).toMatchObject({ status: 200, reached: [JSON.parse(JSON.stringify(body))] });
  });

  it.each([
    ['every request', '', tool('count'), 'read'],
    ['a tool, with what every request needs', '', tool('order'), 'read orders'],
    ['a tool', 'read', tool('order'), 'read orders'],
    ['a tool with two', 'read', tool('move'), 'read orders stock'],
    ['a tool with two of which one is there', 'read stock', tool('move'), 'read orders stock'],
    ['a tool with a choice', 'read', tool('either'), 'read orders stock'],
    ['a tool that begins like others', 'read orders', tool('admin_reset'), 'read admin'],
    [
      'a notification that calls a tool',
      'read',
      { jsonrpc: '2.0', method: 'tools/call', params: { name: 'order' } },
      'read orders',
    ],
    ['a prompt', 'read', request('prompts/get', { name: 'reorder' }), 'read orders'],
    ['a resource', 'read', request('resources/read', { uri: 'inventory://host/secret' }), 'read secrets'],
    [
      'a subscription',
      'read',
      request('resources/subscribe', { uri: 'inventory://host/secret' }),
      'read secrets',
    ],
    [
      'a subscription to several',
      'read',
      request('subscriptions/listen', {
        notifications: { resourceSubscriptions: ['inventory://host/public/a', 'inventory://host/secret'] },
      }),
      'read secrets',
    ],
    [
      'a completion of a prompt',
      'read',
      request('completion/complete', { ref: { type: 'ref/prompt', name: 'reorder' } }),
      'read orders',
    ],
    [
      'a completion of a resource',
      'read',
      request('completion/complete', { ref: { type: 'ref/resource', uri: 'inventory://host/{x}' } }),
      'read secrets',
    ],
    ['a method', 'read', request('tools/list'), 'read list'],
    ['a batch', 'read', [tool('count'), tool('order'), request('tasks/get')], 'read orders tasks'],
  ])(
    'refuses %s without its scopes, and names all of them',
    { tags: ['MCP-04', 'MCP-11', 'MCP-12'] },
    async (_title, scope, body, wanted) => {
      const answer = await post(scope, body);
      expect(answer).toMatchObject({ status: 403, reached: [] });
      expect(answer.challenge).toContain('error="insufficient_scope"');
      expect(answer.challenge).toContain(`scope="${wanted}"`);
      expect(answer.challenge).toContain(
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
      );
    },
  );

  it.each([
    'inventory://host/public/../secret',
    'inventory://host/public/%2e%2e/secret',
    'inventory://host/public/.%2E/secret',
    'inventory://host/public/..%2fsecret',
    'inventory://host/public/%252e%252e/secret',
    'inventory://host/pub\tlic/../public/../secret',
    'INVENTORY://host/public/../secret',
  ])('takes a URI for what the server may make of it: %s', { tags: ['MCP-12'] }, async (uri) => {
    expect(await post('read', request('resources/read', { uri }))).toMatchObject({
      status: 403,
      reached: [],
    });
  });

  it.each([
    ['a tool', tool('unknown'), 403, -32602],
    ['a tool that an object has', tool('constructor'), 403, -32602],
    ['a tool in other case', tool('Order'), 403, -32602],
    ['a tool in a batch', [tool('count'), tool('unknown')], 403, -32602],
    ['a prompt', request('prompts/get', { name: 'count' }), 403, -32602],
    ['a resource', request('resources/read', { uri: 'inventory://other/a' }), 403, -32602],
    ['a method', request('acme/erase'), 404, -32601],
    ['a method in other case', request('Tools/Call', { name: 'order' }), 404, -32601],
    ['a method that an object has', request('toString'), 404, -32601],
  ])(
    'refuses %s that the map does not have, without a challenge, since no token opens it',
    { tags: ['MCP-12'] },
    async (_title, body, status, code) => {
      const answer = await post('read orders stock admin secrets tasks list', body);
      expect(answer).toMatchObject({ status, challenge: undefined, reached: [] });
      const id = Array.isArray(body) ? body[1]?.id : body.id;
      expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: '2.0', id, error: { code } });
    },
  );

  it.each([
    ['no JSON', '{', 400],
    ['nothing', undefined, 400],
    ['an empty batch', [], 400],
    ['a batch in a batch', [[tool('order')]], 400],
    ['a number', '1', 400],
    ['a text', '"tools/call"', 400],
    ['null', 'null', 400],
    ['no method', { jsonrpc: '2.0', id: 1 }, 400],
    ['a method that is a list', { ...tool('order'), method: ['tools/call'] }, 400],
    ['a method that is null', { ...tool('order'), method: null, result: {} }, 400],
    ['params that are a list', request('tools/call', ['order']), 400],
    ['params that are text', { ...tool('order'), params: 'order' }, 400],
    ['no name', request('tools/call', {}), 400],
    ['a name that is a list', tool(['count']), 400],
    ['a name that is an object', tool({ name: 'count' }), 400],
    [
      'a name in the prototype',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"order"}}}',
      400,
    ],
    [
      'a method in the prototype',
      '{"jsonrpc":"2.0","id":1,"result":{},"__proto__":{"method":"tools/call"}}',
      400,
    ],
    ['a URI that is a list', request('resources/read', { uri: ['inventory://host/secret'] }), 400],
    [
      'a completion of something else',
      request('completion/complete', { ref: { type: 'ref/tool', name: 'order' } }),
      400,
    ],
    [
      'a subscription to no list',
      request('subscriptions/listen', { notifications: { resourceSubscriptions: 'a' } }),
      400,
    ],
    ['a batch that is too long', Array.from({ length: 1001 }, () => request('ping')), 400],
    [
      'too many subscriptions',
      request('subscriptions/listen', { notifications: { resourceSubscriptions: Array(1001).fill('a') } }),
      400,
    ],
    ['_meta that is a list', request('ping', { _meta: [] }), 400],
    ['a version that is a number', request('ping', { _meta: { [VERSION]: 2026 } }), 400],
    ['a deep nest', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 400],
  ])('answers 400 to %s', { tags: ['MCP-13'] }, async (_title, body, status) => {
    expect(await post('read orders', body)).toMatchObject({ status, challenge: undefined, reached: [] });
  });

  it('decides by the last of repeated members, which is the one that the server sees', {
    tags: ['MCP-12'],
  }, async () => {
    const twice = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"count","name":"order"}}';
    expect(await post('read', twice)).toMatchObject({ status: 403, reached: [] });
  });

  it('asks of requests without a message what every request needs', { tags: ['MCP-06'] }, async () => {
    for (const method of ['GET', 'DELETE']) {
      expect(await endpoint.call({ method })).toMatchObject({ status: 401 });
      expect(await endpoint.call({ method, headers: await bearer('') })).toMatchObject({ status: 403 });
      expect(await endpoint.call({ method, headers: await bearer('read') })).toMatchObject({ status: 200 });
    }
  });

  it.each([
    ['all of them', current('tools/call', { name: 'count' }), fields('tools/call', 'count')],
    ['base64', current('tools/call', { name: 'count' }), fields('tools/call', '=?base64?Y291bnQ=?=')],
    ['space around', current('tools/call', { name: 'count' }), fields('tools/call', ' count\t')],
    [
      'names in capitals',
      current('tools/list'),
      [
        ['MCP-PROTOCOL-VERSION', '2026-07-28'],
        ['MCP-METHOD', 'tools/list'],
      ],
    ],
    [
      'a URI',
      current('resources/read', { uri: 'inventory://host/public/a' }),
      fields('resources/read', 'inventory://host/public/a'),
    ],
    ['the id of a task', current('tasks/get', { taskId: 'a b' }), fields('tasks/get', 'a b')],
    ['no name, if there is none', current('server/discover'), fields('server/discover')],
    ['none, as earlier revisions have it', tool('count'), []],
    ['an earlier version', tool('count'), [['MCP-Protocol-Version', '2025-11-25']]],
    [
      'none, for a notification',
      { jsonrpc: '2.0', method: 'notifications/progress', params: { _meta: { [VERSION]: '2026-07-28' } } },
      [],
    ],
    [
      'the version, for a notification without',
      { jsonrpc: '2.0', method: 'notifications/progress' },
      fields('notifications/progress'),
    ],
  ] as [string, unknown, [string, string][]][])(
    'accepts header fields that say what the body says: %s',
    { tags: ['MCP-14'] },
    async (_title, body, headers) => {
      expect(await post('read list tasks', body, headers)).toMatchObject({ status: 200 });
    },
  );

  it.each([
    ['another method', current('tools/list'), fields('ping')],
    ['a method in other case', current('tools/list'), fields('TOOLS/LIST')],
    ['a method in base64', current('tools/list'), fields('=?base64?dG9vbHMvbGlzdA==?=')],
    ['another name', current('tools/call', { name: 'count' }), fields('tools/call', 'order')],
    ['a name in other case', current('tools/call', { name: 'count' }), fields('tools/call', 'Count')],
    ['an empty name', current('tools/call', { name: 'count' }), fields('tools/call', '')],
    [
      'another name in base64',
      current('tools/call', { name: 'count' }),
      fields('tools/call', '=?base64?b3JkZXI=?='),
    ],
    [
      'a name in base64 without padding',
      current('tools/call', { name: 'count' }),
      fields('tools/call', '=?base64?Y291bnQ?='),
    ],
    [
      'a name in base64url',
      current('tools/call', { name: 'count' }),
      fields('tools/call', '=?base64?Y291bnQ_?='),
    ],
    [
      'a name in base64 with bits too many',
      current('tools/call', { name: 'count' }),
      fields('tools/call', '=?base64?Y291bnR=?='),
    ],
    [
      'a name in base64 with a byte order mark',
      current('tools/call', { name: 'count' }),
      fields('tools/call', '=?base64?77u/Y291bnQ=?='),
    ],
    [
      'a name in base64 that is no UTF-8',
      current('tools/call', { name: '\ufffd' }),
      fields('tools/call', '=?base64?/w==?='),
    ],
    [
      'a marker in capitals',
      current('tools/call', { name: 'count' }),
      fields('tools/call', '=?BASE64?Y291bnQ=?='),
    ],
    [
      'a marker as it is',
      current('tools/call', { name: '=?base64?a?=' }),
      fields('tools/call', '=?base64?a?='),
    ],
    ['characters that are not ASCII', current('tools/call', { name: 'é' }), fields('tools/call', 'é')],
    [
      'another URI',
      current('resources/read', { uri: 'inventory://host/public/a' }),
      fields('resources/read', 'inventory://host/public/b'),
    ],
    [
      'the same URI, written differently',
      current('resources/read', { uri: 'inventory://host/public/a' }),
      fields('resources/read', 'inventory://host/public/./a'),
    ],
    ['a name of a method without', current('tools/list'), fields('tools/list', 'count')],
    [
      'another version',
      current('tools/list'),
      [
        ['MCP-Protocol-Version', '2025-11-25'],
        ['Mcp-Method', 'tools/list'],
      ],
    ],
    ['no version', current('tools/list'), [['Mcp-Method', 'tools/list']]],
    ['no method', current('tools/list'), [['MCP-Protocol-Version', '2026-07-28']]],
    ['no name', current('tools/call', { name: 'count' }), fields('tools/call')],
    ['a repeated method', current('tools/list'), [...fields('tools/list'), ['Mcp-Method', 'ping']]],
    [
      'a repeated method that is the same',
      current('tools/list'),
      [...fields('tools/list'), ['Mcp-Method', 'tools/list']],
    ],
    [
      'a repeated name',
      current('tools/call', { name: 'count' }),
      [...fields('tools/call', 'count'), ['Mcp-Name', 'order']],
    ],
    ['another method, in an earlier revision', tool('count'), [['Mcp-Method', 'tools/list']]],
    ['another name, in an earlier revision', tool('count'), [['Mcp-Name', 'order']]],
    ['the method of one of a batch', [tool('count'), tool('order')], [['Mcp-Method', 'tools/call']]],
    ['the name of a response', { jsonrpc: '2.0', id: 1, result: {} }, [['Mcp-Name', 'count']]],
    [
      'another method of a notification',
      { jsonrpc: '2.0', method: 'notifications/progress' },
      fields('ping'),
    ],
  ] as [string, unknown, [string, string][]][])(
    'answers 400 with HeaderMismatch to header fields that say something else: %s',
    { tags: ['MCP-14'] },
    async (_title, body, headers) => {
      const answer = await post('read orders list', body, headers);
      expect(answer).toMatchObject({ status: 400, challenge: undefined, reached: [] });
      expect(JSON.parse(answer.body).error.code).toBe(-32020);
    },
  );

  it.each([
    ['a request without the version in its body', tool('count'), fields('tools/call', 'count'), -32602],
    ['a batch of the revision that has none', [current('ping')], [], -32600],
    ['a batch of one, with header fields', [current('ping')], fields('ping'), -32020],
    [
      'a batch under the version that has none',
      [tool('count')],
      [['MCP-Protocol-Version', '2026-07-28']],
      -32600,
    ],
    [
      'a response under the version that has none',
      { jsonrpc: '2.0', id: 1, result: {} },
      [['MCP-Protocol-Version', '2026-07-28']],
      -32600,
    ],
  ] as [string, unknown, [string, string][], number][])(
    'answers 400 to %s',
    { tags: ['MCP-14'] },
    async (_title, body, headers, code) => {
      const answer = await post('read', body, headers);
      expect(answer).toMatchObject({ status: 400, reached: [] });
      expect(JSON.parse(answer.body).error.code).toBe(code);
    },
  );

  it('answers 404 to a method that the revision no longer has', { tags: ['MCP-12'] }, async () => {
    const body = current('resources/subscribe', { uri: 'inventory://host/public/a' });
    const answer = await post('read', body, fields('resources/subscribe'));
    expect(answer).toMatchObject({ status: 404, reached: [] });
    expect(JSON.parse(answer.body)).toMatchObject({ id: 1, error: { code: -32601 } });
  });

  it('reads long fields in linear time', { tags: ['OPS-13'] }, async () => {
    const spaces = ' '.repeat(7000);
    const value = `=?base64?${spaces}?=${spaces}x`;
    const answer = await post('read', tool('count'), [['Mcp-Name', value]]);
    expect(answer).toMatchObject({ status: 400, reached: [] });
  });

  it('tells the client nothing of what it sent but the id', { tags: ['MCP-13'] }, async () => {
    const canary = current('tools/call', { name: 'canary', arguments: { canary: 'canary' } });
    const answers = [
      await post('read', canary, fields('tools/call', 'canary')),
      await post('read', canary, fields('tools/call', 'other')),
      await post('read', { method: 'canary' }),
    ];
    for (const { body } of answers) expect(body).not.toContain('canary');
  });
});

describe('mcpScopes', () => {
  const server = createResourceServer(options);
  const scopes = mcpScopes(server, MAP);

  it.each([
    [
      'an unknown member',
      { tool: {} },
      /unknown option "tool" in mcpScopes; did you mean tools\? Known are every/,
    ],
    ['no object', undefined, /"mcpScopes" takes a map, got undefined/],
    ['a list of tools', { tools: ['count'] }, /tools takes an object/],
    [
      'two scopes in one text',
      { tools: { count: 'read write' } },
      /tools\["count"\] takes scopes without spaces/,
    ],
    ['no scope', { every: '' }, /every takes scopes/],
    ['a number', { default: 1 }, /^mcpScopes: default takes a scope, a list of scopes or a requirement$/],
    ['a number', { tools: { count: 1 } }, /^mcpScopes: tools\["count"\] takes a scope, a list/],
    [
      'an unknown requirement',
      { prompts: { a: { scopes: ['a'] } } },
      /unknown member "scopes" of a requirement/,
    ],
    ['an empty requirement', { methods: { a: {} } }, /a requirement needs one of/],
  ])('refuses a map with %s, at once', (_title, map, message) => {
    // @ts-expect-error what an application without types may pass
    const make = () => mcpScopes(server, map);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it.each([
    ['its options', options],
    ['nothing', undefined],
  ])('refuses %s in place of a server', (_title, given) => {
    // @ts-expect-error what an application without types may pass
    const make = () => mcpScopes(given, { tools: { count: 'read' } });
    expect(make).toThrow(new TypeError('mcpScopes takes a resource server: createResourceServer(options)'));
  });

  it('lets no preflight through, even if nothing is required', { tags: ['MCP-12', 'OPS-13'] }, async () => {
    const handler = vi.fn((_req: unknown, res: { json(body: object): unknown }) => void res.json({}));
    const app = express();
    app.use('/mcp', authenticate(server), mcpScopes(server, { tools: {} }).middleware);
    app.all('/mcp', handler);
    const preflight = { Origin: 'https://shop.example.com', 'Access-Control-Request-Method': 'POST' };
    const answer = await supertest(app).options('/mcp').set(preflight);
    expect([answer.status, handler.mock.calls.length]).toEqual([401, 0]);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer /);
    const all = mcpScopes(server, { tools: { count: [] } });
    app.use('/checked', authenticate(server), express.json(), (req, res) => {
      res.sendStatus(all.check(req, req.body)?.answer.status ?? 200);
    });
    const message = supertest(app).options('/checked').set(preflight).send(tool('count'));
    expect((await message).status).toBe(401);
  });

  it('has nothing on a host longer than any', { tags: ['OPS-13'] }, () => {
    const all = mcpScopes(server, { resources: { '*': [] } });
    const auth = fakeAuth({ scopes: ['read'] });
    const host = 'h'.repeat(1025);
    const isAllowed = (uri: string) => all.allows('resources', uri, auth);
    for (const label of ['\u00fc'.repeat(64), `${'a.'.repeat(127)}b`])
      expect([label, isAllowed(`https://${label}/`)]).toEqual([label, false]);
    expect(isAllowed(`file:///${'f'.repeat(100)}.pdf`)).toBe(true);
    expect(isAllowed(`file://${'h'.repeat(64)}/a`)).toBe(false);
    expect(isAllowed(`https://user:${'p'.repeat(100)}@${'h'.repeat(63)}.example:8443/`)).toBe(true);
    for (const begin of ['https://', 'HTTP:', ' ws:\\\\', 'ht\ntps:/\t/', 'https%3A//', 'https:////u@'])
      expect([begin, isAllowed(`${begin}${host}/a`)]).toEqual([begin, false]);
    expect(['https://h/', 'urn:', 'inventory://h/'].map((begin) => isAllowed(begin + host))).not.toContain(
      false,
    );
  });

  it('says whether a caller may use something, and reports nothing', { tags: ['MCP-15'] }, () => {
    const reported: unknown[] = [];
    const note = (message: unknown): void => void reported.push(message);
    subscribe(channels.decision, note);
    const reader = fakeAuth({ scopes: ['read'] });
    const admin = fakeAuth({ scopes: ['read', 'admin'] });
    const names = ['count', 'order', 'move', 'either', 'admin_reset', 'admin_help', 'unknown', 'constructor'];
    expect(names.filter((name) => scopes.allows('tools', name, reader))).toEqual(['count', 'admin_help']);
    expect(names.filter((name) => scopes.allows('tools', name, admin))).toEqual([
      'count',
      'order',
      'either',
      'admin_reset',
      'admin_help',
    ]);
    expect(names.filter((name) => scopes.allows('tools', name, fakeAuth({ scopes: [] })))).toEqual([]);
    expect(names.filter((name) => scopes.allows('tools', name, undefined))).toEqual([]);
    expect(scopes.allows('resources', 'inventory://host/public/{name}', reader)).toBe(true);
    expect(scopes.allows('resources', 'inventory://host/{name}', reader)).toBe(false);
    unsubscribe(channels.decision, note);
    expect(reported).toEqual([]);
  });

  it('lets a requirement that is no scope decide', { tags: ['MCP-12'] }, async () => {
    const onlyAcme = requireClaims((claims) => claims.tenant === 'acme');
    const endpoint = await startOnFetch(options, { tools: { count: onlyAcme } });
    const call = async (tenant: string) => {
      const headers = Object.entries(await issuer.authorization({ tenant }));
      return (await endpoint.call({ headers, body: tool('count') })).status;
    };
    expect([await call('acme'), await call('other')]).toEqual([200, 403]);
  });

  it('has a default for what is not in the map', { tags: ['MCP-12'] }, async () => {
    const endpoint = await startOnFetch(options, { tools: { count: [] }, default: 'admin' });
    const bodies = [tool('count'), tool('other'), request('acme/erase'), request('tools/list')];
    const statuses = async (scope: string) => {
      const headers = await bearer(scope);
      const answers = bodies.map(async (body) => (await endpoint.call({ headers, body })).status);
      return Promise.all(answers);
    };
    expect(await statuses('read')).toEqual([200, 403, 403, 200]);
    expect(await statuses('admin')).toEqual([200, 200, 200, 200]);
  });

  it('refuses the anonymous with 401, and lets them use what needs nothing', {
    tags: ['MCP-06'],
  }, async () => {
    const map = { tools: { count: [], order: 'orders' } };
    const endpoint = await startOnExpress({ ...options, optional: true }, map);
    const answers = [
      await endpoint.call({ body: tool('count') }),
      await endpoint.call({ body: tool('order') }),
    ];
    await endpoint.close();
    expect(answers.map(({ status }) => status)).toEqual([200, 401]);
    expect(answers[1]?.challenge).toContain('scope="orders"');
  });

  it('fails closed if nothing authenticated the request', { tags: ['MCP-06'] }, async () => {
    expect(() => scopes.check(new Request(MCP, { method: 'POST' }), tool('count'))).toThrow(
      'mcpScopes: nothing authenticated this request; put authenticate() or the gate before it',
    );
  });

  it('takes a body that is longer than 4 MiB for none', { tags: ['MCP-13'] }, async () => {
    const endpoint = await startOnFetch(options, MAP);
    const headers = await bearer('read');
    const long = (mib: number) => tool('count', { arguments: { text: 'a'.repeat(mib * 1024 * 1024) } });
    expect(await endpoint.call({ headers, body: long(3) })).toMatchObject({ status: 200 });
    expect(await endpoint.call({ headers, body: long(4) })).toMatchObject({ status: 400, reached: [] });
  });

  it('reports refusals with reasons of their own', { tags: ['OPS-18'] }, async () => {
    const reasons: unknown[] = [];
    const note = (message: unknown): void => void reasons.push(Reflect.get(Object(message), 'reason'));
    subscribe(channels.decision, note);
    const endpoint = await startOnFetch(options, MAP);
    const headers = await bearer('read');
    await endpoint.call({ headers, body: tool('order') });
    await endpoint.call({ headers, body: tool('unknown') });
    await endpoint.call({ headers, body: '{' });
    await endpoint.call({ headers: [...headers, ['Mcp-Name', 'order']], body: tool('count') });
    unsubscribe(channels.decision, note);
    expect(reasons.filter((reason) => reason !== undefined)).toEqual([
      'insufficient_scope',
      'unknown_operation',
      'malformed_message',
      'header_mismatch',
    ]);
  });

  it('hands a missing scope to the error path with errors: next, and answers messages that are wrong', {
    tags: ['OPS-17'],
  }, async () => {
    const own = createResourceServer({ ...options, errors: 'next' });
    const app = express();
    const seen: unknown[] = [];
    const { middleware } = mcpScopes(own, MAP);
    app.use('/mcp', authenticate(own), express.json(), middleware, (_req, res) => void res.json({}));
    app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      seen.push(Reflect.get(error, 'reason'));
      res.status(418).end();
    });
    const listening = createServer(app);
    const url = await listen(listening);
    const statuses: number[] = [];
    for (const body of [tool('order'), tool('unknown'), {}]) {
      const headers = {
        ...(await issuer.authorization({ scope: 'read' })),
        'Content-Type': 'application/json',
      };
      statuses.push(
        (await fetch(`${url}/mcp`, { method: 'POST', headers, body: JSON.stringify(body) })).status,
      );
    }
    await closeServer(listening);
    expect([statuses, seen]).toEqual([[418, 403, 400], ['insufficient_scope']]);
  });

  it('looks for a message if a method override makes a POST of it', { tags: ['MCP-12'] }, async () => {
    const app = express();
    const override: express.RequestHandler = (req, _res, next) => {
      Object.assign(req, { originalMethod: req.method, method: 'POST' });
      next();
    };
    app.use('/mcp', override, authenticate(server), express.json(), scopes.middleware, (_req, res) => {
      res.json({});
    });
    const listening = createServer(app);
    const url = await listen(listening);
    const headers = await issuer.authorization({ scope: 'read' });
    expect((await fetch(`${url}/mcp`, { headers })).status).toBe(400);
    await closeServer(listening);
  });

  it('serves Fastify by its check', { tags: ['MCP-12'] }, async () => {
    const app = fastify();
    await app.register(onFastify.resourceServer, server);
    app.post('/mcp', async (req) => {
      const refusal = scopes.check(req, req.body);
      if (refusal === undefined) return {};
      expect(await refusal.toResponse().text()).toBe(refusal.answer.body ?? '');
      return refusal.toResponse();
    });
    const call = async (body: object, headers: Record<string, string> = {}) => {
      const authorization = await issuer.authorization({ scope: 'read' });
      const answer = await app.inject({
        method: 'POST',
        url: '/mcp',
        body,
        headers: { ...authorization, ...headers },
      });
      return answer.statusCode;
    };
    expect(await call(tool('count'))).toBe(200);
    expect(await call(tool('order'))).toBe(403);
    expect(await call(tool('count'), { 'mcp-name': 'order' })).toBe(400);
    expect(await call(request('acme/erase'))).toBe(404);
    await app.close();
  });
});
