import type { FastifyInstance, FastifyReply, HTTPMethods } from 'fastify';
import type { ResourceMetadata } from '../../src/index.js';
import { serveMetadata } from '../kit/index.js';
import './request-types.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** Every method that a client could try: those that are not for the metadata are answered with 405. */
const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Where the HTTP server of an application keeps all that it publishes. */
const published: unique symbol = Symbol('oauth-resource-server.published');

/** Serves the metadata, or, in a scope with a prefix, warns if nobody else does. */
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
  // In a hook, before hooks of the application could stand in the way; the route is there so that one is
  // found at all.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.originalUrl.includes(WELL_KNOWN)) return done();
    const route = request.routeOptions.url;
    // What the application has at one of the other places is its own affair.
    const isOwn = route !== url && route?.startsWith(WELL_KNOWN) === true;
    serveMetadata(isOwn ? metadata : all, request.raw, reply, done);
  });
  // Not the application's own handler for unknown paths, which nobody without an access token reaches
  // otherwise.
  const handler = (_request: unknown, reply: FastifyReply): void => void reply.code(404).send();
  if (!isServed()) app.route({ method: METHODS, url, config: { public: true }, handler });
}

const notServed = (path: string, prefix: string): string =>
  `The metadata of this API are to be at ${path}, which the prefix "${prefix}" keeps out of reach. ` +
  'Register the plugin resourceMetadata at the root, with the same resource server.';
