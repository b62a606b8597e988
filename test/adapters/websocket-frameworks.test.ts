import 'reflect-metadata';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import fastifyWebsocket from '@fastify/websocket';
import { type INestApplication, Inject, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import Fastify from 'fastify';
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql/index.js';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { Server, type Socket } from 'socket.io';
import { type Socket as ClientSocket, io } from 'socket.io-client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  requireScope as fastifyRequireScope,
  resourceServer as fastifyResourceServer,
} from '../../adapters/fastify/index.js';
import {
  Auth,
  RESOURCE_SERVER,
  ResourceServerGuard,
  ResourceServerModule,
} from '../../adapters/nestjs/index.js';
import {
  getAuth,
  requireScope,
  tokenFromSubprotocol,
  WebSocketGate,
} from '../../adapters/websocket/index.js';
import { createResourceServer, type ResourceServer } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { closing, listen, openSocket, rawUpgrade } from '../support/web-sockets.js';

const scope = requireScope('read:inventory');
const claims = { scope: 'read:inventory' };
const issuer = await createTestIssuer({ clock: () => Date.now(), lifetimeSeconds: 300 });

/** Time is moved on faster than a client can answer. */
const NO_PINGS = { pingInterval: 86_400_000 };

/** From now on timers go off only when `pass` moves them on. */
function stopClock(): (seconds: number) => Promise<unknown> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return (seconds) => vi.advanceTimersByTimeAsync(seconds * 1000);
}

/** The token of a forgery, if it has one that a message can carry. */
const tokenOf = (headers: Readonly<Record<string, string>>): string | undefined =>
  /^Bearer (.+)$/s.exec(headers.Authorization ?? '')?.[1];

describe('ws with a server of its own', () => {
  it('closes what is refused, and keeps messages for the application', async () => {
    const gate = new WebSocketGate(issuer.options);
    const http = createServer();
    const sockets = new WebSocketServer({ server: http });
    sockets.on('connection', async (socket, request) => {
      const connection = await gate.open({ socket, request }, scope);
      if (connection === undefined) return;
      socket.on('message', (data) => socket.send(`${connection.auth.clientId} ${data}`));
    });
    const url = `ws://${await listen(http)}`;
    const good = openSocket(url, await issuer.authorization(claims));
    await once(good, 'open');
    good.send('hello');
    expect(String((await once(good, 'message'))[0])).toBe('test-client hello');
    expect(await closing(openSocket(url))).toBe('3000 missing_credentials');
    expect(await closing(openSocket(url, await issuer.authorization()))).toBe('3003 insufficient_scope');
  });

  it('closes what left meanwhile without a trace', async () => {
    const gate = new WebSocketGate({ ...issuer.options, isRevoked: () => left });
    const http = createServer();
    const sockets = new WebSocketServer({ server: http });
    let leave = (_isRevoked: boolean): void => undefined;
    const left = new Promise<boolean>((resolve) => {
      leave = resolve;
    });
    const opened = new Promise((resolve) => {
      sockets.on('connection', (socket, request) => {
        resolve(gate.open({ socket, request }));
        socket.terminate();
        socket.on('close', () => leave(false));
      });
    });
    openSocket(`ws://${await listen(http)}`, await issuer.authorization());
    expect(await opened).toBeUndefined();
  });
});

