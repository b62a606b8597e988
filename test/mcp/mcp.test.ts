import { createServer, type Server } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { discoverOAuthProtectedResourceMetadata } from '@modelcontextprotocol/sdk/client/auth.js';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getAuth } from '../../adapters/express/index.js';
import { resourceServer } from '../../adapters/fetch/index.js';
import { mcpScopes } from '../../adapters/mcp/index.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import * as sdk1Client from '../../examples/mcp/client.js';
import * as sdk2Client from '../../examples/mcp/client-2.js';
import * as sdk1Server from '../../examples/mcp/server.js';
import * as sdk2Server from '../../examples/mcp/server-2.js';
import { type McpStory, playMcp } from '../../examples/mcp/story.js';
import { createResourceServer, toMcpAuthInfo } from '../../src/index.js';
import {
  assertRefusesForgeries,
  createTestIssuer,
  fakeAuth,
  type ListeningIssuer,
} from '../../src/testing/index.js';
import { type RawResponse, send } from '../support/http-client.js';

const SERVERS = [
  ['SDK 1.x', sdk1Server.createMcpApp],
  ['SDK 2.x', sdk2Server.createMcpApp],
] as const;
const CLIENTS = [
  ['SDK 1.x', sdk1Client.callTools, ['count_stock']],
  ['SDK 2.x', sdk2Client.callTools, ['count_stock', 'move_stock', 'order_stock']],
] as const;

describe.each(SERVERS)('a server of %s and a real authorization server', (_server, createApp) => {
  describe.each(CLIENTS)(
    'with the client of %s, which knows nothing but a URL',
    (_client, callTools, tools) => {
      let story: McpStory;

      beforeAll(async () => {
        story = await playMcp(createApp, callTools, tools);
      }, 30_000);

      it('discovers where to get a token, gets one for this server, and calls a tool', {
        tags: ['MCP-01', 'MCP-02', 'MCP-03'],
      }, () => {
        expect(story.contents[0]).toEqual([
          { type: 'text', text: '7 in stock, says the inventory to order-service' },
        ]);
      });

      it('finds the metadata, and the issuer and the basic scopes in them', {
        tags: ['MCP-01', 'MCP-02'],
      }, () => {
        const [, origin = ''] =
          /resource_metadata="(http:\/\/127\.0\.0\.1:\d+)\/\.well-known/.exec(story.challenge) ?? [];
        expect(story.challenge).toContain(
          `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`,
        );
        expect(story.metadata).toMatchObject({
          resource: `${origin}/mcp`,
          authorization_servers: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)],
          scopes_supported: ['read:inventory'],
          bearer_methods_supported: ['header'],
        });
      });

      it('gets all the scopes of a tool in one round, and keeps them', { tags: ['MCP-11'] }, () => {
        const said = ['moved', 'ordered'].slice(0, tools.length - 1);
        expect(story.contents.slice(1)).toEqual(said.map((text) => [{ type: 'text', text }]));
        // The first one is the story's own, to see the challenge.
        const refused = ['POST 401', 'POST 401', ...(tools.length > 1 ? ['POST 403'] : [])];
        expect(story.answers.filter((answer) => /40[13]/.test(answer))).toEqual(refused);
      });
    },
  );
});

