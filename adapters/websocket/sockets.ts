import type { ResourceServerError } from '../../src/index.js';
import { toldReason } from '../kit/deny.js';
import type { Line, SocketIoSocket, WebSocketLike } from '../kit/index.js';

type Told = Pick<ResourceServerError, 'status' | 'error'> & { readonly reason: string };

/** What a client is told. */
export function told(refusal: ResourceServerError): Told {
  return { status: refusal.status, error: refusal.error, reason: toldReason(refusal) };
}

/** Registered codes (Unauthorized, Forbidden, Try Again Later), and those of the graphql-ws protocol. */
const CODES: Record<number, number> = { 400: 3000, 401: 3000, 403: 3003, 503: 1013 };
const GRAPHQL_CODES: Record<number, number> = { 400: 4401, 401: 4401, 403: 4403, 503: 1013 };
/** How long a client may take to confirm the close. */
const CLOSE_MS = 1000;

/** Ends a WebSocket. From now on no message reaches the application, whatever the client still sends. */
export function endWebSocket(socket: WebSocketLike, error: ResourceServerError, code?: number): void {
  const codes = socket.protocol === 'graphql-transport-ws' ? GRAPHQL_CODES : CODES;
  socket.removeAllListeners('message');
  socket.close(code ?? codes[error.status] ?? 1011, told(error).reason);
  const timer = setTimeout(() => socket.terminate(), CLOSE_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

export function webSocketLine(socket: WebSocketLike): Line {
  return {
    isOpen: () => socket.readyState === 1,
    onClose: (listener) => socket.once('close', listener),
    end: (error) => endWebSocket(socket, error),
  };
}

export function socketIoLine(socket: SocketIoSocket): Line {
  const isOpen = (): boolean => socket.conn.readyState === 'open' && (socket.connected || isPending(socket));
  return {
    isOpen,
    // A socket that was never connected has no such event: its next check stops the timer. Listeners on the
    // connection would add up, because it stays open for other namespaces.
    onClose: (listener) => socket.once('disconnect', listener),
    end(error) {
      if (!isOpen()) return; // the connection may be another namespace's
      socket.emit('refused' as never, told(error) as never); // the application declares no such event
      socket.disconnect(true);
      socket.conn.close(); // also if another middleware isn't done with it yet, and nothing is connected
    },
  };
}

/**
 * Whether other middlewares still have to let a socket in. If one refuses it, there's no event. In a version
 * without this list every socket counts as pending, so that none stays open with an expired token.
 */
function isPending({ nsp, id }: SocketIoSocket): boolean {
  const pending: unknown = Reflect.get(nsp, '_preConnectSockets');
  return !(pending instanceof Map) || pending.has(id);
}
