import 'reflect-metadata';
import { once } from 'node:events';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module, type Provider, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Context,
  GraphQLModule,
  Query,
  ResolveField,
  ResolveReference,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  Auth,
  getAuth,
  Public,
  RequireScope,
  ResourceServerModule,
  type ResourceServerModuleOptions,
} from '../../adapters/nestjs/index.js';
import { createResourceServer, InsufficientScopeError } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();

@Resolver()
class StockResolver {
  @Query(() => String)
  stock(@Auth() auth: Auth, @Context() context: { req: object }) {
    return [auth, getAuth(context), getAuth(context.req)].map(({ clientId }) => clientId).join();
  }

  @Query(() => String)
  @RequireScope('write:orders')
  orders() {
    return 'orders';
  }

  @Query(() => String)
  @Public()
  version(@Auth() auth: Auth | undefined) {
    return `for ${auth?.clientId ?? 'anybody'}`;
  }

  @Query(() => String)
  @RequireScope('read:inventory')
  own() {
    throw new InsufficientScopeError('claims_not_met');
  }

  @Query(() => String)
  bug() {
    throw new Error('a bug');
  }
}

interface GraphqlAnswer {
  readonly data: unknown;
  readonly errors?: readonly { readonly extensions: object }[];
}

interface Setup {
  readonly options?: ResourceServerModuleOptions;
  readonly providers?: Provider[];
  readonly graphql?: Partial<ApolloDriverConfig>;
}

