import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type Allowed,
  type AnswerHeaders,
  type Decision,
  InvalidRequestError,
  type Requirement,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import { type Checks, checkObject, unchecked } from '../../src/lib/check.js';
import { isTaken } from '../kit/answer-upgrade.js';
import { CONNECTION_CHECKS } from '../kit/connection-gate.js';
import {
  type Arrival,
  answerUpgrade,
  type Connection,
  ConnectionGate,
  checkFirstMessage,
  type FirstMessageOptions,
  fieldLines,
  type OpenedSocket,
  proceed,
  type SocketIoSocket,
  seemsToHaveToken,
  tokenView,
  type WebSocketLike,
  type WebSocketOptions,
  type WebSocketServerLike,
  warnOfBug,
} from '../kit/index.js';
import { findPassage } from '../kit/passage.js';
import { readFirstMessage } from './first-message.js';
import { endWebSocket, socketIoLine, told, webSocketLine } from './sockets.js';

const CHECKS = { ...CONNECTION_CHECKS, firstMessage: unchecked } satisfies Checks<WebSocketOptions>;

/** A WebSocket that has just been opened, and what it was opened from. */
interface Upgraded<S extends WebSocketLike> {
  readonly socket: S;
  readonly request: IncomingMessage;
  readonly stream: Duplex;
}

const TOKEN_COMES_LATER: Allowed = { kind: 'allowed', auth: undefined, headers: undefined };

/**
 * Lets WebSockets in, and ends them when their tokens end: `ws`, Socket.IO 4, `@fastify/websocket`,
 * graphql-ws, NestJS gateways. There are no anonymous connections: even with `optional: true`, those without
 * a token are refused.
 *
 * Connections are closed with 3000 (Unauthorized), 3003 (Forbidden), 3008 (Timeout) or 1013 (Try Again
 * Later); for graphql-ws, 4401 and 4403 replace the first two. The close reason is the refusal's: `expired`,
 * `revoked`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { getAuth, requireScope, WebSocketGate } from 'oauth-resource-server/websocket';
 * import { WebSocketServer } from 'ws';
 *
 * const gate = new WebSocketGate({
 *   issuer: 'https://auth.example.com',
 *   audience: 'https://inventory.example.com',
 * });
 * const http = createServer();
 * const sockets = new WebSocketServer({ noServer: true });
 * http.on('upgrade', gate.upgrade(sockets, requireScope('read:inventory')));
 * sockets.on('connection', (socket, request) => {
 *   socket.send(`hello ${getAuth(request).clientId}`);
 * });
 * ```
 */
export class WebSocketGate extends ConnectionGate {
  readonly #firstMessage: FirstMessageOptions | undefined;

  /**
   * @param options of a resource server, or a ready one to share
   * @throws {TypeError} an option is missing, unknown or wrong
   */
  constructor(options: ResourceServerOptions | ResourceServer, webSocketOptions: WebSocketOptions = {}) {
    checkObject(webSocketOptions, '', CHECKS);
    const { firstMessage, ...others } = webSocketOptions;
    checkFirstMessage(firstMessage);
    super(options, others);
    this.#firstMessage = firstMessage;
  }

  /**
   * A listener for the event `upgrade` of an HTTP server. It refuses a request with the answer that any other
   * request would get. Otherwise it lets `sockets` open the WebSocket and emit `connection`.
   *
   * @param sockets a `WebSocketServer` of `ws` with `noServer: true`
   * @param requirements they're checked together
   */
  upgrade<S extends WebSocketLike>(
    sockets: WebSocketServerLike<S>,
    ...requirements: readonly Requirement[]
  ): (request: IncomingMessage, stream: Duplex, head: Buffer) => Promise<void> {
    const accepted = new WeakMap<IncomingMessage, AnswerHeaders | undefined>();
    sockets.on('headers', (lines: string[], request: IncomingMessage) => {
      lines.push(...fieldLines(accepted.get(request)));
    });
    const waiting = new Set<S>();
    sockets.on('close', () => {
      for (const socket of waiting) socket.terminate();
    });
    return async (request, stream, head) => {
      stream.on('error', () => stream.destroy());
      const arrival = { message: request, view: tokenView(request) };
      const comesLater = this.#firstMessage !== undefined && !seemsToHaveToken(request);
      try {
        const decision = comesLater
          ? (this.checkOrigin(arrival) ?? TOKEN_COMES_LATER)
          : await this.enter(arrival, requirements);
        if (decision.kind !== 'allowed') return answerUpgrade(decision.answer, request, stream);
        accepted.set(request, decision.headers);
      } catch (bug) {
        warnOfBug(bug);
        return answerUpgrade({ status: 500, headers: {}, body: undefined }, request, stream);
      }
      if (isTaken(stream)) return;
      sockets.handleUpgrade(request, stream, head, (socket) => {
        socket.on('error', () => undefined); // `ws` closes it; without a listener the process would end
        if (comesLater) void this.#openLater({ socket, request, stream }, sockets, waiting, requirements);
        else if (this.begin(socket, arrival, requirements, webSocketLine(socket)))
          sockets.emit('connection', socket, request);
      });
    };
  }

