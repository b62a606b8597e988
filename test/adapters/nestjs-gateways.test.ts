import 'reflect-metadata';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import {
  type ArgumentsHost,
  type CallHandler,
  Catch,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  Injectable,
  Module,
  type NestInterceptor,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  Auth,
  getAuth,
  Public,
  type RequestResponse,
  RequireScope,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import { createResourceServer, InsufficientScopeError, InvalidTokenError } from '../../src/index.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';

const issuer = await createTestIssuer();

@WebSocketGateway()
@UseGuards(ResourceServerGuard)
class StockGateway {
  @SubscribeMessage('stock')
  stock(@MessageBody() sku: unknown, @Auth() auth: Auth, @ConnectedSocket() client: object) {
    return { event: 'stock', data: [sku, auth.clientId, getAuth(client).clientId] };
  }

  @SubscribeMessage('order')
  @RequireScope('write:orders')
  order() {
    return { event: 'order', data: 'placed' };
  }

  @SubscribeMessage('version')
  @Public()
  version(@Auth() auth: Auth | undefined) {
    return { event: 'version', data: auth?.clientId ?? 'anybody' };
  }
}

interface Setup {
  readonly module?: DynamicModule;
  readonly gateways?: Type[];
  readonly platform?: ExpressAdapter | FastifyAdapter;
}

async function start({
  module = ResourceServerModule.forRoot(issuer.options),
  gateways = [StockGateway],
  platform = new ExpressAdapter(),
}: Setup = {}) {
  @Module({ imports: [module], providers: gateways })
  class AppModule {}
  const app = await NestFactory.create<INestApplication>(AppModule, platform, {
    logger: false,
    abortOnError: false,
  });
  onTestFinished(() => app.close());
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('http', 'ws');
  const open = (headers: object = {}, path = '') => openSocket(url + path, headers);
  return { url, open, connect: async (...args: Parameters<typeof open>) => (await open(...args)).ask };
}

/** A client. `ask` sends an event and waits for what comes back. */
async function openSocket(url: string, headers: object) {
  const socket = new WebSocket(url, { headers: { ...headers } });
  await once(socket, 'open');
  onTestFinished(() => socket.terminate());
  const ask = async (event: string, data?: unknown) => {
    const answer = once(socket, 'message');
    socket.send(JSON.stringify({ event, data }));
    return JSON.parse(String((await answer)[0]));
  };
  return { socket, ask };
}

const refusal = (reason: string, error?: string) => ({
  event: 'exception',
  data: { status: 'error', message: expect.any(String), reason, ...(error === undefined ? {} : { error }) },
});

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('a gateway beside %s', (_name, platform) => {
  it('authenticates each message by the request that opened the connection', async () => {
    const { connect } = await start({ platform: platform() });
    const ask = await connect(await issuer.authorization({ scope: 'read:inventory' }));
    const answer = { event: 'stock', data: [{ sku: 1 }, 'test-client', 'test-client'] };
    expect(await ask('stock', { sku: 1 })).toEqual(answer);
    expect(await ask('stock', 'primitive')).toMatchObject({
      data: ['primitive', 'test-client', 'test-client'],
    });
    expect(await ask('order')).toEqual(refusal('insufficient_scope', 'insufficient_scope'));
    expect(await ask('stock', { sku: 1 })).toEqual(answer);
    expect(await ask('version')).toEqual({ event: 'version', data: 'anybody' });
  });

  it('keeps the caller of one message from an open one beside it, if its data is an object', {
    tags: ['OPS-09'],
  }, async () => {
    const { open } = await start({ platform: platform() });
    const { socket } = await open(await issuer.authorization({ scope: 'read:inventory' }));
    const answers: unknown[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        if (answers.push(JSON.parse(String(data))) === 40) resolve();
      });
    });
    for (let count = 0; count < 20; count += 1) {
      socket.send(JSON.stringify({ event: 'version', data: {} }));
      socket.send(JSON.stringify({ event: 'stock', data: {} }));
    }
    await all;
    const open20 = Array.from({ length: 20 }, () => ({ event: 'version', data: 'anybody' }));
    expect(answers.filter((one) => Reflect.get(Object(one), 'event') === 'version')).toEqual(open20);
  });

  it('tells clients without a valid token why', async () => {
    const { connect } = await start({ platform: platform() });
    expect(await (await connect())('stock')).toEqual(refusal('missing_credentials'));
    const expired = await connect(await issuer.authorization({ exp: 1 }));
    expect(await expired('stock')).toEqual({
      event: 'exception',
      data: {
        status: 'error',
        message: 'The access token expired',
        error: 'invalid_token',
        reason: 'expired',
      },
    });
    expect(await expired('version')).toEqual({ event: 'version', data: 'anybody' });
  });
});

