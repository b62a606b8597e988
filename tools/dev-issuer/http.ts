import type { IncomingMessage } from 'node:http';

/** Larger bodies are refused. A token of the largest kind with an assertion beside it needs a fifth of that. */
const MAX_BODY_BYTES = 65_536;

/** What goes back to a client. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Answers one request to one path. May throw a {@link Refusal}. */
export type Handler = (request: IncomingMessage) => Answer | Promise<Answer>;

/** The request is not served. Thrown where that is found out and answered in one place. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`answered with ${answer.status}`);
    this.answer = answer;
  }
}

/** A JSON document that is not kept by caches (RFC 6749 §5.1), unless the headers say otherwise. */
export function jsonAnswer(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Answer {
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
  return new Refusal(jsonAnswer(status, { error, error_description: description }, headers));
}

/** @throws {Refusal} 415: the body is of another type, or is compressed */
export function checkMediaType(request: IncomingMessage, expected: string): void {
  const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const isPlain = (request.headers['content-encoding'] ?? 'identity') === 'identity';
  if (mediaType === expected && isPlain) return;
  throw refusal(415, 'invalid_request', `the body must be ${expected}`, { Accept: expected });
}

/**
 * The body as text.
 *
 * @throws {Refusal} 413: larger than 64 KiB; 400: not UTF-8
 */
export async function readText(request: IncomingMessage): Promise<string> {
  const body = await readBody(request);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw refusal(400, 'invalid_request', 'the body is not UTF-8'); // the decoder says no more than that
  }
}

/** What is beyond the limit is read and dropped: a client that still sends would not see the answer. */
function readBody(request: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    request.on('data', (chunk: Uint8Array) => {
      size += chunk.byteLength;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('end', () => {
      if (size <= MAX_BODY_BYTES) resolve(Buffer.concat(chunks));
      else reject(refusal(413, 'invalid_request', 'the body is larger than 64 KiB'));
    });
    request.on('error', reject);
  });
}