  /**
   * Authenticates a WebSocket that something else opened: `@fastify/websocket`, graphql-ws, a NestJS gateway,
   * `ws` with its own server. Nothing is read until that's done, so you can add listeners after `await`. If
   * another gate of the same resource server has decided about the request, its decision is reused. But a
   * `token` counts if that gate let the request in anonymously, and is refused if the request has another.
   *
   * @returns undefined if it's refused: then the WebSocket is closed
   */
  async open(
    { socket, request, token }: OpenedSocket,
    ...requirements: readonly Requirement[]
  ): Promise<Connection | undefined> {
    socket.pause();
    const arrival = { message: request, view: tokenView(request, token) };
    const decision = await this.#enterWith(token, arrival, requirements).catch((bug) => {
      socket.terminate();
      throw bug;
    });
    setImmediate(() => socket.resume()); // callers that await this come first
    if (decision.kind === 'allowed') return this.begin(socket, arrival, requirements, webSocketLine(socket));
    endWebSocket(socket, decision.error);
    return undefined;
  }

  /**
   * Middleware for `io.use`. The token is `auth.token` of the handshake, or in its header `Authorization`.
   * `connect_error` gives the cause as `data`: `{ status: 401, error: 'invalid_token', reason: 'expired' }`.
   * When the token ends, the client gets the same as the event `refused` and is disconnected.
   */
  socketIo(
    ...requirements: readonly Requirement[]
  ): (socket: SocketIoSocket, next: (error?: Error) => void) => void {
    return (socket, next) => {
      const arrival = { message: socket, view: tokenView(socket.request, socket.handshake.auth.token) };
      const enter = (decision: Decision): void => {
        if (decision.kind !== 'allowed') {
          const { error } = decision;
          next(Object.assign(new Error(error.message), { data: told(error) }));
          return;
        }
        this.begin(socket, arrival, requirements, socketIoLine(socket));
        next();
      };
      proceed(
        () => this.enter(arrival, requirements),
        enter,
        (bug) => next(new Error(warnOfBug(bug))),
      );
    };
  }

  /**
   * {@link enter}, after what another gate may have decided without the message.
   *
   * @param token from a message; undefined if none came
   */
  async #enterWith(
    token: unknown,
    arrival: Arrival,
    requirements: readonly Requirement[],
  ): Promise<Decision> {
    const passage = token === undefined ? undefined : findPassage(this.server, arrival.message);
    const earlier = await passage?.decision;
    if (passage !== undefined && earlier?.kind === 'allowed') {
      if (passage.auth === undefined) passage.decision = undefined;
      else if (passage.auth.token !== token)
        return this.deny(arrival, new InvalidRequestError('multiple_methods'));
    }
    return this.enter(arrival, requirements);
  }

  /** Opens a WebSocket to the application once its first message turns out to be a valid token. */
  async #openLater<S extends WebSocketLike>(
    { socket, request, stream }: Upgraded<S>,
    sockets: WebSocketServerLike<S>,
    waiting: Set<S>,
    requirements: readonly Requirement[],
  ): Promise<void> {
    sockets.clients?.delete(socket); // broadcasts aren't for it
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    const messages: unknown[][] = [];
    const keep = (...message: unknown[]): void => {
      socket.pause(); // an unknown client must not fill the memory
      messages.push(message);
    };
    socket.on('message', keep);
    const first = await readFirstMessage(socket, stream, this.#firstMessage);
    if (first.error !== undefined) {
      this.deny({ message: request, view: tokenView(request) }, first.error);
      return endWebSocket(socket, first.error, first.code);
    }
    const opening = this.open({ socket, request, token: first.token }, ...requirements);
    const connection = await opening.catch((bug) => void warnOfBug(bug)); // then it's terminated
    if (connection === undefined) return;
    waiting.delete(socket);
    sockets.clients?.add(socket);
    sockets.emit('connection', socket, request);
    socket.off('message', keep);
    for (const message of messages.slice(1)) socket.emit('message', ...message);
  }
}
