import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import express, { type Request, type Response } from 'express';
import { buildSchema, type GraphQLSchema, getIntrospectionQuery, graphql, parse, subscribe } from 'graphql';
import { createSchema, createYoga } from 'graphql-yoga';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { authenticate, getAuth } from '../../adapters/express/index.js';
import { closeServer, listen } from '../../examples/demo/http-server.js';
import { createApolloApp } from '../../examples/graphql/apollo.js';
import { createMercuriusApp } from '../../examples/graphql/mercurius.js';
import { protectSchema, REQUIRE_SCOPE } from '../../examples/graphql/scopes.js';
import { createYogaHandler } from '../../examples/graphql/yoga.js';
import { createResourceServer, type ResourceServerOptions } from '../../src/index.js';
import { createDpopKey, createTestIssuer, type Forgery, fakeAuth } from '../../src/testing/index.js';

const issuer = await createTestIssuer();
const STOCK = '{ stock(sku: "42") { count caller } }';
const READ = { scope: 'read:inventory' };

interface Answer {
  readonly data: unknown;
  readonly errors?: readonly { readonly path?: unknown; readonly extensions: object }[];
}

const servers: Readonly<Record<string, (options: ResourceServerOptions) => Promise<string>>> = {
  async 'Apollo Server'(options) {
    return serve(createServer(await createApolloApp(options)));
  },
  async 'GraphQL Yoga'(options) {
    return serve(
      createServer(getRequestListener(createYogaHandler(options), { overrideGlobalObjects: false })),
    );
  },
  async Mercurius(options) {
    const app = await createMercuriusApp(options);
    onTestFinished(() => app.close());
    return app.listen({ port: 0, host: '127.0.0.1' });
  },
};

async function serve(server: ReturnType<typeof createServer>): Promise<string> {
  onTestFinished(() => closeServer(server));
  return listen(server);
}

describe.each(Object.entries(servers))('the example with %s', (_name, startServer) => {
  async function start(options: ResourceServerOptions = issuer.options) {
    const url = `${await startServer(options)}/graphql`;
    const send = (query: string, headers: object = {}) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query }),
      });
    const query = async (text: string, headers?: object) => {
      const response = await send(text, headers);
      expect(response.status).toBe(200);
      return (await response.json()) as Answer; // what the expectations look at
    };
    return { url, send, query };
  }

  it('answers callers with a token, and knows who they are', async () => {
    const { query } = await start();
    expect(await query(STOCK, await issuer.authorization(READ))).toEqual({
      data: { stock: { count: 7, caller: 'test-client' } },
    });
  });

  it('refuses every forgery before it looks at the operation', { tags: ['OPS-09'] }, async () => {
    const { url, send } = await start();
    const forgeries = [
      ...(await issuer.forgeries(READ)),
      ...(await issuer.dpopForgeries({ method: 'POST', url }, READ)),
    ];
    expect(forgeries.length).toBeGreaterThan(160);
    const refuse = async ({ name, headers, status }: Forgery): Promise<void> => {
      const response = await send(STOCK, headers);
      const body = await response.text();
      if (status === 403) {
        expect(JSON.parse(body), name).toMatchObject({
          data: { stock: null },
          errors: [{ extensions: { code: 'FORBIDDEN', reason: 'insufficient_scope' } }],
        });
      } else {
        expect(response.status, name).toBe(status);
        expect(response.headers.get('www-authenticate'), name).toMatch(/^(Bearer|DPoP) /);
        expect(body, name).not.toContain('data');
      }
    };
    await Promise.all(forgeries.map(refuse));
    expect((await send(STOCK, await issuer.authorization(READ))).status).toBe(200);
  });

  it('takes a token that is bound to a DPoP key, with its proof', async () => {
    const { url, query } = await start();
    const key = await createDpopKey();
    const token = await issuer.token({ ...READ, cnf: { jkt: key.thumbprint } });
    const headers = await key.headers({ method: 'POST', url, token });
    expect(await query(STOCK, headers)).toMatchObject({ data: { stock: { count: 7 } } });
  });

  it('leaves out the fields that the token does not grant, and says which scopes do', async () => {
    const { query } = await start();
    const text = '{ version stock(sku: "42") { count price } }';
    const { data, errors } = await query(text, await issuer.authorization(READ));
    expect(data).toEqual({ version: '1.0.0', stock: { count: 7, price: null } });
    expect(errors).toMatchObject([
      {
        message: 'The access token lacks a required scope',
        path: ['stock', 'price'],
        extensions: { code: 'FORBIDDEN', reason: 'insufficient_scope', scopes: ['read:prices'] },
      },
    ]);
    expect(await query(text, await issuer.authorization({ scope: 'read:inventory read:prices' }))).toEqual({
      data: { version: '1.0.0', stock: { count: 7, price: 9.9 } },
    });
  });

  it('leaves out a field whose resolver wants something else', async () => {
    const { query } = await start();
    expect(await query('{ version turnover }', await issuer.authorization())).toMatchObject({
      data: { version: '1.0.0', turnover: null },
      errors: [
        { path: ['turnover'], extensions: { code: 'FORBIDDEN', reason: 'claims_not_met', scopes: [] } },
      ],
    });
    const headOffice = await issuer.authorization({ department: 'head office' });
    expect(await query('{ turnover }', headOffice)).toEqual({ data: { turnover: 1_000_000 } });
  });

  it('runs no mutation that the token does not grant', async () => {
    const { query } = await start();
    const reserve = 'mutation { reserve(sku: "42") { count } }';
    expect(await query(reserve, await issuer.authorization(READ))).toMatchObject({
      data: { reserve: null },
      errors: [{ extensions: { code: 'FORBIDDEN', scopes: ['read:inventory', 'write:orders'] } }],
    });
    const writer = await issuer.authorization({ scope: 'read:inventory write:orders' });
    expect(await query(reserve, writer)).toEqual({ data: { reserve: { count: 6 } } });
  });

  it('shows the schema to those who may see it', async () => {
    const { query } = await start();
    const introspection = getIntrospectionQuery();
    for (const text of [introspection, '{ a: __type(name: "Stock") { name } }']) {
      const { data = null, errors } = await query(text, await issuer.authorization(READ));
      expect(data).toBeNull();
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', scopes: ['read:schema'] } }]);
    }
    const reader = await issuer.authorization({ scope: 'read:schema' });
    expect(await query(introspection, reader)).toMatchObject({ data: { __schema: {} } });
  });

  it('answers 503 during an outage, whatever the operation', { tags: ['OPS-09'] }, async () => {
    const other = await createTestIssuer();
    other.goDown();
    const { send } = await start(other.options);
    const response = await send(STOCK, await other.authorization(READ));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  });

  it('may be open to the anonymous, but for the fields with a scope', async () => {
    const { send, query } = await start({ ...issuer.options, optional: true });
    expect(await query('{ version }')).toEqual({ data: { version: '1.0.0' } });
    expect(await query(`{ version ${STOCK.slice(1)}`)).toMatchObject({
      data: { version: '1.0.0', stock: null },
      errors: [{ path: ['stock'], extensions: { code: 'UNAUTHENTICATED', reason: 'missing_credentials' } }],
    });
    const { status } = await send('{ version }', await issuer.authorization({ exp: 1 }));
    expect(status).toBe(401);
  });
});

