import type { Answer, AnswerHeaders, Denied } from '../decision.js';
import type { ResourceServerError } from '../errors.js';

/**
 * An answer as a `Response` of the Fetch standard. For refusals, use {@link Denied.toResponse}; this is for
 * other answers, such as metadata.
 */
export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body ?? null, { status, headers: toHeaders(headers) });
}

/** Header fields in the form of the Fetch standard. A field with several lines is appended line by line. */
export function toHeaders(fields: AnswerHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields))
    for (const line of [value].flat()) headers.append(name, line);
  return headers;
}

/** The resource server's result for a refused request. */
export class Refused implements Denied {
  readonly kind: 'denied' = 'denied';
  readonly error: ResourceServerError;
  readonly answer: Answer;

  constructor(error: ResourceServerError, answer: Answer) {
    this.error = error;
    this.answer = answer;
  }

  toResponse(): Response {
    return toResponse(this.answer);
  }
}
