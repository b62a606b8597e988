import type { IncomingMessage } from 'node:http';
import { type AnswerHeaders, NodeRequestView, type RequestView } from '../../src/index.js';

/** Fastify's request: Node's own is inside it, the parsed body and query beside. */
interface WrappedRequest {
  readonly raw: IncomingMessage;
  readonly body?: unknown;
  readonly query?: unknown;
}

/** The request of Nest's HTTP platform: Express's, which is Node's own, or Fastify's. */
export type PlatformRequest = (IncomingMessage | WrappedRequest) & { auth?: unknown };

/** The response of Nest's HTTP platform, as far as Express's and Fastify's are alike. */
export interface PlatformResponse {
  status(code: number): unknown;
  header(name: string, value: string | readonly string[]): unknown;
  send(body?: string): unknown;
}

/** Node's request: the same object for every guard that sees the request. */
export function messageOf(request: PlatformRequest): IncomingMessage {
  return 'raw' in request ? request.raw : request;
}

/** What the resource server needs to know of the platform's request. */
export function viewPlatformRequest(request: PlatformRequest): RequestView {
  return 'raw' in request ? new NodeRequestView(request.raw, request) : new NodeRequestView(request);
}

/** Sets header fields, several lines where the value is an array. */
export function setHeaders(response: PlatformResponse, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers)) response.header(name, value);
}
