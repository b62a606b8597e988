import { createServer } from 'node:http';
import express from 'express';
import { authenticate } from '../../adapters/express/index.js';
import { resourceServer } from '../../adapters/fetch/index.js';
import { type McpScopeMap, mcpScopes } from '../../adapters/mcp/index.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { createResourceServer, type ResourceServerOptions } from '../../src/index.js';
import { send } from './http-client.js';

interface McpRequest {
  readonly method?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent as it is; anything but a string as JSON. */
  readonly body?: unknown;
}

export interface McpAnswer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly body: string;
  /** What came to the transport; nothing if it was refused. */
  readonly reached: readonly unknown[];
}

/** An MCP endpoint whose transport only notes what it gets, and answers 200. */
export interface McpEndpoint {
  readonly name: string;
  call(request: McpRequest): Promise<McpAnswer>;
  close(): Promise<void>;
}

type StartEndpoint = (options: ResourceServerOptions, map: McpScopeMap) => Promise<McpEndpoint>;

const text = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

export const startOnExpress: StartEndpoint = async (options, map) => {
  const server = createResourceServer(options);
  const app = express();
  let reached: unknown[] = [];
  app.use('/mcp', authenticate(server), express.json(), mcpScopes(server, map).middleware, (req, res) => {
    reached.push(req.body);
    res.json({});
  });
  const listening = createServer(app);
  const url = await listen(listening);
  return {
    name: 'Express',
    call: async ({ method = 'POST', headers = [], body }) => {
      reached = [];
      const answer = await send(url, {
        method,
        path: '/mcp',
        headers: [['Content-Type', 'application/json'], ...headers],
        ...(body !== undefined && { body: text(body) }),
      });
      const [challenge] = answer.lines('www-authenticate');
      return { status: answer.status, challenge, body: answer.body, reached };
    },
    close: () => closeServer(listening),
  };
};

export const startOnFetch: StartEndpoint = async (options, map) => {
  const server = createResourceServer(options);
  const scopes = mcpScopes(server, map);
  let reached: unknown[] = [];
  const serve = resourceServer(server).protect(async (request) => {
    const message = await scopes.read(request);
    if (message instanceof Response) return message;
    reached.push(message);
    return Response.json({});
  });
  return {
    name: 'Fetch',
    call: async ({ method = 'POST', headers = [], body }) => {
      reached = [];
      const answer = await serve(
        new Request('https://mcp.example.com/mcp', {
          method,
          headers: headers.map(([name, value]) => [name, value]),
          ...(body !== undefined && { body: text(body) }),
        }),
      );
      const challenge = answer.headers.get('www-authenticate') ?? undefined;
      return { status: answer.status, challenge, body: await answer.text(), reached };
    },
    close: async () => undefined,
  };
};
