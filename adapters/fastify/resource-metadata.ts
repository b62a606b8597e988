import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import {
  type Answer,
  NodeRequestView,
  type ResourceMetadata,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import { type HookDone, setHeaders } from './authentication.js';
import { serverOf } from './plugin-options.js';

/** Every method that a client could try: those that are not for the metadata are answered with 405. */
const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Fastify plugin that serves the metadata of this API (RFC 9728) at the well-known place that belongs to its identifier, the option `resource`. The plugin
 * `resourceServer` does the same by itself, unless it is registered in a scope with a prefix: the well-known place is at the root of the host, so register this
 * one there, with the same resource server.
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
    const { resourceMetadata: metadata } = serverOf(options);
    if (metadata === undefined)
      throw new TypeError('resourceMetadata needs a resource server with the option "resource"');
    if (app.prefix !== '')
      throw new Error(`resourceMetadata has to be registered outside of the prefix "${app.prefix}"`);
    publish(app, metadata);
  },
  { fastify: '5.x', name: 'oauth-resource-server-metadata' },
);

/** Serves the metadata, or, in a scope with a prefix, warns when nobody else does. */
export function publish(app: FastifyInstance, metadata: ResourceMetadata): void {
  const url = metadata.path.split('?', 1)[0]?.replaceAll(':', '::') ?? ''; // a single colon begins a parameter
  const isServed = (): boolean => app.hasRoute({ method: 'GET', url });
  if (app.prefix !== '') {
    app.addHook('onReady', async () => {
      if (!isServed()) app.log.warn(NOT_SERVED(metadata.path, app.prefix));
    });
    return;
  }
  // In a hook, before hooks of the application could stand in the way; the route is there so that one is found at all.
  app.addHook('onRequest', (request, reply, done) => respond(metadata, request, reply, done));
  // Resources that differ in the query share a route.
  if (!isServed()) app.route({ method: METHODS, url, config: { public: true }, handler: notFound });
}

function respond(
  metadata: ResourceMetadata,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookDone,
): void {
  const answer = metadata.answer(new NodeRequestView(request.raw));
  if (answer === undefined) done();
  else if (answer instanceof Promise) answer.then((signed) => send(signed, reply)).catch(done);
  else send(answer, reply);
}

function send({ status, headers, body }: Answer, reply: FastifyReply): void {
  reply.code(status);
  setHeaders(reply, headers);
  reply.send(body === undefined ? undefined : Buffer.from(body)); // a text would get a charset, which JSON has not
}

/** Not by the application's own handler for unknown paths, which nobody without an access token reaches otherwise. */
function notFound(_request: FastifyRequest, reply: FastifyReply): void {
  reply.code(404).send();
}

const NOT_SERVED = (path: string, prefix: string): string =>
  `The metadata of this API are to be at ${path}, which the prefix "${prefix}" keeps out of reach. ` +
  'Register the plugin resourceMetadata at the root, with the same resource server.';
