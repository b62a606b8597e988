import type { IncomingMessage } from 'node:http';
import type { FrameworkRequest } from '../../src/index.js';
import { type Arrival, connectRequestView, type RefusalLog } from '../kit/index.js';

/** Fastify's request: Node's own is inside it; beside it header fields, parsed body and query. */
interface WrappedRequest extends Pick<FrameworkRequest, 'headers' | 'body' | 'query'> {
  readonly raw: IncomingMessage;
  readonly log?: RefusalLog;
}

/** The request of Nest's HTTP platform: Express's, which is Node's own, or Fastify's. */
export type PlatformRequest = (IncomingMessage | WrappedRequest) & { auth?: unknown };

/** The platform's request as the gate takes it. Every guard that sees the request finds the same message. */
export function toArrival(request: PlatformRequest): Arrival {
  if (!('raw' in request)) return { message: request, request, view: connectRequestView(request) };
  const { raw: message, log } = request;
  return { message, request, view: connectRequestView(message, request), log };
}
