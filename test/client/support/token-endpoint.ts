import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Behaviour, json } from '../../support/misbehaving-issuer.js';

const TOKEN_PATH = '/token';

/** One request as it came in. */
interface SeenRequest {
  readonly method: string | undefined;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly parameters: URLSearchParams;
}

/** A token endpoint on loopback that does to every request what the test says. */
export interface TokenEndpoint {
  /** Without a trailing slash. */
  readonly issuer: string;
  readonly url: string;
  /** The requests to the token endpoint so far. */
  readonly requests: readonly SeenRequest[];
  /** The paths of all other requests so far. */
  readonly others: readonly string[];
  /** Does one thing after the other to token requests, and the last one from then on. */
  script(...behaviours: readonly [Behaviour, ...Behaviour[]]): void;
  /** What another path answers; 404 without. */
  page(path: string, behaviour: Behaviour): void;
  /** Resolves when so many token requests have come. */
  reached(times: number): Promise<void>;
  stop(): Promise<void>;
}

/** Grants `token-1`, `token-2` …, for ten minutes. */
export function grants(members: Readonly<Record<string, unknown>> = {}): Behaviour {
  let count = 0;
  return (response) => {
    count += 1;
    json({ access_token: `token-${count}`, token_type: 'Bearer', expires_in: 600, ...members })(response);
  };
}

/** Starts a token endpoint, which grants until it is told otherwise; it stops with the test. */
export async function startTokenEndpoint(): Promise<TokenEndpoint> {
  let script: Behaviour[] = [grants()];
  const pages = new Map<string, Behaviour>();
  const requests: SeenRequest[] = [];
  const others: string[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);

  const server = createServer(async (request, response) => {
    const { method, url = '', headers } = request;
    const path = url.replace(/\?.*/, '');
    if (path !== TOKEN_PATH) {
      others.push(path);
      const page = pages.get(path);
      if (page === undefined) response.writeHead(404).end();
      else page(response);
      return;
    }
    const body = await bodyOf(request);
    requests.push({ method, url, headers, body, parameters: new URLSearchParams(body) });
    arrivals.emit('request');
    const behaviour = script.length > 1 ? script.shift() : script[0];
    behaviour?.(response);
  });
  const issuer = await listen(server);
  const stop = (): Promise<void> => close(server);
  onTestFinished(stop);

  return {
    issuer,
    url: `${issuer}${TOKEN_PATH}`,
    requests,
    others,
    script(...behaviours) {
      script = [...behaviours];
    },
    page(path, behaviour) {
      pages.set(path, behaviour);
    },
    async reached(times) {
      while (requests.length < times) await once(arrivals, 'request');
    },
    stop,
  };
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks).toString();
}

/** Listens on loopback and returns the origin. */
export async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo; // a TCP server that listens has one
  return `http://127.0.0.1:${bound}`;
}

export async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
