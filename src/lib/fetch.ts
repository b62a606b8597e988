import { isJsonObject } from '../token/compact-jws.js';

/** The largest body that is read, in bytes after decompression. */
const MAX_BODY_BYTES = 1_048_576;
/** Key sets have a media type of their own, and a server may refuse who does not accept it (RFC 7517 §8.5). */
const ACCEPT = 'application/json, application/jwk-set+json';
/** Who asks. */
export const USER_AGENT = 'oauth-resource-server';
/** A kept-alive connection that the server closed meanwhile fails like this, before anything was answered. */
const BROKEN_CONNECTION: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

export interface FetchJsonOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
}

export interface JsonDocument {
  readonly json: Record<string, unknown>;
  /** Seconds of `Cache-Control: max-age`, undefined where the answer has none. */
  readonly maxAgeSeconds: number | undefined;
}

/** The request was not answered with 200. */
export class DocumentUnavailable extends Error {
  /** Whether the server was there at all: then another path of it may still work. */
  readonly reached: boolean;

  constructor(message: string, reached: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reached = reached;
  }
}

/** The answer was 200, but not a JSON object of acceptable size and content. */
export class DocumentInvalid extends Error {}

/**
 * Fetches a JSON object. Follows no redirect and sends nothing but the request itself: whoever answers elsewhere is not the configured party.
 *
 * @throws {DocumentUnavailable} network error, time-out, a status other than 200
 * @throws {DocumentInvalid} larger than 1 MiB, not JSON, not an object
 */
export async function fetchJson(url: string, options: FetchJsonOptions): Promise<JsonDocument> {
  const { fetch, signal } = options;
  const headers = { accept: ACCEPT, 'user-agent': USER_AGENT };
  const response = await request(
    () => fetch(url, { headers, redirect: 'manual', credentials: 'omit', signal }),
    signal,
  );
  // A fetch that the application brings may have followed redirects all the same.
  if (response.status !== 200 || response.redirected) {
    await discard(response);
    throw new DocumentUnavailable(response.redirected ? 'redirected' : `status ${response.status}`, true);
  }
  const json = parseObject(await readText(response, signal));
  return { json, maxAgeSeconds: maxAgeOf(response.headers.get('cache-control')) };
}

/**
 * Sends a request, and once more where the connection broke before anything was answered.
 *
 * @param send sends it; called twice at most
 * @throws {DocumentUnavailable} network error, time-out
 */
export async function request(send: () => Promise<Response>, signal: AbortSignal): Promise<Response> {
  try {
    return await send().catch((error: unknown) => {
      if (BROKEN_CONNECTION.has(codeOf(error)) && !signal.aborted) return send();
      throw error;
    });
  } catch (error) {
    const code = codeOf(error);
    const reached = BROKEN_CONNECTION.has(code);
    throw new DocumentUnavailable(signal.aborted ? 'time-out' : (code ?? 'network error'), reached, error);
  }
}

/**
 * The JSON object that a text is.
 *
 * @throws {DocumentInvalid} not JSON, not an object
 */
export function parseObject(text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new DocumentInvalid('not JSON'); // without the cause: a parse error quotes the body
  }
  if (!isJsonObject(json)) throw new DocumentInvalid('not a JSON object');
  return json;
}

/**
 * Reads a body, as UTF-8.
 *
 * @throws {DocumentUnavailable} it broke off, or took too long
 * @throws {DocumentInvalid} larger than 1 MiB
 */
export async function readText(response: Response, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > MAX_BODY_BYTES) break; // leaving the loop cancels the body
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    throw new DocumentUnavailable(signal.aborted ? 'time-out' : 'the body broke off', !signal.aborted, error);
  }
  if (bytes > MAX_BODY_BYTES) throw new DocumentInvalid('larger than 1 MiB');
  return text + decoder.decode();
}

/** Lets go of a body that nobody reads, so that its connection becomes free. */
export async function discard(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // The connection is gone already: nothing is left to release.
  }
}

function codeOf(error: unknown): string | undefined {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : undefined;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

function maxAgeOf(cacheControl: string | null): number | undefined {
  const match = /(?:^|[,\s])max-age=(\d{1,10})(?:$|[,\s])/i.exec(cacheControl ?? '');
  return match === null ? undefined : Number(match[1]);
}
