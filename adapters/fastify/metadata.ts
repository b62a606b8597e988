import type { FastifyInstance, FastifyPluginAsync, FastifyReply, HTTPMethods } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { ResourceMetadata, ResourceServer, ResourceServerOptions } from '../../src/index.js';
import { Gate, serveMetadata } from '../kit/index.js';
import { withoutRegisterOptions } from './register-options.js';

/** Every method that a client could try: those that are not for the metadata are answered with 405. */
const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Fastify plugin that serves the metadata of this API (RFC 9728) at the well-known place that belongs to its
 * identifier, the option `resource`. The plugin `resourceServer` does the same by itself, unless it is
 * registered in a scope with a prefix: the well-known place is at the root of the host, so register this one
 * there, with the same resource server.
 *
 * @throws {TypeError} through `app.ready()`: an option is wrong or `resource` is missing
 * @throws {Error} through `app.ready()`: it is registered in a scope with a prefix
 * @example
 * const server = createResourceServer({ issuer, audience, resource: 'https://inventory.example.com/v2' });
 * await app.register(resourceMetadata, server);
 * app.register(async (scope) => {
 *   await scope.register(resourceServer, server);
 * }, { prefix: '/v2' });
 */
export const resourceMetadata: FastifyPluginAsync<ResourceServerOptions | ResourceServer> = fastifyPlugin(
  async (app: FastifyInstance, options: ResourceServerOptions | ResourceServer) => {
    const { resourceMetadata: metadata } = new Gate(withoutRegisterOptions(options)).server;
    if (metadata === undefined)
      throw new TypeError('resourceMetadata needs a resource server with the option "resource"');
    if (app.prefix !== '')
      throw new Error(`resourceMetadata has to be registered outside of the prefix "${app.prefix}"`);
    publish(app, metadata);
  },
  { fastify: '5.x', name: 'oauth-resource-server-metadata' },
);

/** Serves the metadata, or, in a scope with a prefix, warns if nobody else does. */
export function publish(app: FastifyInstance, metadata: ResourceMetadata): void {
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
  app.addHook('onRequest', (request, reply, done) => serveMetadata(metadata, request.raw, reply, done));
  // Resources that differ in the query share a route, whose handler only sees what none of them answered. Not
  // the application's own handler for unknown paths, which nobody without an access token reaches otherwise.
  const handler = (_request: unknown, reply: FastifyReply): void => void reply.code(404).send();
  if (!isServed()) app.route({ method: METHODS, url, config: { public: true }, handler });
}

const notServed = (path: string, prefix: string): string =>
  `The metadata of this API are to be at ${path}, which the prefix "${prefix}" keeps out of reach. ` +
  'Register the plugin resourceMetadata at the root, with the same resource server.';
