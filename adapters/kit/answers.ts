import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, AnswerHeaders, ResourceMetadata } from '../../src/index.js';
import { connectRequestView } from './connect-request.js';
import type { Refusal } from './gate.js';
import { proceed } from './settle.js';

/** What Express calls to go on, or to hand over an error. */
export type Next = (error?: unknown) => void;

/** Where an answer is written to: the response of Nest, Fastify's reply, or Node's ({@link replyOf}). */
export interface Reply {
  status(code: number): unknown;
  /** A list is one field line per element. */
  header(name: string, value: string | readonly string[]): unknown;
  send(body?: string | Buffer): unknown;
}

/** Node's response, as a {@link Reply}. */
export function replyOf(response: ServerResponse): Reply {
  return {
    status: (code) => {
      response.statusCode = code;
    },
    header: (name, value) => response.setHeader(name, value),
    send: (body) => response.end(body),
  };
}

/** Nothing if there are none. */
export function setHeaders(reply: Reply, headers: AnswerHeaders | undefined): void {
  if (headers === undefined) return;
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
}

/** Sends an answer as it is: frameworks would give a text a charset, which JSON doesn't have. */
export function sendAnswer({ status, headers, body }: Answer, reply: Reply): void {
  reply.status(status);
  setHeaders(reply, headers);
  reply.send(body === undefined ? undefined : Buffer.from(body));
}

/**
 * The header fields of an answer whose content the application writes itself (`errors: 'next'`): all but
 * those about the content. Set them before the error is handed over, so that the challenge can't be
 * forgotten.
 */
export function challengeHeaders({ headers }: Answer): AnswerHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.toLowerCase().startsWith('content-')),
  );
}

/** Answers a refused request, or hands the typed error over (`errors: 'next'`). */
export function refuse({ error, answer, errors }: Refusal, reply: Reply, next: (error: Error) => void): void {
  if (errors === 'respond') sendAnswer(answer, reply);
  else {
    reply.status(answer.status);
    setHeaders(reply, challengeHeaders(answer));
    next(error);
  }
}

/** An answer as a `Response` of the Fetch standard. */
export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body ?? null, { status, headers: toHeaders(headers) });
}

/** Header fields as the Fetch standard has them. */
export function toHeaders(headers: AnswerHeaders): Headers {
  return new Headers(
    Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().map((line): [string, string] => [name, line]),
    ),
  );
}

/** Serves the metadata of this API (RFC 9728), and lets everything else through. */
export function serveMetadata(
  metadata: ResourceMetadata,
  message: IncomingMessage,
  reply: Reply,
  next: (error?: Error) => void,
): void {
  const answer = metadata.answer(connectRequestView(message));
  if (answer === undefined) next();
  else proceed(answer, (ready) => sendAnswer(ready, reply), next);
}