describe.each(SERVERS)('an MCP server of %s', (_name, createMcpApp) => {
  const MCP_HEADERS = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
  };
  const PING = '{"jsonrpc":"2.0","method":"ping","id":1}';
  let issuer: ListeningIssuer;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer();
    url = await listen(server);
    issuer = await (await createTestIssuer({ audience: `${url}/mcp` })).listen();
    const allowedOrigins = ['https://chat.example.com'];
    server.on('request', createMcpApp({ issuer: issuer.identifier, resource: `${url}/mcp`, allowedOrigins }));
  });

  afterAll(async () => {
    await closeServer(server);
    await issuer.close();
  });

  const post = (
    headers: Readonly<Record<string, string>> = {},
    { path = '/mcp', body = PING } = {},
  ): Promise<RawResponse> =>
    send(url, {
      method: 'POST',
      path,
      body,
      headers: Object.entries({ ...MCP_HEADERS, ...headers }),
    });

  const authorized = (claims: Record<string, unknown> = {}) =>
    issuer.authorization({ scope: 'read:inventory', ...claims });

  it.each(['/mcp', '/mcp/', '/mcp?session=1', '/mcp/sse', '/'])(
    'is found by the client of the SDK that knows nothing but the URL, without a challenge: %s',
    { tags: ['MCP-02'] },
    async (path) => {
      const metadata = await discoverOAuthProtectedResourceMetadata(`${url}${path}`);
      expect(metadata.resource).toBe(`${url}/mcp`);
    },
  );

  it('accepts a token that was issued for it', { tags: ['MCP-03'] }, async () => {
    const response = await post(await authorized());
    expect(response.status).toBe(200);
    expect(response.body).toContain('"result":{}');
  });

  it('answers 401 without a token, and says where the metadata is', {
    tags: ['MCP-02', 'MCP-04'],
  }, async () => {
    const response = await post();
    expect(response.status).toBe(401);
    expect(response.lines('www-authenticate')[0]).toBe(
      `Bearer realm="api", scope="read:inventory", resource_metadata="${url}/.well-known/oauth-protected-resource/mcp"`,
    );
    expect((await send(url, { path: '/.well-known/oauth-protected-resource/mcp' })).status).toBe(200);
  });

  it('refuses a token for another server, whatever it may do there', {
    tags: ['MCP-03', 'MCP-04'],
  }, async () => {
    for (const aud of [url, `${url}/mcp/`, `${url}/other`, 'https://other.example.com/mcp']) {
      const response = await post(await authorized({ aud }));
      expect(response.status).toBe(401);
      expect(response.lines('www-authenticate')[0]).toContain('error="invalid_token"');
    }
  });

  it('answers 403 to a missing scope, and says what to ask for and where', {
    tags: ['MCP-04'],
  }, async () => {
    const response = await post(await authorized({ scope: 'other' }));
    expect(response.status).toBe(403);
    const [challenge] = response.lines('www-authenticate');
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="read:inventory"');
    expect(challenge).toContain(`resource_metadata="${url}/.well-known/oauth-protected-resource/mcp"`);
  });

  it('answers malformed credentials with 400', { tags: ['MCP-04'] }, async () => {
    expect((await post({ Authorization: 'Bearer' })).status).toBe(400);
  });

  it('answers 405 to a GET or DELETE, which it does not serve, after authentication', {
    tags: ['MCP-06', 'MCP-16'],
  }, async () => {
    for (const method of ['GET', 'DELETE']) {
      expect((await send(url, { method, path: '/mcp' })).status).toBe(401);
      const headers = Object.entries(await authorized());
      const response = await send(url, { method, path: '/mcp', headers });
      expect([response.status, response.headers.allow]).toEqual([405, 'POST']);
    }
  });

  it('refuses forgeries, and accepts a good token afterwards', { tags: ['MCP-03'] }, async () => {
    const forgeries = [
      ...(await issuer.forgeries({ scope: 'read:inventory' })),
      ...(await issuer.dpopForgeries({ method: 'POST', url: `${url}/mcp` }, { scope: 'read:inventory' })),
    ];
    expect(forgeries.length).toBeGreaterThan(160);
    const sendForgery = ({ headers }: { headers: Readonly<Record<string, string | readonly string[]>> }) => {
      const lines = Object.entries(headers).flatMap(([name, value]) =>
        [value].flat().map((line) => [name, line]),
      );
      return send(url, {
        method: 'POST',
        path: '/mcp',
        body: PING,
        headers: [...(lines as [string, string][]), ...Object.entries(MCP_HEADERS)],
      });
    };
    await assertRefusesForgeries(sendForgery, forgeries);
    expect((await post(await authorized())).status).toBe(200);
  });

  it('names all the scopes of a tool at once, and calls it with them', {
    tags: ['MCP-11', 'MCP-12'],
  }, async () => {
    const body = '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"move_stock"},"id":1}';
    const refused = await post(await authorized(), { body });
    expect(refused.status).toBe(403);
    expect(refused.lines('www-authenticate')[0]).toBe(
      'Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", ' +
        'scope="read:inventory write:orders write:inventory", ' +
        `resource_metadata="${url}/.well-known/oauth-protected-resource/mcp"`,
    );
    const scope = 'read:inventory write:orders write:inventory';
    expect((await post(await authorized({ scope }), { body })).body).toContain('moved');
  });

  it('reads a resource and a prompt with their scopes', { tags: ['MCP-12'] }, async () => {
    const read = '{"jsonrpc":"2.0","method":"resources/read","params":{"uri":"inventory://stock/42"},"id":1}';
    expect((await post(await authorized(), { body: read })).body).toContain('"text":"7"');
    const prompt = '{"jsonrpc":"2.0","method":"prompts/get","params":{"name":"reorder"},"id":1}';
    expect((await post(await authorized(), { body: prompt })).status).toBe(403);
    const scope = 'read:inventory write:orders';
    expect((await post(await authorized({ scope }), { body: prompt })).body).toContain('running out');
  });

  it('authenticates each request, even within a session', { tags: ['MCP-06'] }, async () => {
    await post(await authorized());
    expect((await post({ 'Mcp-Session-Id': '1868a90c' })).status).toBe(401);
    for (const method of ['GET', 'DELETE']) {
      const headers = [['Mcp-Session-Id', '1868a90c']] as const;
      expect((await send(url, { method, path: '/mcp', headers })).status).toBe(401);
    }
  });

  it('accepts no token in the URL', { tags: ['MCP-07'] }, async () => {
    const { Authorization = '' } = await authorized();
    const path = `/mcp?access_token=${Authorization.replace('Bearer ', '')}`;
    expect((await post({}, { path })).status).toBe(401);
  });

  it('tells a tool who calls, without the token', {
    tags: ['MCP-08'],
  }, () => {
    const auth = fakeAuth({ clientId: 'order-service', token: 'secret' });
    expect(getAuth({ auth }).clientId).toBe('order-service');
    expect(JSON.stringify({ ...auth })).not.toContain('secret');
  });

  it('publishes its identifier in the form that clients compare with', { tags: ['MCP-09'] }, async () => {
    const { body } = await send(url, { path: '/.well-known/oauth-protected-resource/mcp' });
    expect(JSON.parse(body).resource).toBe(new URL(`${url}/mcp`).href);
  });

  it('refuses scripts of unknown websites', { tags: ['MCP-10'] }, async () => {
    expect((await post({ ...(await authorized()), Origin: 'https://evil.example.com' })).status).toBe(403);
    expect((await post({ ...(await authorized()), Origin: 'null' })).status).toBe(403);
    expect((await post({ ...(await authorized()), Origin: 'https://chat.example.com' })).status).toBe(200);
  });
});

