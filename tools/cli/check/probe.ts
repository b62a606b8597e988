import { TimeLimitExceeded, withTimeLimit } from '../../../src/lib/deadline.js';
import { DocumentInvalid, DocumentUnavailable, fetchJson } from '../../../src/lib/fetch.js';

/** How documents are fetched: with the verifier's own functions and limits. */
export interface ProbeOptions {
  readonly fetch: typeof globalThis.fetch;
  /** The time limit of one document. */
  readonly timeoutSeconds: number;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/** What an answer says about itself. */
interface ProbedAnswer {
  readonly status: number;
  /** Field values, `null` where there is none. */
  readonly contentType: string | null;
  readonly cacheControl: string | null;
  readonly location: string | null;
  readonly date: string | null;
  /** How long a cache has had the answer, in seconds; then `Date` is that long ago (RFC 9111 §5.1). */
  readonly ageSeconds: number;
  /** Milliseconds since the epoch, by our clock. */
  readonly receivedAt: number;
}

/** One attempt to get a document. */
export interface Probe {
  readonly url: string;
  /** From the request to the end of the answer. */
  readonly milliseconds: number;
  /** Undefined where none came. */
  readonly answer: ProbedAnswer | undefined;
  readonly json: Readonly<Record<string, unknown>> | undefined;
  /** Of `Cache-Control`. */
  readonly maxAgeSeconds: number | undefined;
  /** Why there is no `json`. */
  readonly failure: DocumentUnavailable | DocumentInvalid | undefined;
}

/** Fetches a document as the verifier does, and notes what came. Rejects only when it is interrupted, or for a bug. */
export async function probe(url: string, options: ProbeOptions): Promise<Probe> {
  const startedAt = performance.now();
  const seen: { answer?: ProbedAnswer } = {};
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await options.fetch(input, init);
    seen.answer = describeAnswer(response, options.clock());
    return response;
  };
  const ended = (outcome: Pick<Probe, 'json' | 'maxAgeSeconds' | 'failure'>): Probe => ({
    url,
    milliseconds: Math.round(performance.now() - startedAt),
    answer: seen.answer,
    ...outcome,
  });
  try {
    const { json, maxAgeSeconds } = await withTimeLimit(
      options.timeoutSeconds,
      (signal) => fetchJson(url, { fetch, signal }),
      options.signal,
    );
    return ended({ json, maxAgeSeconds, failure: undefined });
  } catch (error) {
    options.signal.throwIfAborted();
    return ended({ json: undefined, maxAgeSeconds: undefined, failure: failureOf(error) });
  }
}

function failureOf(error: unknown): DocumentUnavailable | DocumentInvalid {
  if (error instanceof DocumentUnavailable || error instanceof DocumentInvalid) return error;
  if (error instanceof TimeLimitExceeded) return new DocumentUnavailable(error.message, false);
  throw error;
}

function describeAnswer({ status, headers }: Response, receivedAt: number): ProbedAnswer {
  const age = headers.get('age') ?? '';
  return {
    status,
    contentType: headers.get('content-type'),
    cacheControl: headers.get('cache-control'),
    location: headers.get('location'),
    date: headers.get('date'),
    ageSeconds: /^\d{1,10}$/.test(age) ? Number(age) : 0,
    receivedAt,
  };
}