it('refuses every forgery', { tags: ['OPS-09'] }, async () => {
  const { connect } = await start();
  const claims = { scope: 'write:orders' };
  expect(await (await connect(await issuer.authorization(claims)))('order')).toMatchObject({
    data: 'placed',
  });
  for (const forgery of await issuer.forgeries(claims)) {
    const ask = await connect(forgery.headers);
    expect(await ask('order'), forgery.name).toMatchObject(refusal(forgery.reason));
  }
});

it('notices that a token expired or was revoked while the connection is open', async () => {
  let now = Date.now();
  let isRevoked = false;
  const timed = await createTestIssuer({ clock: () => now, lifetimeSeconds: 300 });
  const { connect } = await start({
    module: ResourceServerModule.forRoot({ ...timed.options, isRevoked: () => isRevoked }),
  });
  const ask = await connect(await timed.authorization());
  expect(await ask('stock')).toMatchObject({ event: 'stock' });
  isRevoked = true;
  expect(await ask('stock')).toEqual(refusal('revoked', 'invalid_token'));
  isRevoked = false;
  now += 306_000;
  expect(await ask('stock')).toEqual(refusal('expired', 'invalid_token'));
});

it('tells when to try again during an outage', async () => {
  const down = await createTestIssuer();
  down.goDown();
  const { connect } = await start({ module: ResourceServerModule.forRoot(down.options) });
  const ask = await connect(await down.authorization());
  expect(await ask('stock')).toMatchObject({
    event: 'exception',
    data: { error: 'temporarily_unavailable', reason: 'temporarily_unavailable', retryAfterSeconds: 1 },
  });
});

it('refuses tokens that are bound to a DPoP key: a message has no proof', { tags: ['OPS-09'] }, async () => {
  const { url, connect } = await start();
  const key = await createDpopKey();
  const token = await issuer.token({ cnf: { jkt: key.thumbprint } });
  const headers = await key.headers({ method: 'GET', url: url.replace('ws', 'http'), token });
  const ask = await connect(headers);
  for (const _ of [1, 2]) expect(await ask('stock')).toMatchObject(refusal('missing_proof'));
});

it('takes a token from the URL if that is allowed, for every message', async () => {
  const { connect } = await start({
    module: ResourceServerModule.forRoot({ ...issuer.options, bearerMethods: ['query'] }),
  });
  const ask = await connect({}, `/?access_token=${await issuer.token()}`);
  for (const _ of [1, 2]) expect(await ask('stock')).toMatchObject({ event: 'stock' });
});

it("finds the request that opened a connection to the gateway's own port, if it is put on the client", async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // of a TCP server
  probe.close();
  @WebSocketGateway(port, { host: '127.0.0.1' })
  @UseGuards(ResourceServerGuard)
  class OwnPortGateway {
    handleConnection(client: WebSocket, request: IncomingMessage) {
      Object.assign(client, { request });
    }

    @SubscribeMessage('caller')
    caller(@Auth() auth: Auth) {
      return { event: 'caller', data: auth.clientId };
    }
  }
  const url = `ws://127.0.0.1:${port}`;
  await start({ gateways: [OwnPortGateway] });
  const { ask } = await openSocket(url, await issuer.authorization());
  expect(await ask('caller')).toEqual({ event: 'caller', data: 'test-client' });
  expect(await (await openSocket(url, {})).ask('caller')).toEqual(refusal('missing_credentials'));
});

it('asks the resource server once for each message, however many guards look at it', async () => {
  const server = createResourceServer(issuer.options);
  const authenticate = vi.spyOn(server, 'authenticate');
  const { connect } = await start({ module: ResourceServerModule.forRoot(server) });
  const ask = await connect(await issuer.authorization({ scope: 'write:orders' }));
  await ask('order');
  expect(authenticate).toHaveBeenCalledTimes(1);
  await ask('order');
  expect(authenticate).toHaveBeenCalledTimes(2);
});