describe('a list of tools', () => {
  it('has those that the caller may use', { tags: ['MCP-15'] }, async () => {
    const server = createServer();
    const url = await listen(server);
    const issuer = await (await createTestIssuer({ audience: `${url}/mcp` })).listen();
    server.on('request', sdk2Server.createMcpApp({ issuer: issuer.identifier, resource: `${url}/mcp` }));
    const list = async (scope: string): Promise<string[]> => {
      const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
      const headers = await issuer.authorization({ scope });
      const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
        requestInit: { headers },
      });
      await client.connect(transport);
      const { tools } = await client.listTools();
      await client.close();
      return tools.map(({ name }) => name);
    };
    expect(await list('read:inventory')).toEqual(['count_stock']);
    expect(await list('read:inventory write:orders')).toEqual(['count_stock', 'order_stock']);
    await Promise.all([closeServer(server), issuer.close()]);
  });
});

describe('a server of SDK 2.x behind a gate of the Fetch standard', () => {
  it.each(['auto', 'legacy'] as const)('serves a client of it: %s', { tags: ['MCP-12'] }, async (mode) => {
    const audience = 'https://mcp.example.com/mcp';
    const issuer = await createTestIssuer({ audience });
    const server = createResourceServer({ ...issuer.options, resource: audience });
    const scopes = mcpScopes(server, { tools: { count: 'read', order: 'orders' } });
    const handler = createMcpHandler(({ authInfo }) => {
      const mcp = new McpServer({ name: 'inventory', version: '1.0.0' });
      const text = `for ${getAuth(authInfo?.extra ?? {}).clientId}, see ${authInfo?.resourceMetadataUrl}`;
      mcp.registerTool('count', {}, () => ({ content: [{ type: 'text', text }] }));
      mcp.registerTool('order', {}, () => ({ content: [] }));
      return mcp;
    });
    const serve = resourceServer(server).protect(async (request, auth) => {
      const message = await scopes.read(request);
      if (message instanceof Response) return message;
      return handler.fetch(request, { authInfo: toMcpAuthInfo(auth, server), parsedBody: message });
    });
    const statuses: number[] = [];
    const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } });
    const transport = new StreamableHTTPClientTransport(new URL(audience), {
      requestInit: { headers: await issuer.authorization({ scope: 'read' }) },
      fetch: async (url, init) => {
        const response = await serve(new Request(url, init));
        statuses.push(response.status);
        return response;
      },
    });
    await client.connect(transport);
    const { content } = await client.callTool({ name: 'count' });
    const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';
    expect(content).toEqual([{ type: 'text', text: `for test-client, see ${metadata}` }]);
    await expect(client.callTool({ name: 'order' })).rejects.toThrow();
    expect(statuses.at(-1)).toBe(403);
    await client.close();
  });
});
