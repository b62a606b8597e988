import { expressjwt } from 'express-jwt';
import { expressJwtSecret } from 'jwks-rsa';
import { hasScope } from './by-hand.mjs';
import { callMiddleware, requestWith } from './middleware-call.mjs';

function authenticate({ issuer, audience, jwksUri }) {
  return expressjwt({
    secret: expressJwtSecret({ jwksUri, cache: true }),
    issuer,
    audience,
    algorithms: ['RS256', 'PS256', 'ES256'],
  });
}

export const inProcess = (trust) => callMiddleware(authenticate(trust));
export const prepare = requestWith;

/** It has no scope check. */
export function express(trust) {
  const requireScope = (request, response, next) => {
    if (hasScope(request.auth, trust.scope)) next();
    else response.status(403).end();
  };
  return { middleware: [authenticate(trust), requireScope], caller: (request) => request.auth.client_id };
}