async function start({ options = issuer.options, providers = [StockResolver], graphql }: Setup = {}) {
  @Module({
    imports: [
      ResourceServerModule.forRoot(options),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        playground: false,
        ...graphql,
      }),
    ],
    providers,
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/graphql`;
  const send = (query: string, headers: object = {}): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: `{ ${query} }` }),
    });
  return {
    url,
    send,
    query: async (query: string, headers?: object) =>
      (await (await send(query, headers)).json()) as GraphqlAnswer, // what the expectations look at
  };
}

const strict = { preserveHttpStatusForExecutionErrors: false };

describe('GraphQL operations', () => {
  it('know who calls, by @Auth() and by getAuth with the context or the request', async () => {
    const { query } = await start();
    const authorization = await issuer.authorization();
    expect(await query('stock', authorization)).toEqual({
      data: { stock: 'test-client,test-client,test-client' },
    });
    expect(await query('version', authorization)).toEqual({ data: { version: 'for anybody' } });
    expect(await query('version')).toEqual({ data: { version: 'for anybody' } });
  });

  it('are refused with the code that clients look for, the reason, and nothing of ours beside', async () => {
    const { query } = await start();
    const none = await query('stock');
    expect(none).toMatchObject({
      data: null,
      errors: [{ path: ['stock'], extensions: { code: 'UNAUTHENTICATED', reason: 'missing_credentials' } }],
    });
    expect(Object.keys(none.errors?.[0]?.extensions ?? {}).sort()).toEqual(['code', 'reason']);
    expect(await query('stock', await issuer.authorization({ exp: 1 }))).toMatchObject({
      errors: [
        { message: 'The access token expired', extensions: { code: 'UNAUTHENTICATED', reason: 'expired' } },
      ],
    });
    expect(await query('orders', await issuer.authorization({ scope: 'read:inventory' }))).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN', reason: 'insufficient_scope' } }],
    });
    expect(await query('stock', { authorization: 'Bearer' })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_REQUEST', reason: 'malformed_credentials' } }],
    });
    issuer.goDown();
    const outage = await start();
    onTestFinished(() => issuer.comeBack());
    expect(await outage.query('stock', await issuer.authorization())).toMatchObject({
      errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'temporarily_unavailable' } }],
    });
  });

  it.each(['respond', 'next'] as const)('have the same code with errors: %s', async (errors) => {
    const { query } = await start({ options: { ...issuer.options, errors } });
    expect(await query('stock')).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  it('are answered with status and challenge if Apollo may use them', async () => {
    const { send } = await start({ graphql: strict });
    const unauthenticated = await send('stock');
    expect(unauthenticated.status).toBe(401);
    expect(unauthenticated.headers.get('www-authenticate')).toContain('Bearer realm="api"');
    expect(unauthenticated.headers.get('cache-control')).toBe('no-store');
    const forbidden = await send('orders', await issuer.authorization({ scope: 'read:inventory' }));
    expect(forbidden.status).toBe(403);
    expect(forbidden.headers.get('www-authenticate')).toContain('scope="write:orders"');
  });

  it('refuse what a resolver refuses itself in the same way, and a bug as a bug', async () => {
    const { query, send } = await start({ graphql: strict });
    const authorization = await issuer.authorization({ scope: 'read:inventory' });
    const response = await send('own', authorization);
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="read:inventory"');
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN', reason: 'claims_not_met' } }],
    });
    expect(await query('bug', authorization)).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });

  it('are authenticated once, however many resolvers a request asks', async () => {
    const server = createResourceServer(issuer.options);
    const authenticate = vi.spyOn(server, 'authenticate');
    const { query } = await start({ options: server });
    await query('a: stock b: stock orders', await issuer.authorization({ scope: 'write:orders' }));
    expect(authenticate).toHaveBeenCalledTimes(1);
  });

  it('take a token that is bound to a DPoP key, with its proof', async () => {
    const { url, query } = await start();
    const key = await createDpopKey();
    const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
    const headers = await key.headers({ method: 'POST', url, token });
    expect(await query('a: stock b: stock', headers)).toMatchObject({
      data: { a: expect.stringContaining('test-client') },
    });
  });

  it('refuse every forgery', { tags: ['OPS-09'] }, async () => {
    const { query } = await start();
    const claims = { scope: 'write:orders' };
    expect(await query('orders', await issuer.authorization(claims))).toEqual({ data: { orders: 'orders' } });
    const codes: Record<number, string> = { 400: 'BAD_REQUEST', 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN' };
    for (const forgery of await issuer.forgeries(claims)) {
      const { data, errors } = await query('orders', forgery.headers);
      expect(data, forgery.name).toBeNull();
      expect(errors?.[0]?.extensions, forgery.name).toMatchObject({
        code: codes[forgery.status],
        reason: forgery.reason,
      });
    }
  });
});

it('a subscription is authenticated by the request that opened its WebSocket, each one anew', async () => {
  let now = Date.now();
  const timed = await createTestIssuer({ clock: () => now });
  @Resolver()
  class TickResolver {
    @Query(() => String)
    any() {
      return 'any';
    }

    @Subscription(() => String)
    @RequireScope('read:ticks')
    async *tick(@Auth() auth: Auth) {
      yield { tick: auth.clientId };
    }
  }
  const { url } = await start({
    options: timed.options,
    providers: [TickResolver],
    graphql: { subscriptions: { 'graphql-ws': true } },
  });
  const subscribe = async (headers: object) => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', {
      headers: { ...headers },
    });
    await once(socket, 'open');
    onTestFinished(() => socket.terminate());
    const send = (message: object): void => socket.send(JSON.stringify(message));
    send({ type: 'connection_init' });
    await once(socket, 'message');
    let id = 0;
    return () =>
      new Promise<{ errors: { extensions: object }[] }>((resolve) => {
        socket.on('message', (data) => {
          const { type, payload } = JSON.parse(String(data));
          if (type === 'next') resolve(payload);
        });
        send({ type: 'subscribe', id: String(++id), payload: { query: 'subscription { tick }' } });
      });
  };
  const tick = await subscribe(await timed.authorization({ scope: 'read:ticks' }));
  expect(await tick()).toEqual({ data: { tick: 'test-client' } });
  const other = await subscribe(await timed.authorization({ scope: 'other' }));
  const { errors } = await other();
  expect(errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', reason: 'insufficient_scope' });
  now += 306_000;
  expect(await tick()).toMatchObject({
    errors: [
      { message: 'The access token expired', extensions: { code: 'UNAUTHENTICATED', reason: 'expired' } },
    ],
  });
});

describe('fields of an object', () => {
  @Resolver('Item')
  class ItemResolver {
    @ResolveField()
    @RequireScope('read:prices')
    price() {
      return '1 €';
    }

    @Query()
    item() {
      return {};
    }
  }
  const typeDefs = 'type Item { price: String } type Query { item: Item }';

  it('keep the application from starting if they require what Nest would not check', async () => {
    const starting = start({ providers: [ItemResolver], graphql: { autoSchemaFile: false, typeDefs } });
    await expect(starting).rejects.toThrow(/ItemResolver\.price.*fieldResolverEnhancers: \['guards'\]/);
  });

  it.each([
    ['a factory', { provide: 'items', useFactory: () => new ItemResolver() }],
    ['the application', { provide: 'items', useValue: new ItemResolver() }],
  ])(
    'keep it from starting in a resolver that %s makes, too',
    { tags: ['OPS-09'] },
    async (_by, provider) => {
      const starting = start({ providers: [provider], graphql: { autoSchemaFile: false, typeDefs } });
      await expect(starting).rejects.toThrow(/what ItemResolver\.price require/);
    },
  );

  it('are checked if Nest asks guards for them', async () => {
    const graphql = { autoSchemaFile: false, typeDefs, fieldResolverEnhancers: ['guards' as const] };
    const { query } = await start({ providers: [ItemResolver], graphql });
    expect(await query('item { price }', await issuer.authorization())).toMatchObject({
      data: { item: { price: null } },
      errors: [{ path: ['item', 'price'], extensions: { code: 'FORBIDDEN' } }],
    });
    const authorization = await issuer.authorization({ scope: 'read:prices' });
    expect(await query('item { price }', authorization)).toEqual({ data: { item: { price: '1 €' } } });
  });
});

describe('references to an object of a subgraph', () => {
  @Resolver('Item')
  class ItemResolver {
    @ResolveReference()
    find() {
      return {};
    }

    @ResolveField()
    caller(@Auth() auth: Auth) {
      return auth.clientId;
    }

    @ResolveField()
    @Public()
    name() {
      return 'open';
    }
  }

  @Resolver('Item')
  class ScopedResolver {
    @ResolveReference()
    @RequireScope('read:items')
    find(@Auth() auth: Auth) {
      return { caller: auth.clientId };
    }
  }

  interface ReferenceResolvers {
    __resolveReference(reference: object, context: object, info: object): unknown;
  }

  /** Calls the resolver of a reference as Apollo's library for subgraphs does: without arguments. */
  function startSubgraph(provider: Type, more: Partial<ApolloDriverConfig> = {}) {
    return start({
      providers: [provider],
      graphql: {
        autoSchemaFile: false,
        typeDefs: 'type Item { caller: String name: String } type Query { _entities: [Item] }',
        transformResolvers: (resolvers) => {
          const [{ Item }] = resolvers as [{ Item: ReferenceResolvers }]; // of the one provider
          const { __resolveReference: find, ...fields } = Item;
          const entities = (_source: unknown, _args: object, context: object, info: object) => [
            find({}, context, info),
          ];
          return { Item: fields, Query: { _entities: entities } };
        },
        ...more,
      },
    });
  }
  const withGuards = { fieldResolverEnhancers: ['guards' as const] };

  it('keep the application from starting if nothing guards them', { tags: ['OPS-09'] }, async () => {
    await expect(startSubgraph(ItemResolver)).rejects.toThrow(
      /callers of ItemResolver\.find, ItemResolver\.caller: .*fieldResolverEnhancers: \['guards'\]/,
    );
    await expect(startSubgraph(ScopedResolver)).rejects.toThrow(/callers of ScopedResolver\.find: /);
  });

  it('are authenticated if Nest asks guards for them', { tags: ['OPS-09'] }, async () => {
    const { query } = await startSubgraph(ItemResolver, withGuards);
    expect(await query('_entities { caller }', await issuer.authorization())).toEqual({
      data: { _entities: [{ caller: 'test-client' }] },
    });
    expect(await query('_entities { caller }')).toMatchObject({
      data: { _entities: [null] },
      errors: [{ path: ['_entities', 0], extensions: { reason: 'missing_credentials' } }],
    });
  });

  it('are checked for what they require', async () => {
    const { query } = await startSubgraph(ScopedResolver, withGuards);
    expect(await query('_entities { caller }', await issuer.authorization())).toMatchObject({
      data: { _entities: [null] },
      errors: [{ path: ['_entities', 0], extensions: { reason: 'insufficient_scope' } }],
    });
    expect(await query('_entities { caller }', await issuer.authorization({ scope: 'read:items' }))).toEqual({
      data: { _entities: [{ caller: 'test-client' }] },
    });
  });
});