it('knows who calls with Yoga behind the middleware of Express, too', async () => {
  const yoga = createYoga<{ req: Request; res: Response }>({
    schema: createSchema({
      typeDefs: 'type Query { caller: String }',
      resolvers: { Query: { caller: (_source, _args, { req }) => getAuth(req).clientId } },
    }),
  });
  const app = express();
  app.use('/graphql', authenticate(issuer.options), (req, res) => yoga(req, res));
  const url = await serve(createServer(app));
  const ask = async (headers: object) =>
    fetch(`${url}/graphql?query={caller}`, { headers: { accept: 'application/json', ...headers } });
  expect(await (await ask(await issuer.authorization())).json()).toEqual({ data: { caller: 'test-client' } });
  expect((await ask({})).status).toBe(401);
});

describe('the directive of the example', () => {
  const server = createResourceServer(issuer.options);
  const auth = fakeAuth({ scopes: ['a'] });
  const build = (definitions: string): GraphQLSchema =>
    protectSchema(buildSchema(`${REQUIRE_SCOPE} ${definitions}`), server);
  const scopesOf = async (schema: GraphQLSchema, field: string, rootValue: object = {}) => {
    const contextValue = { auth };
    const result = await graphql({ schema, source: `{ ${field} }`, rootValue, contextValue });
    return result.errors?.map(({ extensions }) => extensions.scopes);
  };

  it('goes for each field of a type, and adds up with those of interfaces and fields', async () => {
    const schema = build(`
      type Query @requireScope(scopes: ["a"]) {
        one: Int
        two: Int @requireScope(scopes: ["b"])
        item: Item
      }
      interface Priced { price: Int @requireScope(scopes: ["c"]) }
      type Item implements Priced { price: Int }
    `);
    expect(await scopesOf(schema, 'one')).toBeUndefined();
    expect(await scopesOf(schema, 'two')).toEqual([['b', 'a']]);
    expect(await scopesOf(schema, 'item { price }', { item: { price: 1 } })).toEqual([['c']]);
    expect(await scopesOf(schema, '__typename __schema { queryType { name } }')).toBeUndefined();
  });

  it('goes for what extends a type', async () => {
    const schema = build(
      'type Query { one: Int } extend type Query @requireScope(scopes: ["b"]) { two: Int }',
    );
    expect(await scopesOf(schema, 'one')).toEqual([['b']]);
    expect(await scopesOf(schema, 'two')).toEqual([['b']]);
  });

  it('lets no subscription begin without its scope', async () => {
    const schema = build('type Query { q: Int } type Subscription { s: Int @requireScope(scopes: ["b"]) }');
    const source = vi.fn();
    const field = schema.getSubscriptionType()?.getFields().s;
    if (field) field.subscribe = source;
    protectSchema(schema, server);
    const result = await subscribe({ schema, document: parse('subscription { s }'), contextValue: { auth } });
    expect(result).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN', scopes: ['b'] } }] });
    expect(source).not.toHaveBeenCalled();
  });

  it('fails the start if it says nothing, or is not there', () => {
    expect(() => build('type Query { q: Int @requireScope(scopes: []) }')).toThrow('at least one scope');
    expect(() => protectSchema(buildSchema('type Query { q: Int }'), server)).toThrow('REQUIRE_SCOPE');
  });
});
