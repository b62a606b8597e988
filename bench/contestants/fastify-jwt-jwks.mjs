import fastifyJwtJwks from 'fastify-jwt-jwks';
import { hasScope } from './by-hand.mjs';

export function fastify({ issuer, audience, jwksUri, scope }) {
  return async (app) => {
    await app.register(fastifyJwtJwks, { jwksUrl: jwksUri, issuer, audience });
    const requireScope = async (request, reply) => {
      if (!hasScope(request.user, scope)) return reply.code(403).send();
    };
    return {
      route: { onRequest: [app.authenticate, requireScope] },
      caller: (request) => request.user.client_id,
    };
  };
}
