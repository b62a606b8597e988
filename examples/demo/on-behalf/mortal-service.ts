import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { closeServer, listen } from '../http-server.js';

/** A service that can be killed, and that remembers what came to it. */
export interface MortalService {
  /** `"http://127.0.0.1:41234"`. It outlives the service. */
  readonly origin: string;
  /** The target and the header lines of each request, as they came over the wire. */
  readonly received: readonly string[];
  /** Starts it again, as new: what it had in memory is gone. */
  start(): Promise<void>;
  /** Ends it at once, with all its connections, as a crash would. Does nothing when it has ended. */
  kill(): Promise<void>;
  /** Whether it was down for a moment. `since` as of `performance.now()`. */
  wasDownSince(since: number): boolean;
}

/** @param create makes the service, once per start */
export async function startMortalService(
  create: () => RequestListener | Promise<RequestListener>,
): Promise<MortalService> {
  const received: string[] = [];
  const server = createServer();
  const renew = async (): Promise<void> => {
    const service = await create();
    server.removeAllListeners('request').on('request', (request: IncomingMessage, response) => {
      received.push([request.url, ...request.rawHeaders].join('\n'));
      service(request, response);
    });
  };
  await renew();
  const origin = await listen(server);
  let upSince = Number.NEGATIVE_INFINITY;
  return {
    origin,
    received,
    async start() {
      await renew();
      await listen(server, Number(new URL(origin).port));
      upSince = performance.now();
    },
    kill: () => closeServer(server),
    wasDownSince: (since) => !server.listening || upSince >= since,
  };
}
