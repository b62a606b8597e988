import fastifyJwt from '@fastify/jwt';
import buildGetJwks from 'get-jwks';
import { hasScope } from './by-hand.mjs';

/** As the README of get-jwks puts the two together. */
export function fastify({ issuer, audience, scope }, { cache = false }) {
  const { getPublicKey, getJwk } = buildGetJwks({ issuersWhitelist: [issuer] });
  const secret = (_request, { header: { kid, alg }, payload: { iss } }, done) => {
    getPublicKey.call({ getJwk }, { kid, alg, domain: iss }).then((key) => done(null, key), done);
  };
  const onRequest = async (request, reply) => {
    await request.jwtVerify();
    if (!hasScope(request.user, scope)) return reply.code(403).send();
  };
  return async (app) => {
    await app.register(fastifyJwt, {
      decode: { complete: true },
      secret,
      verify: { allowedIss: issuer, allowedAud: audience, algorithms: ['RS256', 'PS256', 'ES256'], cache },
    });
    return { route: { onRequest }, caller: (request) => request.user.client_id };
  };
}
