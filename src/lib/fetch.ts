import { isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { readErrorCode, SafeError } from './errors.js';
import { isJsonObject } from './json.js';
import { typeName } from './public-text.js';

type Fetch = typeof globalThis.fetch;

/** The `User-Agent` of every request that this package makes. */
export const USER_AGENT = 'oauth-resource-server';
/** The largest body that is read, in KiB after decompression. */
const MAX_BODY_KIB = 1024;
/**
 * Key sets have their own media type, and a server may refuse a client that doesn't accept it
 * (RFC 7517 §8.5).
 */
const ACCEPT = 'application/json, application/jwk-set+json';
/** How a kept-alive connection fails if the server closed it before answering; the last two over HTTP/2. */
const BROKEN_CONNECTION = /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_INFO|ERR_HTTP2_\w+)$/;

/**
 * How far a request got. `unreachable`: no connection; `timeout`: no answer in time; `broken`: the connection
 * broke before or during the answer; `status`: an answer that says no; `invalid`: an answer that can't be
 * used.
 */
export type FetchFailureKind = 'unreachable' | 'timeout' | 'broken' | 'status' | 'invalid';

/** Why a request returned nothing usable. */
export class FetchFailure extends SafeError {
  readonly kind: FetchFailureKind;
  /** HTTP status of the answer, if that's what was wrong. */
  readonly status: number | undefined;
  /** Advice on the configuration, if there is any. */
  readonly hint: string | undefined;

  constructor(
    kind: FetchFailureKind,
    message: string,
    facts: ErrorOptions & Partial<Pick<FetchFailure, 'status' | 'hint'>> = {},
  ) {
    super(message, facts);
    this.kind = kind;
    this.status = facts.status;
    this.hint = facts.hint;
  }

  /** Whether the server answered at all: another path of it may still work then. */
  get isReached(): boolean {
    return this.kind !== 'unreachable' && this.kind !== 'timeout';
  }

  /** Whether another attempt may succeed. */
  get isTransient(): boolean {
    const { kind, status = 0 } = this;
    if (kind === 'status') return status === 408 || status === 429 || status >= 500;
    return kind !== 'invalid';
  }
}

export interface JsonDocument {
  readonly json: Record<string, unknown>;
  /**
   * Seconds of `Cache-Control: max-age` that are left after its time in caches, from 0; undefined if the
   * answer has none.
   */
  readonly maxAgeSeconds: number | undefined;
}

/**
 * Fetches a JSON object. Follows no redirects and sends nothing but the request itself: another address isn't
 * the configured party.
 *
 * @throws {FetchFailure} anything but a JSON object of at most 1 MiB with status 200
 */
export async function fetchJson(url: string, fetch: Fetch, signal: AbortSignal): Promise<JsonDocument> {
  const headers = { accept: ACCEPT, 'user-agent': USER_AGENT };
  const get = () => fetch(url, { headers, redirect: 'manual', credentials: 'omit', signal });
  const response = await sendRequest(get, signal, { repeat: true, secret: false });
  const { status, redirected } = response;
  if (status !== 200 || redirected) {
    discard(response);
    // The application's own `fetch` may have followed redirects anyway.
    throw new FetchFailure('status', redirected ? 'redirected' : `status ${status}`, { status });
  }
  const json = parseObject(await readText(response, signal));
  return { json, maxAgeSeconds: readMaxAge(response.headers) };
}

/** How {@link sendRequest} handles failures. */
export interface SendOptions {
  /** Sends once more if the connection broke before an answer came. */
  readonly repeat: boolean;
  /**
   * Leaves the error of `fetch` out of the failure: the application's own `fetch` may put the request into
   * it, secrets included.
   */
  readonly secret: boolean;
}

/**
 * Sends a request and says what went wrong.
 *
 * @param send called at most twice; each call makes a new request
 * @throws {FetchFailure} `unreachable`, `timeout`, `broken`; `invalid`: that's no response
 */
export async function sendRequest(
  send: () => Promise<Response>,
  signal: AbortSignal,
  { repeat, secret }: SendOptions,
): Promise<Response> {
  const sendNow = async (): Promise<Response> => checkResponse(await send());
  try {
    return await sendNow().catch((error: unknown) => {
      if (repeat && BROKEN_CONNECTION.test(readCode(error) ?? '') && !signal.aborted) return sendNow();
      throw error;
    });
  } catch (error) {
    if (error instanceof SafeError) throw error;
    const code = readCode(error) ?? 'network error';
    const options = secret ? {} : { cause: error };
    if (signal.aborted) throw new FetchFailure('timeout', 'time-out', options);
    throw new FetchFailure(BROKEN_CONNECTION.test(code) ? 'broken' : 'unreachable', code, options);
  }
}

