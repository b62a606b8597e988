import type { FastifyInstance, FastifyReply, HTTPMethods } from 'fastify';
import type { ResourceMetadata } from '../../src/index.js';
import { serveMetadata } from '../kit/index.js';
import './request-types.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** Every method that a client could try. Those that the metadata doesn't support are answered with 405. */
const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Where an application's HTTP server keeps everything it publishes. */
const published: unique symbol = Symbol('oauth-resource-server.published');

/** Serves the metadata. In a scope with a prefix, warns instead if nothing else serves it. */
export function publish(app: FastifyInstance, metadata: ResourceMetadata): void {
  const server: object & { [published]?: ResourceMetadata[] } = app.server;
  server[published] ??= [];
  const all = server[published];
  all.push(metadata);
  // A single colon begins a parameter.
  const url = metadata.path.split('?', 1)[0]?.replaceAll(':', '::') ?? '';
  const isServed = (): boolean => app.hasRoute({ method: 'GET', url });
  if (app.prefix !== '') {
    app.addHook('onReady', async () => {
      if (!isServed()) app.log.warn(notServed(metadata.path, app.prefix));
    });
    return;
  }
  // In a hook, so that the application's hooks can't get in the way. The route is only there to be found.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.originalUrl.includes(WELL_KNOWN)) return done();
    const route = request.routeOptions.url;
    // The application's own routes in the other places are left alone.
    const isOwn = route !== url && route?.startsWith(WELL_KNOWN) === true;
    serveMetadata(isOwn ? metadata : all, request.raw, reply, done);
  });
  // Not the application's handler for unknown paths, which otherwise can't be reached without an access
  // token.
  const handler = (_request: unknown, reply: FastifyReply): void => void reply.code(404).send();
  if (!isServed()) app.route({ method: METHODS, url, config: { public: true }, handler });
}

const notServed = (path: string, prefix: string): string =>
  `The metadata of this API belongs at ${path}, which the prefix "${prefix}" makes unreachable. ` +
  'Register the plugin resourceMetadata at the root, with the same resource server.';