describe('@fastify/websocket', () => {
  async function start() {
    const server = createResourceServer(issuer.options);
    const gate = new WebSocketGate(server);
    const app = Fastify();
    await app.register(fastifyWebsocket);
    await app.register(fastifyResourceServer, server);
    app.get(
      '/feed',
      { websocket: true, onRequest: fastifyRequireScope('read:inventory') },
      async (socket, request) => {
        const connection = await gate.open({ socket, request: request.raw });
        if (connection === undefined) return;
        socket.on('message', async (data) => {
          const isRenewed = await connection.renew(String(data));
          socket.send(`${isRenewed} ${getAuth(request) === connection.auth}`);
        });
      },
    );
    app.server.prependListener('upgrade', tokenFromSubprotocol);
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => app.close());
    return { url: `${url.replace('http', 'ws')}/feed`, host: url.slice('http://'.length) };
  }

  it('ends with the token that the plugin let in, unless a fresh one comes', async () => {
    const { url } = await start();
    const pass = stopClock();
    const socket = openSocket(url, await issuer.authorization(claims));
    await once(socket, 'open');
    await pass(200);
    socket.send(await issuer.token(claims));
    expect(String((await once(socket, 'message'))[0])).toBe('true true');
    await pass(200);
    expect(socket.readyState).toBe(1);
    const closed = closing(socket);
    await pass(106);
    expect(await closed).toBe('3000 expired');
  });

  it('takes a token from a message, too, but only one per request', async () => {
    const server = createResourceServer({ ...issuer.options, optional: true });
    const gate = new WebSocketGate(server);
    const app = Fastify();
    await app.register(fastifyWebsocket);
    await app.register(fastifyResourceServer, server);
    let token: unknown;
    app.get('/', { websocket: true }, async (socket, request) => {
      const connection = await gate.open({ socket, request: request.raw, token }, scope);
      if (connection !== undefined) socket.close(1000, `${getAuth(request) === connection.auth}`);
    });
    const url = (await app.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws');
    onTestFinished(() => app.close());
    const outcome = (later: unknown, headers: Record<string, string> = {}) => {
      token = later;
      return closing(openSocket(url, headers));
    };
    const good = await issuer.token(claims);
    const sent = { Authorization: `Bearer ${good}` };
    expect(await outcome(good)).toBe('1000 true');
    expect(await outcome('garbage')).toBe('3000 malformed_token');
    expect(await outcome(undefined)).toBe('3000 missing_credentials');
    expect(await outcome(good, sent)).toBe('1000 true');
    for (const other of [await issuer.token(claims), 'garbage', 42, '', null])
      expect(await outcome(other, sent)).toBe('3000 multiple_methods');
  });

  it('takes a token from the subprotocol', async () => {
    const { url } = await start();
    const socket = openSocket(url, {}, ['bearer', await issuer.token(claims)]);
    await once(socket, 'open');
    expect(socket.protocol).toBe('bearer');
  });

  it('refuses every forgery as it does any request', { tags: ['OPS-09'] }, async () => {
    const { host } = await start();
    for (const { name, headers, status } of await issuer.forgeries(claims))
      expect(await rawUpgrade(host, headers, '/feed'), name).toContain(`HTTP/1.1 ${status} `);
  });
});

describe('graphql-ws', () => {
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { unused: { type: GraphQLString } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        caller: {
          type: GraphQLString,
          subscribe: async function* (_root: unknown, _args: unknown, { auth }: { auth: Auth }) {
            yield { caller: auth.clientId };
            await new Promise(() => undefined);
          },
        },
      },
    }),
  });

  async function start() {
    const gate = new WebSocketGate(issuer.options);
    const http = createServer();
    const sockets = new WebSocketServer({ server: http });
    useServer(
      {
        schema,
        async onConnect({ connectionParams, extra }) {
          return (await gate.open({ ...extra, token: connectionParams?.token }, scope)) !== undefined;
        },
        context: ({ extra }) => ({ auth: gate.connection(extra.socket).auth }),
      },
      sockets,
    );
    return `ws://${await listen(http)}`;
  }

  /** The first result of the subscription, and how the connection ends. */
  function subscribe(url: string, connectionParams: Record<string, unknown>) {
    const closed = new Promise<string>((resolve) => {
      const client = createClient({
        url,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams,
        on: {
          closed: (event) =>
            resolve(`${Reflect.get(Object(event), 'code')} ${Reflect.get(Object(event), 'reason')}`),
        },
      });
      onTestFinished(() => void client.dispose());
      client.subscribe(
        { query: 'subscription { caller }' },
        { next: (value) => told(value.data), error: () => undefined, complete: () => undefined },
      );
    });
    let told = (_data: unknown): void => undefined;
    const first = new Promise((resolve) => {
      told = resolve;
    });
    return { first, closed };
  }

  it('ends with the token of its connection parameters', async () => {
    const url = await start();
    const pass = stopClock();
    const { first, closed } = subscribe(url, { token: await issuer.token(claims) });
    expect(await first).toEqual({ caller: 'test-client' });
    await pass(306);
    expect(await closed).toBe('4401 expired');
  });

  it('tells a client without the scope that it is forbidden', async () => {
    const { closed } = subscribe(await start(), { token: await issuer.token() });
    expect(await closed).toBe('4403 insufficient_scope');
  });

  it('refuses what is no token, and every forgery', { tags: ['OPS-09'] }, async () => {
    const url = await start();
    for (const token of [undefined, null, 42, {}, [], { headers: {} }, ''])
      expect(await subscribe(url, { token }).closed).toMatch(/^4401 (?:missing|malformed)_credentials$/);
    const outcomes = (await issuer.forgeries(claims)).map(async ({ name, headers, status }) => {
      const token = tokenOf(headers);
      if (token === undefined) return;
      const expected = status === 403 ? '4403 ' : '4401 ';
      expect(await subscribe(url, { token }).closed, name).toContain(expected);
    });
    await Promise.all(outcomes);
  });
});

