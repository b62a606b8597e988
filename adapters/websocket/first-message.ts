import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { InvalidTokenError, type ResourceServerError } from '../../src/index.js';
import type { FirstMessageOptions, WebSocketLike } from '../kit/index.js';

/** The longest token that can be valid, with something around it. */
const MAX_BYTES = 20_000;
/** Registered: Timeout. */
const TIMEOUT = 3008;

/** The token that came first, or why there's none. */
type FirstMessage = { token?: unknown; error?: ResourceServerError; code?: number };

/**
 * Waits for the first message. If it's too large, gives up before it's complete and reads no more, unless it
 * comes in one piece or is compressed.
 *
 * @param stream what the WebSocket reads from
 */
export async function readFirstMessage(
  socket: WebSocketLike,
  stream: Duplex,
  { timeoutSeconds = 10, readToken = String }: FirstMessageOptions = {},
): Promise<FirstMessage> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutSeconds * 1000).unref();
  socket.once('close', () => stop.abort());
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= MAX_BYTES) return;
    socket.pause();
    stop.abort();
  };
  stream.on('data', count);
  try {
    const [data, isBinary] = await once(socket, 'message', { signal: stop.signal });
    if (Buffer.byteLength(data) > MAX_BYTES) return { error: new InvalidTokenError('token_too_large') };
    return { token: (isBinary ? undefined : readToken(String(data))) ?? '' };
  } catch {
    // `readToken` threw, unless we ended it ourselves.
    if (!stop.signal.aborted) return { token: '' };
    if (bytes > MAX_BYTES) return { error: new InvalidTokenError('token_too_large') };
    return { error: new InvalidTokenError('missing_credentials'), code: TIMEOUT };
  } finally {
    clearTimeout(timer);
    stream.off('data', count);
  }
}
