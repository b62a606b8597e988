import { createRemoteJWKSet, jwtVerify } from 'jose';

/*
 * The few lines that an application on Hono writes around jose. Apart from by-hand.mjs, which loads Nest.
 */

export function hono({ issuer, audience, scope, jwksUri }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const authenticate = async (c, next) => {
    const [scheme = '', token = ''] = (c.req.header('Authorization') ?? '').split(' ');
    try {
      if (scheme.toLowerCase() !== 'bearer') throw new Error('no bearer token');
      c.set('claims', (await jwtVerify(token, keys, { issuer, audience })).payload);
    } catch {
      return c.body(null, 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
    }
    await next();
  };
  return {
    middleware: [authenticate, requireScopeOnHono((c) => c.get('claims'), scope)],
    caller: (c) => c.get('claims').client_id,
  };
}

export function requireScopeOnHono(claimsOf, scope) {
  return async (c, next) => {
    const granted = claimsOf(c).scope;
    if (typeof granted !== 'string' || !granted.split(' ').includes(scope)) return c.body(null, 403);
    await next();
  };
}