describe('Socket.IO', () => {
  interface ServerEvents {
    caller: (clientId: string | undefined) => void;
  }
  interface ClientEvents {
    renew: (token: unknown, answer: (isRenewed: boolean) => void) => void;
  }

  async function start(server: ResourceServer = createResourceServer(issuer.options)) {
    const gate = new WebSocketGate(server);
    const http = createServer();
    const ioServer = new Server<ClientEvents, ServerEvents>(http, NO_PINGS);
    ioServer.use(gate.socketIo(scope));
    ioServer.on('connection', (socket) => {
      const connection = gate.connection(socket);
      socket.emit('caller', getAuth(socket).clientId);
      socket.on('renew', async (token, answer) => answer(await connection.renew(token)));
    });
    const url = `http://${await listen(http)}`;
    onTestFinished(() => void ioServer.close());
    return { url, ioServer, gate };
  }

  function open(url: string, options: Parameters<typeof io>[1]): ClientSocket {
    const socket = io(url, { reconnection: false, forceNew: true, ...options });
    onTestFinished(() => void socket.close());
    return socket;
  }
  const heard = (socket: ClientSocket, event: string) =>
    new Promise<unknown>((resolve) => {
      socket.once(event, resolve);
    });
  const refusal = async (socket: ClientSocket) => {
    const error = await heard(socket, 'connect_error');
    return Reflect.get(Object(error), 'data') as object; // the server's `data`
  };

  it.each([['websocket'], ['polling']])('takes a token from the handshake, over %s', async (transport) => {
    const { url } = await start();
    const transports = [transport];
    const token = await issuer.token(claims);
    expect(await heard(open(url, { transports, auth: { token } }), 'caller')).toBe('test-client');
    const extraHeaders = await issuer.authorization(claims);
    expect(await heard(open(url, { transports, extraHeaders }), 'caller')).toBe('test-client');
    expect(await refusal(open(url, { transports }))).toEqual({ status: 401, reason: 'missing_credentials' });
    expect(await refusal(open(url, { transports, auth: { token }, extraHeaders }))).toEqual({
      status: 400,
      error: 'invalid_request',
      reason: 'multiple_methods',
    });
  });

  it('ends with the token, says why, and goes on with a fresh one', async () => {
    const { url, ioServer } = await start();
    const pass = stopClock();
    const socket = open(url, { transports: ['websocket'], auth: { token: await issuer.token(claims) } });
    await heard(socket, 'caller');
    await pass(200);
    expect(await socket.emitWithAck('renew', await issuer.token(claims))).toBe(true);
    await pass(200);
    expect(socket.connected).toBe(true);
    const refused = heard(socket, 'refused');
    const disconnected = heard(socket, 'disconnect');
    await pass(106);
    expect(await refused).toEqual({ status: 401, error: 'invalid_token', reason: 'expired' });
    expect(await disconnected).toBe('io server disconnect');
    expect(ioServer.sockets.sockets.size).toBe(0);
  });

  it('is not connected at all if the token expires in another middleware', async () => {
    const { url, ioServer } = await start();
    const pass = stopClock();
    const onConnection = vi.fn();
    ioServer.on('connection', onConnection);
    const reached = new Promise<() => void>((resolve) => {
      ioServer.use((_socket, next) => resolve(next));
    });
    const socket = open(url, { transports: ['websocket'], auth: { token: await issuer.token(claims) } });
    const gone = new Promise((resolve) => {
      socket.io.once('close', resolve);
    });
    const next = await reached;
    await pass(306);
    next();
    await gone;
    expect(onConnection).not.toHaveBeenCalled();
  });

  it('is forgotten if another middleware refuses it, and leaves other namespaces alone', async () => {
    const server = createResourceServer(issuer.options);
    const { url, ioServer } = await start(server);
    ioServer.of('/open');
    ioServer.use((_socket, next) => next(new Error('no place')));
    const pass = stopClock();
    const socket = open(url, { transports: ['websocket'], auth: { token: await issuer.token(claims) } });
    const other = socket.io.socket('/open');
    const connected = heard(other, 'connect');
    expect(await heard(socket, 'connect_error')).toMatchObject({ message: 'no place' });
    await connected;
    const recheck = vi.spyOn(server, 'recheck');
    await pass(306);
    expect(recheck).not.toHaveBeenCalled();
    expect(other.connected).toBe(true);
  });

  it('leaves no listener on a connection that other namespaces use', async () => {
    const { url, ioServer } = await start();
    ioServer.of('/open');
    const socket = open(url, { transports: ['websocket'], auth: { token: await issuer.token(claims) } });
    await heard(socket, 'caller');
    await heard(socket.io.socket('/open').connect(), 'connect');
    const [accepted] = [...ioServer.sockets.sockets.values()] as [Socket];
    const before = accepted.conn.listenerCount('close');
    socket.disconnect();
    await once(accepted, 'disconnect');
    socket.connect();
    await heard(socket, 'caller');
    expect(accepted.conn.listenerCount('close')).toBe(before);
  });

  it('refuses every forgery, in the header and in auth.token', { tags: ['OPS-09'] }, async () => {
    const { url, ioServer } = await start();
    const onConnection = vi.fn();
    ioServer.on('connection', onConnection);
    const outcomes = (await issuer.forgeries(claims)).map(async ({ name, headers, status, reason }) => {
      const extraHeaders = { ...headers };
      const answer = await refusal(open(url, { transports: ['websocket'], extraHeaders }));
      expect(answer, name).toMatchObject({ status, reason });
      const token = tokenOf(headers);
      if (token === undefined) return;
      expect(await refusal(open(url, { transports: ['websocket'], auth: { token } })), name).toMatchObject({
        status,
      });
    });
    await Promise.all(outcomes);
    for (const token of [null, 42, {}, ['a'], '', { toString: 1 }])
      expect(await refusal(open(url, { auth: { token } }))).toMatchObject({ status: 400 });
    expect(onConnection).not.toHaveBeenCalled();
  });

  it('hides a fault of our own', { tags: ['OPS-09'] }, async () => {
    const server = createResourceServer(issuer.options);
    vi.spyOn(server, 'authenticate').mockRejectedValue(new Error('bug'));
    const { url } = await start(server);
    const warned = once(process, 'warning');
    const error = await heard(open(url, { auth: { token: 'any' } }), 'connect_error');
    expect(error).toMatchObject({ message: 'Internal error' });
    expect((await warned)[0]).toMatchObject({ message: 'bug' });
  });
});

