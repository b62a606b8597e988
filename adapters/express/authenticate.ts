import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResourceMetadata, ResourceServer, ResourceServerOptions } from '../../src/index.js';
import {
  connectRequestView,
  declare,
  Gate,
  publishedBy,
  replyOf,
  requireMetadata,
  serveMetadata,
} from '../kit/index.js';
import { declarations, type ExpressRequest, routeReader } from './declarations.js';
import { routePattern } from './route-pattern.js';

/**
 * Middleware for Express 4, Express 5 and anything else that calls `(req, res, next)` with Node's objects.
 */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Protects all later routes: only requests with a valid access token get through. Sets `req.auth`;
 * `getAuth(req)` is the typed way to read it. Other requests are answered with 400, 401 or 503 and a
 * challenge (RFC 6750 §3). With the option `resource` it also serves the metadata of this API, if requests
 * for it get here, see {@link resourceMetadata}.
 *
 * Security: a CORS preflight passes without authentication, for the CORS layer to answer. It meets no
 * requirement. But without a CORS layer, later middleware runs for it, and so do handlers for `OPTIONS`,
 * including `app.all(path, handler)`. It stays an `OPTIONS` request.
 *
 * @param options the options of a resource server, or a ready one to share
 * @throws {TypeError} at once: an option is wrong
 * @example
 * ```ts
 * import { authenticate } from 'oauth-resource-server/express';
 *
 * app.use(authenticate({ issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' }));
 * ```
 */
export function authenticate(options: ResourceServerOptions | ResourceServer): Middleware {
  const gate = new Gate(options);
  const { resourceMetadata: metadata } = gate.server;
  const requirements = routeReader(() => middleware);
  const admit: Middleware = (request, response, next) => {
    const arrival = { message: request, request, view: connectRequestView(request, request, routePattern) };
    gate.admit(arrival, replyOf(response), next, requirements(request));
  };
  const middleware: Middleware = metadata === undefined ? admit : publish(metadata, admit);
  return declare(middleware, { server: gate.server });
}

/**
 * Serves the metadata of this API (RFC 9728) at the well-known place for its identifier (the option
 * `resource`), and in the other places where clients look, see `answerMetadata`. All other requests continue.
 * Mount it on the root application: the well-known place is at the root of the host.
 *
 * @param options the options of a resource server with `resource`, or a ready one to share
 * @throws {TypeError} at once: an option is wrong, or `resource` is missing
 * @example
 * ```ts
 * import { createResourceServer } from 'oauth-resource-server';
 * import { authenticate, resourceMetadata } from 'oauth-resource-server/express';
 *
 * const server = createResourceServer({ ...options, resource: 'https://inventory.example.com' });
 * app.use(resourceMetadata(server), authenticate(server));
 * ```
 */
export function resourceMetadata(options: ResourceServerOptions | ResourceServer): Middleware {
  const metadata = requireMetadata(new Gate(options).server);
  return declare(
    publish(metadata, (_request, _response, next) => next()),
    { metadata },
  );
}

/** Serves the application's metadata, which this is part of. Passes everything else to `other`. */
function publish(metadata: ResourceMetadata, other: Middleware): Middleware {
  const published = new WeakMap<object, readonly ResourceMetadata[]>();
  /** Reads at the first request, when all routes are there. */
  const readAll = (app: object): readonly ResourceMetadata[] => {
    const all = published.get(app) ?? [metadata, ...publishedBy(declarations(app))];
    published.set(app, all);
    return all;
  };
  return (request: ExpressRequest, response, next) => {
    const { app } = request;
    // We can't see what's next to a mounted application, or inside another framework.
    const known = app === undefined || app.parent !== undefined ? metadata : readAll(app);
    serveMetadata(known, request, replyOf(response), (error) => {
      if (error === undefined) other(request, response, next);
      else next(error);
    });
  };
}
