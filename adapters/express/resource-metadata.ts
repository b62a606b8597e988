import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Answer,
  createResourceServer,
  isResourceServer,
  NodeRequestView,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import { declareRequirements } from './declared-requirements.js';
import type { Middleware } from './middleware.js';

/** What Express adds to a request: the application that it came to. */
interface ApplicationRequest extends IncomingMessage {
  readonly app?: object;
}

/**
 * Serves the metadata of this API (RFC 9728) at the well-known place that belongs to its identifier, the option `resource`; everything else goes on to what comes
 * next. Belongs on the root application, before {@link authenticate}, since the metadata are for clients that have no access token yet.
 *
 * Scopes that the routes of the application require are published with it, unless `resource.scopes` says which, or several resource servers protect it.
 *
 * @param options the options of a resource server with `resource`, or a ready one to share
 * @throws {TypeError} at once, when an option is wrong or `resource` is missing
 * @example
 * ```ts
 * const server = createResourceServer({ issuer, audience, resource: 'https://inventory.example.com' });
 * app.use(resourceMetadata(server), authenticate(server));
 * ```
 */
export function resourceMetadata(options: ResourceServerOptions | ResourceServer): Middleware {
  const server = isResourceServer(options) ? options : createResourceServer(options);
  const { resourceMetadata: metadata } = server;
  if (metadata === undefined)
    throw new TypeError('resourceMetadata needs a resource server with the option "resource"');
  const known = new WeakSet<object>();
  return (request: ApplicationRequest, response, next) => {
    const { app } = request;
    if (app !== undefined && !known.has(app)) {
      known.add(app);
      declareRequirements(app, metadata); // at the first request, when all routes are there
    }
    const answer = metadata.answer(new NodeRequestView(request));
    if (answer === undefined) next();
    else if (answer instanceof Promise) answer.then((signed) => send(signed, response)).catch(next);
    else send(answer, response);
  };
}

function send({ status, headers, body }: Answer, response: ServerResponse): void {
  if (response.headersSent) return;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  response.end(body);
}
