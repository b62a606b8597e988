/**
 * What a request without credentials is answered with by default (RFC 9449 §7.2), each on a line of its own.
 */
export const BEARER = 'Bearer realm="api"';
export const DPOP =
  'DPoP realm="api", algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"';
