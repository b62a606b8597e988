import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { ResourceServer, ResourceServerOptions } from '../../src/index.js';
import { connectRequestView, Gate, proceed, refuse, setHeaders } from '../kit/index.js';
import { publish } from './metadata.js';
import { withoutRegisterOptions } from './register-options.js';
import './request-types.js';
import {
  collectRequirements,
  type HookDone,
  readRoute,
  requirements,
  requirementsOf,
} from './requirements.js';

/**
 * Fastify plugin: every route of the scope it is registered in, and of the scopes inside, needs a valid
 * access token. Routes with `config: { public: true }` do not. It does not matter which is registered first.
 *
 * With the option `resource` it also serves the metadata of this API (RFC 9728), as a public route; in a
 * scope with a prefix leave that to {@link resourceMetadata}.
 *
 * Takes the options of `createResourceServer`, or a ready resource server, which it does not close.
 *
 * Tokens are checked in `onRequest`, before the body is parsed; with `bearerMethods` including `'body'` in
 * `preValidation`. A CORS preflight passes that check so that a CORS plugin can answer it; if none did it is
 * refused before the handler.
 *
 * Security: with `bearerMethods` including `'query'`, Fastify logs the URL of an incoming request, with the
 * token, before any hook runs. Give the logger a `req` serializer that leaves the query out.
 *
 * @throws {TypeError} through `app.ready()`: an option is missing, unknown or wrong
 * @example await app.register(resourceServer, { issuer: 'https://auth.example.com', audience:
 *   'https://inventory.example.com' }); app.get('/stock/:sku', { onRequest: requireScope('read:inventory') },
 *   (request) => ({ caller: request.auth?.clientId }));
 */
export const resourceServer: FastifyPluginAsync<ResourceServerOptions | ResourceServer> = fastifyPlugin(
  protect,
  { fastify: '5.x', name: 'oauth-resource-server' },
);

// Async, because Fastify turns only a rejection, not a thrown TypeError, into an error of `app.ready()`.
async function protect(app: FastifyInstance, options: ResourceServerOptions | ResourceServer): Promise<void> {
  const gate = new Gate(withoutRegisterOptions(options));
  const { server } = gate;
  if (server !== options) app.addHook('onClose', async () => server.close());
  if (!app.hasRequestDecorator(requirements)) {
    app.decorateRequest(requirements, undefined);
    app.decorateRequest('auth', undefined);
  }
  if (server.resourceMetadata !== undefined) publish(app, server.resourceMetadata);
  collectRequirements(app, server);

  const authenticate = (
    request: FastifyRequest,
    reply: FastifyReply,
    done: HookDone,
    preflight: 'pass' | 'refuse',
  ): void => {
    const { raw: message, log } = request;
    const arrival = { message, request, view: connectRequestView(message, request), log };
    proceed(
      gate.authenticate(arrival, requirementsOf(request), preflight),
      (decision) => {
        if (decision.kind === 'denied') return refuse({ ...decision, errors: server.errors }, reply, done);
        setHeaders(reply, decision.headers);
        done();
      },
      done,
    );
  };
  app.addHook(
    server.bearerMethods.includes('body') ? 'preValidation' : 'onRequest',
    (request: FastifyRequest, reply: FastifyReply, done: HookDone) => {
      request.auth = undefined; // whatever another plugin put there
      if (readRoute(request).isPublic) done();
      else authenticate(request, reply, done, 'pass');
    },
  );
  // A CORS plugin would have answered by now, and the handler must not run for anyone who sends the headers
  // of a preflight.
  app.addHook('preHandler', (request, reply, done) => {
    if (gate.isPreflight(request)) authenticate(request, reply, done, 'refuse');
    else done();
  });
}