describe('a gateway of NestJS', () => {
  class EndingGateway {
    readonly #gate: WebSocketGate;

    constructor(@Inject(RESOURCE_SERVER) server: ResourceServer) {
      this.#gate = new WebSocketGate(server);
    }

    async handleConnection(client: WebSocket, request: IncomingMessage) {
      await this.#gate.open({ socket: client, request });
    }

    @SubscribeMessage('caller')
    caller(@Auth() auth: Auth) {
      return { event: 'caller', data: auth.clientId };
    }
  }
  WebSocketGateway()(EndingGateway);
  UseGuards(ResourceServerGuard)(EndingGateway);

  class EndingIoGateway {
    readonly #gate: WebSocketGate;

    constructor(@Inject(RESOURCE_SERVER) server: ResourceServer) {
      this.#gate = new WebSocketGate(server);
    }

    afterInit(server: Server) {
      server.use(this.#gate.socketIo());
    }

    handleConnection(client: Socket) {
      client.emit('caller', getAuth(client).clientId);
    }
  }
  WebSocketGateway(NO_PINGS)(EndingIoGateway);

  async function start(gateway: typeof EndingGateway | typeof EndingIoGateway) {
    class AppModule {}
    Module({ imports: [ResourceServerModule.forRoot(issuer.options)], providers: [gateway] })(AppModule);
    const app = await NestFactory.create<INestApplication>(AppModule, new ExpressAdapter(), {
      logger: false,
    });
    onTestFinished(() => app.close());
    app.useWebSocketAdapter(gateway === EndingGateway ? new WsAdapter(app) : new IoAdapter(app));
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }

  it('ends with the token, over ws', async () => {
    const url = (await start(EndingGateway)).replace('http', 'ws');
    const pass = stopClock();
    const socket = openSocket(url, await issuer.authorization());
    await once(socket, 'open');
    socket.send('{"event":"caller"}');
    expect(String((await once(socket, 'message'))[0])).toBe('{"event":"caller","data":"test-client"}');
    const closed = closing(socket);
    await pass(306);
    expect(await closed).toBe('3000 expired');
    expect(await closing(openSocket(url))).toBe('3000 missing_credentials');
  });

  it('ends with the token, over Socket.IO', async () => {
    const url = await start(EndingIoGateway);
    const pass = stopClock();
    const socket = io(url, {
      transports: ['websocket'],
      auth: { token: await issuer.token() },
      forceNew: true,
    });
    onTestFinished(() => void socket.close());
    expect(await new Promise((resolve) => socket.once('caller', resolve))).toBe('test-client');
    const refused = new Promise((resolve) => socket.once('refused', resolve));
    await pass(306);
    expect(await refused).toMatchObject({ reason: 'expired' });
  });
});
