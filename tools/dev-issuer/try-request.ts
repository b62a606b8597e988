import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isLoopbackAddress, isLoopbackHost } from '../../src/testing/loopback-server.js';
import { errorCode } from '../json-file.js';

const TIME_LIMIT_MS = 10_000;
/** How much of a body is read and shown. */
const MAX_BODY_BYTES = 65_536;

export const tryMethods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

export interface TryRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends it early when aborted. */
  readonly signal: AbortSignal;
}

/** What the API answered, or why it didn't. */
export type TryOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly statusText: string;
      /** Every line of the header field, because each may have a challenge. */
      readonly challenges: readonly string[];
      readonly location: string | undefined;
      readonly contentType: string | undefined;
      readonly body: string;
      /** Whether the body was longer than `body`. */
      readonly isCut: boolean;
    }
  | { readonly kind: 'unreachable'; readonly reason: string };

/**
 * The URL of an API on this machine. Undefined for any other: this comes from a browser, and must not become
 * a way to other machines.
 */
export function parseLoopbackUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  const isPlain = url.username === '' && url.password === '';
  return isWeb && isPlain && isLoopbackHost(url.hostname.replace(/^\[(.*)\]$/, '$1')) ? url : undefined;
}

/**
 * Sends one request to an API on this machine. Redirects are shown and not followed; time and size are
 * bounded.
 *
 * @throws {TypeError} a header field that HTTP can't carry
 */
export function sendTry({ url, method, headers, signal }: TryRequest): Promise<TryOutcome> {
  const timeOut = AbortSignal.timeout(TIME_LIMIT_MS);
  const emptyBody = method === 'GET' || method === 'HEAD' ? {} : { 'Content-Length': '0' };
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...emptyBody, Connection: 'close' },
    agent: false,
    lookup: lookupLoopback,
    signal: AbortSignal.any([timeOut, signal]),
  };
  return new Promise((resolve) => {
    const fail = (error: unknown): void => {
      const late = timeOut.aborted ? `no answer within ${TIME_LIMIT_MS / 1000} seconds` : undefined;
      const gone = signal.aborted ? 'nobody waits for it any more' : undefined;
      resolve({ kind: 'unreachable', reason: gone ?? late ?? errorCode(error) ?? 'the connection failed' });
    };
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = send(url, options, (response) => {
      readAnswer(response).then(resolve, fail);
    });
    outgoing.on('error', fail);
    outgoing.end();
  });
}

async function readAnswer(response: IncomingMessage): Promise<TryOutcome> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) break; // leaving the loop ends the connection
  }
  return {
    kind: 'answered',
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? '',
    challenges: response.headersDistinct['www-authenticate'] ?? [],
    location: response.headers.location,
    contentType: response.headers['content-type'],
    body: Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString(),
    isCut: size > MAX_BODY_BYTES,
  };
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** The hosts file says what `localhost` is: only its loopback addresses count. */
function lookupLoopback(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first, ...others] = (addresses ?? []).filter(({ address }) => isLoopbackAddress(address));
    if (error !== null) callback(error, '');
    else if (first === undefined) callback(new Error('no loopback address'), '');
    else if (options.all === true) callback(null, [first, ...others]);
    else callback(null, first.address, first.family);
  });
}
