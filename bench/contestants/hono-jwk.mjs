import { jwk } from 'hono/jwk';
import { requireScopeOnHono } from './hono-by-hand.mjs';

/** As its documentation has it, with the checks of issuer and audience switched on. @param {{ isKeyGiven: boolean }} options */
export function hono({ issuer, audience, scope, jwksUri, jwks }, { isKeyGiven }) {
  const keys = isKeyGiven ? { keys: jwks.keys } : { jwks_uri: jwksUri };
  const verification = { iss: issuer, aud: audience };
  return {
    middleware: [
      jwk({ ...keys, alg: ['RS256', 'PS256', 'ES256', 'EdDSA'], verification }),
      requireScopeOnHono((c) => c.get('jwtPayload'), scope),
    ],
    caller: (c) => c.get('jwtPayload').client_id,
  };
}
