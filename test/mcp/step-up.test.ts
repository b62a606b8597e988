import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import * as sdk2 from '@modelcontextprotocol/client';
import * as sdk1Auth from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { afterEach, describe, expect, it } from 'vitest';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import * as sdk1Server from '../../examples/mcp/server.js';
import * as sdk2Server from '../../examples/mcp/server-2.js';
import { createTestIssuer } from '../../src/testing/index.js';

const REDIRECT = 'http://127.0.0.1:1/callback';

/**
 * An authorization server (OAuth 2.1, PKCE) whose user agrees to everything at once. Notes which scopes were
 * asked for.
 */
async function startAuthorizationServer(audience: string) {
  const server = createServer();
  const issuer = await listen(server);
  const tokens = await createTestIssuer({ issuer, audience });
  const asked: string[] = [];
  const codes = new Map<string, { scope: string; challenge: string }>();
  const documents: Record<string, unknown> = {
    '/.well-known/oauth-authorization-server': {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
    },
    '/jwks': await Reflect.apply(Object(tokens.options.issuer).jwks, undefined, []),
  };
  server.on('request', async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', issuer);
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    if (pathname === '/authorize') {
      const scope = searchParams.get('scope') ?? '';
      asked.push(scope);
      const code = `code-${asked.length}`;
      codes.set(code, { scope, challenge: searchParams.get('code_challenge') ?? '' });
      response.writeHead(302, { Location: `${REDIRECT}?code=${code}` }).end();
    } else if (pathname === '/token') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const granted = codes.get(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (granted?.challenge !== challenge || form.get('resource') !== audience)
        return json(400, { error: 'invalid_grant' });
      const token = await tokens.token({ scope: granted.scope, client_id: 'chat', sub: 'alice' });
      json(200, { access_token: token, token_type: 'Bearer', expires_in: 300, scope: granted.scope });
    } else json(pathname in documents ? 200 : 404, documents[pathname] ?? {});
    return undefined;
  });
  return { issuer, asked, server };
}

/** What an application adds to the SDK's client: where its user agrees, and where tokens are kept. */
class Application<Tokens, Discovery> {
  readonly redirectUrl = REDIRECT;
  readonly clientMetadata = { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
  /** What the user brings back. */
  code = '';
  #tokens: Tokens | undefined;
  #discovery: Discovery | undefined;
  #verifier = '';

  constructor(readonly issuer: string) {}

  clientInformation = () => ({ client_id: 'chat', issuer: this.issuer });
  tokens = () => this.#tokens;
  saveTokens = (tokens: Tokens): void => {
    this.#tokens = tokens;
  };
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier: string): void => {
    this.#verifier = verifier;
  };
  discoveryState = () => this.#discovery;
  saveDiscoveryState = (discovery: Discovery): void => {
    this.#discovery = discovery;
  };
  redirectToAuthorization = async (url: URL): Promise<void> => {
    const { headers } = await fetch(url, { redirect: 'manual' });
    this.code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
  };
}

interface McpClient {
  /** Calls a tool; once more if its user was asked. */
  call(tool: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Runs a step, and once more when the user has agreed. */
async function withUser<T>(
  app: { readonly code: string },
  transport: () => { finishAuth(code: string): Promise<void> },
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof sdk1Auth.UnauthorizedError || error instanceof sdk2.UnauthorizedError))
      throw error;
    await transport().finishAuth(app.code);
    return step();
  }
}

const INFO = { name: 'chat', version: '1.0.0' };

async function connectSdk1(url: URL, issuer: string): Promise<McpClient> {
  const authProvider = new Application<OAuthTokens, sdk1Auth.OAuthDiscoveryState>(issuer);
  const make = () => new StreamableHTTPClientTransport(url, { authProvider });
  let [client, transport] = [new Client(INFO), make()];
  await withUser(
    authProvider,
    () => transport,
    () => {
      [client, transport] = [new Client(INFO), make()];
      return client.connect(transport);
    },
  );
  return {
    call: async (name) =>
      (
        await withUser(
          authProvider,
          () => transport,
          () => client.callTool({ name }),
        )
      ).content,
    close: () => client.close(),
  };
}

async function connectSdk2(url: URL, issuer: string): Promise<McpClient> {
  const authProvider = new Application<sdk2.StoredOAuthTokens, sdk2.OAuthDiscoveryState>(issuer);
  const makeClient = () => new sdk2.Client(INFO, { versionNegotiation: { mode: 'auto' } });
  const make = () => new sdk2.StreamableHTTPClientTransport(url, { authProvider });
  let [client, transport] = [makeClient(), make()];
  await withUser(
    authProvider,
    () => transport,
    () => {
      [client, transport] = [makeClient(), make()];
      return client.connect(transport);
    },
  );
  return {
    call: async (name) =>
      (
        await withUser(
          authProvider,
          () => transport,
          () => client.callTool({ name }),
        )
      ).content,
    close: () => client.close(),
  };
}

describe.each([
  ['SDK 1.x', sdk1Server.createMcpApp],
  ['SDK 2.x', sdk2Server.createMcpApp],
] as const)('a user at a server of %s', (_server, createMcpApp) => {
  let started: Server[] = [];
  afterEach(async () => {
    await Promise.all(started.map(closeServer));
    started = [];
  });

  it.each([
    ['SDK 1.x', connectSdk1],
    ['SDK 2.x', connectSdk2],
  ] as const)(
    'with the client of %s agrees once to all that a tool needs, and the tool runs',
    {
      tags: ['MCP-11'],
    },
    async (_client, connect) => {
      const server = createServer();
      const resource = `${await listen(server)}/mcp`;
      const { issuer, asked, server: authorizationServer } = await startAuthorizationServer(resource);
      started = [server, authorizationServer];
      const statuses: (number | undefined)[] = [];
      server.on('request', ({ method }, response) => {
        if (method === 'POST') response.on('finish', () => statuses.push(response.statusCode));
      });
      server.on('request', createMcpApp({ issuer, resource }));

      const client = await connect(new URL(resource), issuer);
      expect(await client.call('count_stock')).toEqual([
        { type: 'text', text: '7 in stock, says the inventory to chat' },
      ]);
      expect(asked).toEqual(['read:inventory']); // the basic set, and no more
      const before = statuses.length;
      expect(await client.call('move_stock')).toEqual([{ type: 'text', text: 'moved' }]);
      expect(statuses.slice(before)).toEqual([403, 200]);
      expect(asked).toHaveLength(2);
      expect(asked[1]?.split(' ').sort()).toEqual(['read:inventory', 'write:inventory', 'write:orders']);
      expect(await client.call('count_stock')).toHaveLength(1); // with the new token
      expect(asked).toHaveLength(2);
      await client.close();
    },
  );
});
