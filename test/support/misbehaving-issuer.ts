import { EventEmitter } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/**
 * The well-known paths of an issuer without a path, in the order in which they are tried, and where the
 * issuer has its keys.
 */
export const paths = {
  oauth: '/.well-known/oauth-authorization-server',
  openid: '/.well-known/openid-configuration',
  jwks: '/jwks',
} as const;

/** What the issuer does with one request. */
export type Behaviour = (response: ServerResponse) => void;

interface LoggedRequest {
  readonly method: string | undefined;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** An issuer on loopback that does to every request what the test says. */
export interface MisbehavingIssuer {
  /** Without a trailing slash; also its identifier. */
  readonly url: string;
  /** Every request so far, also those that were never answered. */
  readonly requests: readonly LoggedRequest[];
  /** TCP connections so far. */
  readonly connections: number;
  /**
   * Does one thing after the other to the requests of a path, and the last one from then on. A path without
   * script answers 404.
   */
  script(path: string, ...behaviours: readonly [Behaviour, ...Behaviour[]]): void;
  /** Valid metadata at the first well-known path, and these keys, with `headers` on the answer. */
  publish(keys: readonly unknown[], headers?: Readonly<Record<string, string>>): void;
  /** Asked before the script of the path: what it returns is done in place of that. */
  interrupt(behaviour: () => Behaviour | undefined): void;
  /** How many requests a path has had. */
  count(path: string): number;
  /** Resolves when a path has had so many requests. */
  reached(path: string, times: number): Promise<void>;
  /** Stops listening and breaks every connection: from now on connections are refused. */
  stop(): Promise<void>;
}

/** Starts an issuer; it stops with the test. */
export async function startMisbehavingIssuer(): Promise<MisbehavingIssuer> {
  const scripts = new Map<string, Behaviour[]>();
  const requests: LoggedRequest[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  let connections = 0;
  let interruption: () => Behaviour | undefined = () => undefined;

  const server = createServer(({ method, url: path = '', headers }, response) => {
    requests.push({ method, path, headers });
    arrivals.emit('request');
    const interrupted = interruption();
    if (interrupted !== undefined) return interrupted(response);
    const script = scripts.get(path) ?? [];
    const behaviour = script.length > 1 ? script.shift() : script[0];
    (behaviour ?? status(404))(response);
  });
  server.on('connection', () => {
    connections += 1;
  });
  const url = await listen(server);
  const stop = () => close(server);
  onTestFinished(stop);

  const count = (path: string) => requests.filter((request) => request.path === path).length;
  const script: MisbehavingIssuer['script'] = (path, ...behaviours) => {
    scripts.set(path, [...behaviours]);
  };
  return {
    url,
    requests,
    get connections() {
      return connections;
    },
    script,
    publish(keys, headers) {
      script(paths.oauth, json({ issuer: url, jwks_uri: `${url}${paths.jwks}` }));
      script(paths.jwks, json({ keys }, headers));
    },
    interrupt(behaviour) {
      interruption = behaviour;
    },
    count,
    async reached(path, times) {
      while (count(path) < times) await once(arrivals, 'request');
    },
    stop,
  };
}

/** 200 with a JSON document. */
export function json(value: unknown, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return body(JSON.stringify(value), headers);
}

/** 200 with any body. */
export function body(
  content: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  return (response) =>
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(content);
}

/** 200 with a compressed body. */
export function gzipped(content: string | Uint8Array): Behaviour {
  return body(gzipSync(content), { 'Content-Encoding': 'gzip' });
}

/** A bare status; the body is JSON that would do if the status were 200. */
export function status(code: number, value: unknown = {}): Behaviour {
  return (response) =>
    response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

/** Sends the client elsewhere. */
export function redirect(code: number, location: string): Behaviour {
  return (response) => response.writeHead(code, { Location: location }).end();
}

/** Takes the request and never answers. */
export const hang: Behaviour = () => undefined;

/** Status, header and the beginning of the body, and then nothing more. */
export function hangInBody(start: string, code = 200): Behaviour {
  return (response) => {
    response.writeHead(code, { 'Content-Type': 'application/json' }).write(start);
  };
}

/** A body of spaces, one every few milliseconds, without end: each read succeeds soon. */
export const drip: Behaviour = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 5);
  response.on('close', () => clearInterval(timer));
};

/**
 * A chunked body without end, as fast as it is read. `onClosed` tells how much was sent when the client had
 * enough.
 */
export function endless(onClosed: (bytes: number) => void): Behaviour {
  return (response) => {
    const chunk = Buffer.alloc(16_384, ' ');
    let bytes = 0;
    const pump = () => {
      do bytes += chunk.byteLength;
      while (response.write(chunk));
    };
    response.on('drain', pump);
    response.on('close', () => onClosed(bytes));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    pump();
  };
}

/** Breaks the connection with a TCP reset, before anything was answered. */
export const reset: Behaviour = ({ req }) => {
  req.socket.resetAndDestroy();
};

/** Ends the connection in good order, but without an answer. */
export const hangUp: Behaviour = ({ req }) => {
  req.socket.end();
};

/** Announces more than it sends, and breaks the connection. */
export function truncated(start: string): Behaviour {
  return (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': start.length + 100 });
    response.write(start, () => response.destroy());
  };
}

/** Keeps requests waiting until they are let go. */
export function heldBack(then: Behaviour): { readonly behaviour: Behaviour; release(): void } {
  const { promise, resolve } = withResolver();
  return { behaviour: (response) => void promise.then(() => then(response)), release: resolve };
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function once(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve) => {
    emitter.once(event, () => resolve());
  });
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo; // a TCP server that listens has one
      resolve(`http://127.0.0.1:${port}`);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
