import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from './connection-gate.js';
import type { FirstMessageOptions } from './first-message-options.js';

/** A server-side WebSocket, as in `ws`. */
export interface WebSocketLike extends EventEmitter {
  readonly protocol: string;
  /** 1 if it's open. */
  readonly readyState: number;
  close(code: number, reason: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** A WebSocket server, as in `ws`. */
export interface WebSocketServerLike<S extends WebSocketLike> extends EventEmitter {
  /** Those that get broadcasts; undefined without `clientTracking`. */
  readonly clients?: Set<S>;
  handleUpgrade(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    opened: (socket: S, request: IncomingMessage) => void,
  ): void;
}

/** A socket of Socket.IO 4, on the server. */
export interface SocketIoSocket {
  readonly id: string;
  /** Also false until all middlewares have let it in. */
  readonly connected: boolean;
  readonly nsp: object;
  readonly handshake: { readonly auth: { readonly [name: string]: unknown } };
  readonly request: IncomingMessage;
  readonly conn: { readonly readyState: string; close(): void };
  /** The application declares which events it may send. */
  emit(event: never, told: never): unknown;
  once(event: 'disconnect', closed: () => void): unknown;
  disconnect(close: boolean): unknown;
}

/** A WebSocket gate's own options, besides those of the resource server. */
export interface WebSocketOptions extends ConnectionOptions {
  /**
   * Lets a WebSocket without a token open, and takes its first message, of at most 20,000 bytes, as the
   * token. Until that's verified, nothing else reaches the application, and nothing is sent. Default: off.
   */
  readonly firstMessage?: FirstMessageOptions;
}

/** A WebSocket that something else opened. */
export interface OpenedSocket {
  readonly socket: WebSocketLike;
  /** The request that opened it. */
  readonly request: IncomingMessage;
  /**
   * The token as the client sent it, if it came in a message, such as `connectionParams` of graphql-ws.
   * Undefined: the request's own.
   */
  readonly token?: unknown;
}
