import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Answer,
  type AnswerHeaders,
  answerMetadata,
  type Denied,
  type ResourceMetadata,
  type ResourceServer,
} from '../../src/index.js';
import { connectRequestView } from './connect-request.js';
import { proceed } from './settle.js';

export { toHeaders, toResponse } from '../../src/index.js';

/** The callback of frameworks: call it to continue, or with an error. */
export type Next = (error?: Error) => void;

/** A refusal and how to answer it: the resource server's option `errors`. */
export interface Refusal extends Denied {
  readonly errors: ResourceServer['errors'];
}

/** Where to write an answer: Nest's response, Fastify's reply, or Node's response ({@link replyOf}). */
export interface Reply {
  status(code: number): unknown;
  /** A list becomes one field line per element. */
  header(name: string, value: string | readonly string[]): unknown;
  send(body?: string | Buffer): unknown;
  /**
   * Whether the application has answered in the meantime, for example after a time-out: then nothing is sent.
   * False while an answer has only begun.
   */
  readonly sent?: boolean;
}

/**
 * Node's response as a {@link Reply}. It may be a stand-in without a real response, as in Socket.IO: then its
 * methods throw.
 */
export function replyOf(response: ServerResponse): Reply {
  return new NodeReply(response);
}

class NodeReply implements Reply {
  constructor(private readonly response: ServerResponse) {}

  get sent(): boolean {
    return this.response.writableEnded;
  }

  status(code: number): void {
    // What follows would end up in the content of another answer.
    if (this.response.headersSent) throw new Error('an answer has begun');
    this.response.statusCode = code;
  }

  header(name: string, value: string | readonly string[]): void {
    this.response.setHeader(name, value);
  }

  send(body?: string | Buffer): void {
    this.response.end(body);
  }
}

/** Sets header fields, if there are any and the response can take them. */
export function setHeaders(reply: Reply, headers: AnswerHeaders | undefined): void {
  try {
    writeHeaders(reply, headers ?? {});
  } catch {
    // There's no response, or it's already sent: the fields would go nowhere.
  }
}

function writeHeaders(reply: Reply, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
}

/** Sends an answer unchanged: frameworks would give a text a charset, which JSON doesn't have. */
export function sendAnswer({ status, headers, body }: Answer, reply: Reply): void {
  reply.status(status);
  writeHeaders(reply, headers);
  reply.send(body === undefined ? undefined : Buffer.from(body));
}

/** Header fields as lines of HTTP: `DPoP-Nonce: …`. */
export function fieldLines(headers: AnswerHeaders = {}): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().map((line) => `${name}: ${line}`));
}

/**
 * The header fields of an answer if the application writes the content itself (`errors: 'next'`): all except
 * those about the content. Set them before you hand the error over, so that the challenge can't be forgotten.
 */
export function challengeHeaders({ headers }: Answer): AnswerHeaders {
  const fields = Object.entries(headers);
  return Object.fromEntries(fields.filter(([name]) => !name.toLowerCase().startsWith('content-')));
}

/**
 * Answers a refused request, or hands over the typed error: with `errors: 'next'`, or if no answer can be
 * written, because there's no response or another answer has begun. It does nothing if that one is complete.
 */
export function refuse({ error, answer, errors }: Refusal, reply: Reply, next: Next): void {
  try {
    if (reply.sent === true) return;
    if (errors === 'respond') {
      sendAnswer(answer, reply);
      return;
    }
    reply.status(answer.status);
    writeHeaders(reply, challengeHeaders(answer));
  } catch {
    // There's no real response here, or an answer has begun, which Express then breaks off. The error says
    // everything.
  }
  next(error);
}

/**
 * Serves metadata (RFC 9728), and lets everything else through.
 *
 * @param published everything the application publishes, see `answerMetadata`. If you don't know that, the
 *   metadata of one resource server: it's then served only at its exact place
 */
export function serveMetadata(
  published: ResourceMetadata | readonly ResourceMetadata[],
  message: IncomingMessage,
  reply: Reply,
  next: Next,
): void {
  const view = connectRequestView(message);
  const answer = () => ('answer' in published ? published.answer(view) : answerMetadata(published, view));
  const serve = (ready: Answer | undefined): void => {
    try {
      if (ready !== undefined) {
        sendAnswer(ready, reply);
        return;
      }
    } catch {
      // There's no real response here.
    }
    next();
  };
  proceed<Answer | undefined>(answer, serve, next);
}
