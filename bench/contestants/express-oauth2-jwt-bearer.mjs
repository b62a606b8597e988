import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { callMiddleware, requestWith } from './middleware-call.mjs';

function authenticate({ issuer, audience, jwksUri }) {
  return auth({ issuer, audience, jwksUri });
}

export const inProcess = (trust) => callMiddleware(authenticate(trust));
export const prepare = requestWith;

export function express(trust) {
  return {
    middleware: [authenticate(trust), requiredScopes(trust.scope)],
    caller: (request) => request.auth.payload.client_id,
  };
}