describe('a guard that finds the token in the message', () => {
  @Injectable()
  class MessageGuard extends ResourceServerGuard {
    protected override getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
      if (context.getType() !== 'ws') return super.getRequestResponse(context);
      const { authorization } = context.switchToWs().getData<{ authorization?: string }>() ?? {};
      return { req: { headers: { authorization } }, res: undefined };
    }
  }
  @WebSocketGateway()
  @UseGuards(MessageGuard)
  class CallerGateway {
    @SubscribeMessage('caller')
    caller(@Auth() auth: Auth) {
      return { event: 'caller', data: auth.clientId };
    }
  }
  const module = () => ResourceServerModule.forRoot(issuer.options, { guard: MessageGuard });
  const authorization = async (client_id: string) =>
    (await issuer.authorization({ client_id })).Authorization;

  it('keeps the callers of one connection apart', async () => {
    const { connect } = await start({ module: module(), gateways: [CallerGateway] });
    const ask = await connect();
    expect(await ask('caller', { authorization: await authorization('alice') })).toMatchObject({
      data: 'alice',
    });
    expect(await ask('caller', { authorization: await authorization('bob') })).toMatchObject({ data: 'bob' });
    expect(await ask('caller', {})).toMatchObject(refusal('missing_credentials'));
  });

  it('keeps them apart also if their messages overlap', async () => {
    let letGo = (): void => undefined;
    const bobWasAnswered = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    class Slow implements NestInterceptor {
      async intercept(context: ExecutionContext, next: CallHandler) {
        if (context.switchToWs().getData<{ slow?: boolean }>().slow) await bobWasAnswered;
        return next.handle();
      }
    }
    @WebSocketGateway()
    @UseInterceptors(Slow)
    class SlowGateway extends CallerGateway {}
    const { open } = await start({ module: module(), gateways: [SlowGateway] });
    const { socket, ask } = await open();
    const alice = { authorization: await authorization('alice'), slow: true };
    socket.send(JSON.stringify({ event: 'caller', data: alice }));
    expect(await ask('caller', { authorization: await authorization('bob') })).toMatchObject({ data: 'bob' });
    const answer = once(socket, 'message');
    letGo();
    expect(JSON.parse(String((await answer)[0]))).toMatchObject({ data: 'alice' });
  });

  it.each<unknown>([42, null, true, {}, { toString: 1 }, [42], [{}], ['a', 'b'], [[]], ''])(
    'refuses what is no text: %j',
    { tags: ['OPS-09'] },
    async (value) => {
      const { connect } = await start({ module: module(), gateways: [CallerGateway] });
      const { event, data } = await (await connect())('caller', { authorization: value });
      expect(event).toBe('exception');
      expect(['malformed_credentials', 'multiple_methods', 'missing_credentials']).toContain(data.reason);
    },
  );
});

it('throws a WsException that counts as an error of the core', async () => {
  const seen: unknown[] = [];
  @Catch(InvalidTokenError)
  class Watch implements ExceptionFilter<InvalidTokenError> {
    catch(error: InvalidTokenError, host: ArgumentsHost) {
      seen.push(error);
      host
        .switchToWs()
        .getClient<WebSocket>()
        .send(JSON.stringify({ event: 'mine', data: error.reason }));
    }
  }
  @WebSocketGateway()
  @UseGuards(ResourceServerGuard)
  @UseFilters(Watch)
  class WatchedGateway {
    @SubscribeMessage('any')
    any() {}
  }
  const { connect } = await start({ gateways: [WatchedGateway] });
  expect(await (await connect())('any')).toEqual({ event: 'mine', data: 'missing_credentials' });
  expect(seen[0]).toBeInstanceOf(WsException);
  expect(seen[0]).toBeInstanceOf(InvalidTokenError);
  expect(seen[0]).not.toBeInstanceOf(InsufficientScopeError);
  expect(seen[0]).toMatchObject({ status: 401, error: undefined, message: 'No access token was sent' });
});

describe('a handler that nothing guards', () => {
  @WebSocketGateway()
  class OpenGateway {
    @SubscribeMessage('open')
    open() {}

    @SubscribeMessage('guarded')
    @UseGuards(ResourceServerGuard)
    guarded() {}

    @SubscribeMessage('scoped')
    @RequireScope('read')
    scoped() {}

    @SubscribeMessage('public')
    @Public()
    public() {}
  }
  class Derived extends ResourceServerGuard {}
  it('keeps the application from starting, and is named', { tags: ['OPS-09'] }, async () => {
    const starting = start({ gateways: [OpenGateway] });
    await expect(starting).rejects.toThrow(TypeError);
    await expect(starting).rejects.toThrow(
      /callers of OpenGateway\.open: .*@UseGuards\(ResourceServerGuard\)/,
    );
  });

  it('may belong to a class that something else guards', async () => {
    class OtherGuard {
      canActivate() {
        return true;
      }
    }
    @WebSocketGateway()
    @UseGuards(OtherGuard)
    class OtherGateway extends OpenGateway {}
    await expect(start({ gateways: [OtherGateway] })).rejects.toThrow(/callers of OtherGateway\.open:/);
  });

  it.each<[string, unknown]>([
    ['the class', ResourceServerGuard],
    ['a subclass', Derived],
  ])('is fine if %s is bound to the gateway or to one that it extends', async (_what, guard) => {
    @WebSocketGateway()
    @UseGuards(guard as Type<ResourceServerGuard>)
    class Base {
      @SubscribeMessage('any')
      any() {}
    }
    @WebSocketGateway()
    class Inheriting extends Base {}
    await start({ gateways: [Base, Inheriting] });
  });

  it('is fine in a class that Nest does not serve', async () => {
    @Injectable()
    class NoGateway {
      @SubscribeMessage('any')
      any() {}
    }
    await start({ gateways: [NoGateway] });
  });
});
