import type { IncomingMessage } from 'node:http';
import { FetchRequestView } from './fetch-view.js';
import { type FrameworkRequest, NodeRequestView } from './node-view.js';
import type { RequestView } from './view.js';

/** A request of Koa, or of another framework that keeps Node's as `req` with the parsed parts next to it. */
export interface WrappedRequest extends FrameworkRequest {
  readonly req: IncomingMessage;
}

/** Anything that {@link viewRequest} can read. */
export type RequestLike = RequestView | IncomingMessage | Request | WrappedRequest;

/**
 * A view of a request. A `RequestView` is returned as it is. A Node request (or a double of one) and a
 * `Request` of the Fetch standard are wrapped. Koa's `ctx.request` is read through the Node request inside
 * it.
 *
 * From a Node request, it reads only what Node itself knows. If your framework knows more (the target before
 * a router removed its mount path, a parsed body), make a {@link NodeRequestView} and pass it that.
 *
 * @throws {TypeError} it's none of these
 */
export function viewRequest(request: RequestLike): RequestView {
  if (typeof request !== 'object' || request === null) throw new TypeError(NOT_A_REQUEST);
  // First, because Express gives Node's request a method `header` too.
  if ('rawHeaders' in request) return new NodeRequestView(request);
  if ('header' in request && typeof request.header === 'function') return request;
  if ('req' in request) return new NodeRequestView(request.req, request);
  const headers: unknown = Reflect.get(request, 'headers');
  if (typeof headers !== 'object' || headers === null) throw new TypeError(NOT_A_REQUEST);
  // Recognized by what they can do: the Fetch standard has several implementations, and Node's request has
  // doubles.
  if ('get' in headers && typeof headers.get === 'function') return new FetchRequestView(request as Request);
  return new NodeRequestView(request as object as IncomingMessage);
}

const NOT_A_REQUEST =
  'a request is a RequestView (with a function "header"), a Node request or a Request of the Fetch standard';
