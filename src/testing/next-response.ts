import {
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import { startBackgroundTimer } from '../lib/background-timer.js';
import { checkNames } from '../lib/check.js';
import { check, checkIsObject } from './check-options.js';
import { breakConnection } from './loopback-server.js';

/** What a listening issuer does with the next request, once. */
export interface NextResponseOptions<Path extends string> {
  /** Where: the path of a request. Default `/token`. */
  readonly path?: Path;
  /** The status, 200 to 599. Default 200, if there's a `body`. */
  readonly status?: number;
  /** Sent as JSON; a string is sent as it is, JSON or not. Default no body, if there's a `status`. */
  readonly body?: unknown;
  /**
   * More header fields: `{ 'Retry-After': '1' }`. Without a status and a body, they're added to what would
   * have been answered anyway.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * How long the response is held back, in milliseconds, 0 to 600000. Default 0. Without a status and a body,
   * what would have been answered anyway is.
   */
  readonly delayMs?: number;
  /** Breaks the connection in place of a response. Default false. */
  readonly resetConnection?: boolean;
}

/** {@link NextResponseOptions}, checked. */
export interface NextResponse {
  /** Undefined: what would have been answered anyway. */
  readonly answer: StatusAndBody | 'reset' | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly delayMs: number;
}

interface StatusAndBody {
  readonly status: number;
  readonly body: string;
}

const MAX_DELAY_MS = 600_000;

/** The responses that a test has asked for, first come first served, by path. */
export class NextResponses<Path extends string> {
  readonly #paths: readonly Path[];
  readonly #queues = new Map<Path, NextResponse[]>();

  constructor(paths: readonly Path[]) {
    this.#paths = paths;
  }

  /**
   * @param defaultPath where, if the options don't say
   * @throws {TypeError} an unknown option, or one of the wrong type
   */
  add(options: NextResponseOptions<Path>, defaultPath: Path): void {
    const next = this.#check(options);
    const { path = defaultPath } = options;
    this.#queues.set(path, [...(this.#queues.get(path) ?? []), next]);
  }

  take(path: Path): NextResponse | undefined {
    return this.#queues.get(path)?.shift();
  }

  #check(options: NextResponseOptions<Path>): NextResponse {
    const named = (name: string): string => `the option ${name} of nextResponse`;
    checkNames(options, ['path', 'status', 'body', 'headers', 'delayMs', 'resetConnection'], 'nextResponse');
    const { path, status, body, headers, delayMs = 0, resetConnection = false } = options;
    const isPath = path === undefined || this.#paths.includes(path);
    check(isPath, named('path'), `one of ${this.#paths.join(', ')}`, path);
    const isStatus = Number.isInteger(status ?? 200) && (status ?? 200) >= 200 && (status ?? 200) <= 599;
    check(isStatus, named('status'), 'a status from 200 to 599', status);
    check(typeof resetConnection === 'boolean', named('resetConnection'), 'true or false', resetConnection);
    const isDelay = typeof delayMs === 'number' && delayMs >= 0 && delayMs <= MAX_DELAY_MS;
    check(isDelay, named('delayMs'), `a number from 0 to ${MAX_DELAY_MS}`, delayMs);
    if (headers !== undefined) checkHeaders(headers, named('headers'));
    const isAnswer = status !== undefined || body !== undefined;
    if (resetConnection && (isAnswer || headers !== undefined))
      throw new TypeError('nextResponse takes resetConnection, or status, body and headers');
    if (!isAnswer && !resetConnection && headers === undefined && options.delayMs === undefined)
      throw new TypeError('nextResponse needs a status, body, headers, delayMs or resetConnection');
    const answer = isAnswer ? { status: status ?? 200, body: toText(body) } : undefined;
    return { answer: resetConnection ? 'reset' : answer, headers: { ...headers }, delayMs };
  }
}

/** Fails where it's asked for, and not in the request that gets it. */
function checkHeaders(headers: unknown, name: string): void {
  checkIsObject(headers, name);
  for (const [field, value] of Object.entries(headers)) {
    check(typeof value === 'string', `${name}, ${field},`, 'a string', value);
    validateHeaderName(field);
    validateHeaderValue(field, value);
  }
}

function toText(body: unknown): string {
  return typeof body === 'string' ? body : (JSON.stringify(body) ?? '');
}

/** @param serve answers the request as usual */
export function misbehave(
  { answer, headers, delayMs }: NextResponse,
  request: IncomingMessage,
  response: ServerResponse,
  serve: RequestListener,
): void {
  const act = (): void => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (answer === undefined) serve(request, response);
    else if (answer === 'reset') breakConnection(request.socket);
    else send(response, answer);
  };
  if (delayMs === 0) act();
  else startBackgroundTimer(act, delayMs);
}

/** Sends JSON that nobody keeps, unless header fields are set that say otherwise. */
export function send(response: ServerResponse, { status, body }: StatusAndBody): void {
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'application/json');
  if (!response.hasHeader('Cache-Control')) response.setHeader('Cache-Control', 'no-store');
  response.writeHead(status).end(body);
}
