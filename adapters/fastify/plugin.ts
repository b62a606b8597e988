import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import {
  type Decision,
  isCorsPreflight,
  NodeRequestView,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import { attach, authentication, authenticationBy, type HookDone, settle } from './authentication.js';
import { collectRequirements, declaredRequirements } from './declared-requirements.js';
import { serverOf } from './plugin-options.js';
import './request-types.js';
import { publish } from './resource-metadata.js';

/**
 * Fastify plugin: every route of the scope it is registered in, and of the scopes inside, needs a valid access token.
 * Routes with `config: { public: true }` do not. It does not matter which is registered first.
 *
 * With the option `resource` it also serves the metadata of this API (RFC 9728), as a public route; in a scope with a prefix leave that to {@link resourceMetadata}.
 *
 * Takes the options of `createResourceServer`, or a ready resource server, which it does not close.
 *
 * Tokens are checked in `onRequest`, before the body is parsed; with `bearerMethods` including `'body'` in `preValidation`.
 * A CORS preflight passes that check so that a CORS plugin can answer it; where none did it is refused before the handler.
 *
 * Security: with `bearerMethods` including `'query'`, Fastify logs the URL of an incoming request, with the token, before
 * any hook runs. Give the logger a `req` serializer that leaves the query out.
 *
 * @throws {TypeError} through `app.ready()`: an option is missing, unknown or wrong
 * @example
 * await app.register(resourceServer, { issuer: 'https://auth.example.com', audience: 'https://inventory.example.com' });
 * app.get('/stock/:sku', { onRequest: requireScope('read:inventory') }, (request) => ({ caller: request.auth?.clientId }));
 */
export const resourceServer: FastifyPluginAsync<ResourceServerOptions | ResourceServer> = fastifyPlugin(
  protect,
  {
    fastify: '5.x',
    name: 'oauth-resource-server',
  },
);

// Async, because Fastify turns only a rejection, not a thrown TypeError, into an error of `app.ready()`.
async function protect(app: FastifyInstance, options: ResourceServerOptions | ResourceServer): Promise<void> {
  const server = serverOf(options);
  if (server !== options) app.addHook('onClose', async () => server.close());
  if (!app.hasRequestDecorator(authentication)) {
    app.decorateRequest(authentication, undefined);
    app.decorateRequest('auth', undefined);
  }
  const { resourceMetadata } = server;
  if (resourceMetadata !== undefined) {
    publish(app, resourceMetadata);
    collectRequirements(app, server);
  }
  addHooks(app, server);
}

function addHooks(app: FastifyInstance, server: ResourceServer): void {
  const onToken = (request: FastifyRequest, reply: FastifyReply, done: HookDone): void => {
    if (isOpen(server, request)) done();
    else authenticate(server, request, reply, done);
  };
  if (server.bearerMethods.includes('body')) app.addHook('preValidation', onToken);
  else app.addHook('onRequest', onToken);

  // A CORS plugin would have answered by now, and the handler must not run for whoever sends the headers of a preflight.
  app.addHook('preHandler', (request, reply, done) => {
    if (authenticationBy(server, request)?.isPreflight !== true) done();
    else authenticate(server, request, reply, done);
  });
}

/** Whether the request goes on without a look at its token: decided before, public, or a preflight. */
function isOpen(server: ResourceServer, request: FastifyRequest): boolean {
  if (authenticationBy(server, request) !== undefined) return true; // the same server, registered further out
  request.auth = undefined; // whatever another plugin put there
  if (request.routeOptions.config?.public === true) return true;
  if (!isCorsPreflight(new NodeRequestView(request.raw))) return false;
  attach(request, server, undefined, true);
  return true;
}

function authenticate(
  server: ResourceServer,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookDone,
): void {
  const onDecision = (decision: Decision): void => {
    if (decision.kind === 'allowed') attach(request, server, decision.auth, false);
    settle(server, decision, request, reply, done);
  };
  const requirements = server.resourceMetadata && declaredRequirements(request);
  const decision = server.authenticate(new NodeRequestView(request.raw, request), requirements);
  if (decision instanceof Promise) decision.then(onDecision, (cause) => done(failure(cause)));
  else onDecision(decision);
}

/** `done(undefined)` would continue, so a rejection always becomes an `Error`. */
function failure(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('authentication failed', { cause });
}
