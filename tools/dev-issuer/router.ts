import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type Answer, type Handler, jsonAnswer, Refusal, refusal } from './http.js';

/** What a path does, by method. */
export interface Route {
  readonly GET?: Handler;
  readonly POST?: Handler;
}

/** No answer is a document for other sites to frame, embed or guess the type of. */
const COMMON_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

export interface RouterOptions {
  readonly routes: ReadonlyMap<string, Route>;
  /** The issuer's URL: what a request must be addressed to. */
  readonly url: string;
  /** Told of a fault of this program, which the client sees as a bare 500. */
  readonly onFault: (error: unknown) => void;
}

/** Answers requests by path and method. Nothing that a client sends makes it throw. */
export function createRouter({ routes, url, onFault }: RouterOptions): RequestListener {
  const hosts = hostsOf(url);
  const answerTo = async (request: IncomingMessage): Promise<Answer> => {
    checkHost(request, hosts);
    return handlerOf(request, routes)(request);
  };
  return (request, response) => {
    answerTo(request)
      .catch((error: unknown) => {
        if (error instanceof Refusal) return error.answer;
        // A connection that broke while the body was read is nobody's fault, and nobody reads the answer.
        if (!request.destroyed || request.complete) onFault(error);
        return jsonAnswer(500, { error: 'server_error' });
      })
      .then((answer) => send(response, answer));
  };
}

/**
 * A name of somebody else's that stands for this machine (DNS rebinding) would make his pages same-origin with ours.
 * Those of the loopback interface are nobody else's.
 */
function hostsOf(url: string): ReadonlySet<string> {
  const { host, port } = new URL(url);
  const names = ['localhost', '127.0.0.1', '[::1]'].map((name) => (port === '' ? name : `${name}:${port}`));
  return new Set([host, ...names]);
}

function checkHost(request: IncomingMessage, hosts: ReadonlySet<string>): void {
  const [host = '', ...others] = request.headersDistinct.host ?? [];
  if (others.length === 0 && hosts.has(host.toLowerCase())) return;
  throw refusal(421, 'invalid_request', 'the Host header names another server');
}

function handlerOf(request: IncomingMessage, routes: ReadonlyMap<string, Route>): Handler {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const route = routes.get(path);
  if (route === undefined) throw refusal(404, 'not_found', 'there is nothing at this path');
  const { GET, POST } = route;
  const handler = request.method === 'POST' ? POST : isReading(request.method) ? GET : undefined;
  if (handler !== undefined) return handler;
  const allowed = [
    ...(GET === undefined ? [] : ['GET', 'HEAD']),
    ...(POST === undefined ? [] : ['POST']),
  ].join(', ');
  throw refusal(405, 'invalid_request', `this path takes ${allowed}`, { Allow: allowed });
}

function isReading(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, {
    ...COMMON_HEADERS,
    ...headers,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
