import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { isResourceServer, type ResourceServer, type ResourceServerOptions } from '../../src/index.js';
import { connectRequestView, Gate, type Next, requireMetadata } from '../kit/index.js';
import { publish } from './metadata.js';
import { noteRoutes, ROUTE, readRoute } from './routes.js';
import './request-types.js';

type Plugin = FastifyPluginAsync<ResourceServerOptions | ResourceServer>;

/**
 * Fastify plugin that protects every route in its scope and in inner scopes: each needs a valid access token,
 * except routes with `config: { public: true }`. The order of registration doesn't matter.
 *
 * With the option `resource` it also serves the metadata of this API (RFC 9728), as a public route; in a
 * scope with a prefix leave that to {@link resourceMetadata}.
 *
 * Takes the options of `createResourceServer`, or a ready resource server, which it doesn't close.
 *
 * Tokens are checked in `onRequest`, before the body is parsed; with `bearerMethods` including `'body'`, in
 * `preValidation`. A CORS preflight passes that check, so that a CORS plugin can answer it in `onRequest`. If
 * none does, it's refused before the route's hooks, body parser and handler. `onRequest` hooks of whole
 * scopes that come after the plugin do run for it.
 *
 * Security: with `bearerMethods` including `'query'`, Fastify logs the URL of an incoming request, with the
 * token, before any hook runs. Give the logger a `req` serializer that leaves out the query.
 *
 * @throws {TypeError} through `app.ready()`: an option is missing, unknown or wrong
 * @throws {Error} through `app.ready()`: requests have a decorator `auth` of another plugin
 * @example
 * ```ts
 * import { fastify } from 'fastify';
 * import { requireScope, resourceServer } from 'oauth-resource-server/fastify';
 *
 * const options = { issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' };
 * const app = fastify();
 * await app.register(resourceServer, options);
 * app.get('/stock/:sku', { onRequest: requireScope('read:inventory') }, (request) => ({
 *   caller: request.auth?.clientId,
 * }));
 * ```
 */
export const resourceServer: Plugin = fastifyPlugin(protect, {
  fastify: '5.x',
  name: 'oauth-resource-server',
});

/**
 * Fastify plugin that serves the metadata of this API (RFC 9728) at the well-known place for its identifier
 * (the option `resource`). The plugin `resourceServer` does this itself, unless it's in a scope with a
 * prefix. The well-known place is at the root of the host, so register this plugin there, with the same
 * resource server.
 *
 * @throws {TypeError} through `app.ready()`: an option is wrong or `resource` is missing
 * @throws {Error} through `app.ready()`: it's in a scope with a prefix
 * @example
 * ```ts
 * import { fastify } from 'fastify';
 * import { createResourceServer } from 'oauth-resource-server';
 * import { resourceMetadata, resourceServer } from 'oauth-resource-server/fastify';
 *
 * const server = createResourceServer({ ...options, resource: 'https://inventory.example.com/v2' });
 * const app = fastify();
 * await app.register(resourceMetadata, server);
 * app.register(
 *   async (scope) => {
 *     await scope.register(resourceServer, server);
 *   },
 *   { prefix: '/v2' },
 * );
 * ```
 */
export const resourceMetadata: Plugin = fastifyPlugin(
  async (app: FastifyInstance, options: ResourceServerOptions | ResourceServer) => {
    const metadata = requireMetadata(createGate(options).server);
    if (app.prefix !== '')
      throw new Error(`resourceMetadata must be registered outside the prefix "${app.prefix}"`);
    publish(app, metadata);
  },
  { fastify: '5.x', name: 'oauth-resource-server-metadata' },
);

/** From a plugin's options, without those of `app.register` itself, which come mixed in. */
function createGate(given: ResourceServerOptions | ResourceServer): Gate {
  const options = isResourceServer(given) ? given : { ...given };
  if (options !== given)
    for (const name of ['prefix', 'logLevel', 'logSerializers']) Reflect.deleteProperty(options, name);
  return new Gate(options);
}

// Async, because Fastify turns only a rejection, not a thrown TypeError, into an error of `app.ready()`.
async function protect(app: FastifyInstance, options: ResourceServerOptions | ResourceServer): Promise<void> {
  const gate = createGate(options);
  const { server } = gate;
  if (server !== options) app.addHook('onClose', async () => server.close());
  if (!app.hasRequestDecorator(ROUTE)) {
    if (app.hasRequestDecorator('auth'))
      throw new Error(
        'requests already have a decorator "auth", of another plugin or of another copy of ' +
          'oauth-resource-server; use only one in a scope (npm ls oauth-resource-server)',
      );
    app.decorateRequest(ROUTE, undefined);
    app.decorateRequest('auth', undefined);
  }
  if (server.resourceMetadata !== undefined) publish(app, server.resourceMetadata);

  const admit = (
    request: FastifyRequest,
    reply: FastifyReply,
    done: Next,
    preflight: 'pass' | 'refuse',
  ): void => {
    const { raw: message, log } = request;
    const arrival = { message, request, view: connectRequestView(message, request), log };
    gate.admit(arrival, reply, done, request[ROUTE]?.requirements, preflight);
  };
  const isLate = server.bearerMethods.includes('body');
  // A CORS plugin would have answered in its own hook. Nothing of the route may run for a client that just
  // sends the headers of a preflight.
  noteRoutes(app, server, (request, reply, done) => {
    if (gate.isPreflight(request)) admit(request, reply, done, 'refuse');
    else done();
  });
  app.addHook(
    isLate ? 'preValidation' : 'onRequest',
    (request: FastifyRequest, reply: FastifyReply, done: Next) => {
      request.auth = undefined; // in case another plugin set it
      const { isPublic, servers } = readRoute(request);
      if (isPublic) done();
      // Passes only if the route's guard is still to come.
      else admit(request, reply, done, !isLate && servers.includes(server) ? 'pass' : 'refuse');
    },
  );
}