/** The application's own `fetch` may return anything, including a response from another copy of undici. */
function checkResponse(given: Response): Response {
  const { status, headers } = Object(given) as Partial<Response>; // looked at in the next line
  if (typeof status === 'number' && typeof headers?.get === 'function') return given;
  throw new FetchFailure('invalid', `fetch returned ${typeName(given)}, not a Response`);
}

/**
 * The JSON object in a text.
 *
 * @throws {FetchFailure} `invalid`: not JSON, not an object
 */
export function parseObject(text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FetchFailure('invalid', 'not JSON'); // without the cause: a parse error quotes the body
  }
  if (!isJsonObject(json)) throw new FetchFailure('invalid', 'not a JSON object');
  return json;
}

/** How {@link readText} reads. */
export interface ReadOptions {
  /** How much to read at most, in KiB after decompression. Default 1024. */
  readonly maxKib?: number;
  /** Refuses bytes that aren't UTF-8 instead of replacing them. Default false. */
  readonly strict?: boolean;
}

/**
 * A request, or an answer, which may come from another `fetch` than the platform's: then the body may be a
 * stream of Node, or missing.
 */
interface WithBody {
  readonly body?: unknown;
  readonly bodyUsed?: boolean;
  /** Without it, a body that can't be iterated isn't read: nothing would limit its length. */
  text?(): Promise<string>;
}

/**
 * Reads a body as UTF-8.
 *
 * @throws {FetchFailure} `broken`: it broke off; `timeout`; `invalid`: it's too large, not UTF-8, or no body
 */
export async function readText(
  given: WithBody,
  signal: AbortSignal,
  { maxKib = MAX_BODY_KIB, strict = false }: ReadOptions = {},
): Promise<string> {
  const maxBytes = maxKib * 1024;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of readParts(given)) {
      const chunk = typeof part === 'string' ? Buffer.from(part) : part;
      if (!types.isUint8Array(chunk)) throw new FetchFailure('invalid', 'neither bytes nor text');
      bytes += chunk.byteLength;
      if (bytes > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof FetchFailure) throw cause;
    if (signal.aborted) throw new FetchFailure('timeout', 'time-out', { cause });
    throw new FetchFailure('broken', 'the body broke off', { cause });
  }
  if (bytes > maxBytes) {
    discard(given);
    const limit = maxKib < 1024 ? `${maxKib} KiB` : `${maxKib / 1024} MiB`;
    throw new FetchFailure('invalid', `larger than ${limit}`);
  }
  const content = Buffer.concat(chunks);
  if (strict && !isUtf8(content)) throw new FetchFailure('invalid', 'not UTF-8');
  return new TextDecoder().decode(content);
}

async function* readParts(given: WithBody): AsyncGenerator<unknown> {
  const { body, bodyUsed } = given;
  if (bodyUsed === true) throw new FetchFailure('invalid', 'the body has been read already');
  if (isAsyncIterable(body)) yield* body.values?.({ preventCancel: true }) ?? body;
  else if (typeof given.text === 'function') yield await given.text();
  else if (body !== null)
    throw new FetchFailure('invalid', 'fetch returned neither a body to iterate over nor text()');
}

/** `values` is for streams of the Streams standard. */
function isAsyncIterable(
  body: unknown,
): body is AsyncIterable<unknown> & Partial<Pick<ReadableStream, 'values'>> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/**
 * Drops a body that isn't needed, so that its connection becomes free. Doesn't wait for that: if there's an
 * unread copy of the body, as loggers make them, it never happens (Streams standard, "ReadableStreamTee").
 */
export function discard({ body }: WithBody): void {
  // `as`: streams of the Streams standard have the one, streams of Node the other, and other bodies neither.
  const stream = body as { cancel?(): unknown; destroy?(): unknown } | null | undefined;
  const release = async () => (stream?.cancel ? stream.cancel() : stream?.destroy?.());
  release().catch(() => undefined); // the connection is already gone: there's nothing left to release
}

function readCode(error: unknown): string | undefined {
  return readErrorCode(error instanceof Error ? (error.cause ?? error) : undefined);
}

/** RFC 9111 §4.2: time that the answer spent in caches counts. A malformed `Age` doesn't (§5.1). */
function readMaxAge(headers: Headers): number | undefined {
  const maxAge = /(?:^|[,\s])max-age=(\d{1,10})(?:$|[,\s])/i.exec(headers.get('cache-control') ?? '')?.[1];
  if (maxAge === undefined) return undefined;
  const age = /^\s*(\d+)\s*(?:$|,)/.exec(headers.get('age') ?? '')?.[1] ?? 0;
  return Math.max(Number(maxAge) - Number(age), 0);
}
