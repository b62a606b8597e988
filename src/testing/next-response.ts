import {
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import { startBackgroundTimer } from '../lib/background-timer.js';
import {
  anyObject,
  anyText,
  checkObject,
  flag,
  numberBetween,
  oneOf,
  optional,
  unchecked,
  wholeNumberBetween,
} from '../lib/check.js';
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
   * More header fields: `{ 'Retry-After': '1' }`. Without a status and a body, they're added to the
   * usual response.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * How long the response is held back, in milliseconds, 0 to 600000. Default 0. Without a status and a body,
   * it's the usual response that's held back.
   */
  readonly delayMs?: number;
  /** Breaks the connection instead of a response. Default false. */
  readonly resetConnection?: boolean;
}

/** {@link NextResponseOptions}, checked. */
export interface NextResponse {
  /** Undefined: the usual response. */
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
    const checks = { path: optional(oneOf(this.#paths)), ...CHECKS };
    const { status, body, headers, delayMs, resetConnection } = checkObject(options, 'nextResponse', checks);
    const isAnswer = status !== undefined || body !== undefined;
    if (resetConnection && (isAnswer || headers !== undefined))
      throw new TypeError('nextResponse takes resetConnection, or status, body and headers');
    if (!isAnswer && !resetConnection && headers === undefined && delayMs === undefined)
      throw new TypeError('nextResponse needs a status, body, headers, delayMs or resetConnection');
    const answer = isAnswer ? { status: status ?? 200, body: toText(body) } : undefined;
    return { answer: resetConnection ? 'reset' : answer, headers: { ...headers }, delayMs: delayMs ?? 0 };
  }
}

/** Fails in the call that asks for it, not in the request that gets it. */
function headerFields(given: unknown, path: string): Readonly<Record<string, string>> {
  const fields = Object.entries(anyObject(given, path)).map(([field, value]) => {
    const checked = anyText(value, `${path}.${field}`);
    validateHeaderName(field);
    validateHeaderValue(field, checked);
    return [field, checked] as const;
  });
  return Object.fromEntries(fields);
}

const CHECKS = {
  status: optional(wholeNumberBetween(200, 599)),
  body: unchecked,
  headers: optional(headerFields),
  delayMs: optional(numberBetween(0, MAX_DELAY_MS)),
  resetConnection: optional<boolean>(flag, false),
};

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

/** Sends JSON that caches don't keep, unless header fields that are already set say otherwise. */
export function send(response: ServerResponse, { status, body }: StatusAndBody): void {
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'application/json');
  if (!response.hasHeader('Cache-Control')) response.setHeader('Cache-Control', 'no-store');
  response.writeHead(status).end(body);
}
