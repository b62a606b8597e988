import type { IncomingMessage, RequestListener } from 'node:http';
import type { AnswerHeaders } from '../../decision.js';

/** What goes back to a client. */
export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: string | Uint8Array;
}

/**
 * Adds to what the log says of a request: who asks, for what, and what came of it. Takes what this program
 * knows itself, such as the id of a configured client, and never a secret, a token, or text of the request.
 */
export type Note = (text: string) => void;

/**
 * Answers one request to one path. May throw a {@link Refusal}.
 *
 * @param signal aborted once the connection is closed, by the client or because the server is closed
 */
export type Handler = (request: IncomingMessage, note: Note, signal: AbortSignal) => Answer | Promise<Answer>;

/** A request and what became of it, for a log. There's no secret and no token in it. */
export interface ServedRequest {
  readonly method: string;
  /** Without the query. A long part of it, which could be a token, is cut off. */
  readonly path: string;
  readonly status: number;
  /** `['order-service', 'client_credentials', 'scope read:inventory']`, and at the end why it was refused. */
  readonly notes: readonly string[];
}

/** What a path does, by method. */
export interface Route {
  readonly GET?: Handler;
  readonly POST?: Handler;
}

export type Routes = readonly (readonly [path: string, route: Route])[];

/** The request isn't served. Thrown where that's found out, and answered in one place. */
export class Refusal extends Error {
  readonly answer: Answer;

  /** @param message for the log: `invalid_client: unknown client or wrong secret` */
  constructor(message: string, answer: Answer) {
    super(message);
    this.answer = answer;
  }
}

/** A JSON document that caches don't keep (RFC 6749 §5.1), unless the headers say otherwise. */
export function jsonAnswer(status: number, body: object, headers: AnswerHeaders = {}): Answer {
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      Pragma: 'no-cache',
      ...headers,
    },
    body: JSON.stringify(body),
  };
}

/**
 * An error as OAuth writes it (RFC 6749 §5.2).
 *
 * @param description in the characters of RFC 6749 §5.2: printable ASCII without quotes and backslashes
 */
export function refusal(
  status: number,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): Refusal {
  const body = { error, error_description: description };
  return new Refusal(`${error}: ${description}`, jsonAnswer(status, body, headers));
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
  /** Gets the faults of this program, which clients see as a bare 500. */
  readonly onFault: (error: unknown) => void;
  /** Is told each request once it's answered. */
  readonly onRequest: (request: ServedRequest) => void;
}

/** Answers requests by path and method. Nothing that a client sends makes it throw. */
export function createRouter({ routes, url, onFault, onRequest }: RouterOptions): RequestListener {
  const isOurHost = hostCheck(url);
  const answer = async (...[request, note, signal]: Parameters<Handler>): Promise<Answer> => {
    if (!isOurHost(request)) throw refusal(421, 'invalid_request', 'the Host header names another server');
    return findHandler(request, routes)(request, note, signal);
  };
  return (request, response) => {
    const notes: string[] = [];
    const connection = new AbortController();
    response.on('close', () => connection.abort());
    answer(request, (text) => notes.push(text), connection.signal)
      .catch((error: unknown) => {
        if (error instanceof Refusal) {
          notes.push(error.message);
          return error.answer;
        }
        // A connection that broke while the body was read isn't a fault, and its answer isn't read.
        if (!request.destroyed || request.complete) onFault(error);
        return jsonAnswer(500, { error: 'server_error' });
      })
      .then(({ status, headers, body }) => {
        const length = { 'Content-Length': Buffer.byteLength(body) };
        response.writeHead(status, { ...COMMON_HEADERS, ...headers, ...length });
        response.end(body);
        const { method = '', url: target = '' } = request;
        onRequest({ method, path: loggedPath(target.split('?', 1)[0] ?? ''), status, notes });
      });
  };
}

/** `/t/eyJhbGciOi…/x` → `/t/…/x`: what is longer than 32 characters, or odd, could be a token or a secret. */
export function loggedPath(path: string): string {
  return path
    .split('/')
    .map((part) => (/^[\w.-]{0,32}$/.test(part) ? part : '…'))
    .join('/');
}

/**
 * Whether a request is addressed to this server. A foreign name that stands for this machine (DNS rebinding)
 * would make its owner's pages same-origin with ours. The names of the loopback interface can't be foreign.
 */
function hostCheck(url: string): (request: IncomingMessage) => boolean {
  const { host: ours, port } = new URL(url);
  const names = ['localhost', '127.0.0.1', '[::1]'].map((name) => (port === '' ? name : `${name}:${port}`));
  const hosts = new Set([ours, ...names]);
  return ({ headersDistinct }) => {
    const [host = '', ...others] = headersDistinct.host ?? [];
    return others.length === 0 && hosts.has(host.toLowerCase());
  };
}

function findHandler({ url = '', method }: IncomingMessage, routes: ReadonlyMap<string, Route>): Handler {
  const [path = ''] = url.split('?', 1);
  const route = routes.get(path);
  if (route === undefined) throw refusal(404, 'not_found', 'there is nothing at this path');
  const { GET, POST } = route;
  const handler = method === 'POST' ? POST : method === 'GET' || method === 'HEAD' ? GET : undefined;
  if (handler !== undefined) return handler;
  const allowed = [
    ...(GET === undefined ? [] : ['GET', 'HEAD']),
    ...(POST === undefined ? [] : ['POST']),
  ].join(', ');
  throw refusal(405, 'invalid_request', `this path takes ${allowed}`, { Allow: allowed });
}
