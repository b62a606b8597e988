import { authenticate, getAuth, requireScope } from 'oauth-resource-server/hono';

export function hono({ issuer, audience, scope, jwksUri }, options) {
  return {
    middleware: [authenticate({ issuer: { issuer, jwksUri }, audience, ...options }), requireScope(scope)],
    caller: (c) => getAuth(c).clientId,
  };
}
