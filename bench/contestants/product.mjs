import { createResourceServer, NodeRequestView } from 'oauth-resource-server';
import * as onExpress from 'oauth-resource-server/express';
import * as onFastify from 'oauth-resource-server/fastify';
import * as onNest from 'oauth-resource-server/nestjs';
import { requestWith } from './middleware-call.mjs';

export function optionsOf({ issuer, audience, jwksUri }, options) {
  return { issuer: { issuer, jwksUri }, audience, ...options };
}

/** As the adapters call it: from Node's request to the decision, which may be there at once. */
export function inProcess(trust, options) {
  return authenticating(createResourceServer(optionsOf(trust, options)));
}

export const prepare = requestWith;

/** Takes requests of `requestWith`. */
export function authenticating(server) {
  return (request) => {
    const decision = server.authenticate(new NodeRequestView(request));
    return decision instanceof Promise ? decision.then(allowed) : allowed(decision);
  };
}

function allowed(decision) {
  if (decision.kind === 'denied') throw decision.error;
  return decision.auth;
}

export function express(trust, options) {
  return {
    middleware: [onExpress.authenticate(optionsOf(trust, options)), onExpress.requireScope(trust.scope)],
    caller: (request) => onExpress.getAuth(request).clientId,
  };
}

export function fastify(trust, options) {
  return async (app) => {
    await app.register(onFastify.resourceServer, optionsOf(trust, options));
    return {
      route: { onRequest: onFastify.requireScope(trust.scope) },
      caller: (request) => onFastify.getAuth(request).clientId,
    };
  };
}

export function nestjs(trust, options) {
  return {
    imports: [onNest.ResourceServerModule.forRoot(optionsOf(trust, options))],
    decorators: [onNest.RequireScope(trust.scope)],
    parameter: onNest.Auth(),
    caller: (auth) => auth.clientId,
  };
}
