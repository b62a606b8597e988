// The standards' words as types. This file imports nothing.

/**
 * Every signature algorithm that this package verifies (RFC 7518 §3.1, RFC 8037, RFC 9864). Asymmetric only.
 */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** A signature algorithm that this package verifies (RFC 7518 §3.1, RFC 8037, RFC 9864). Asymmetric only. */
export type Algorithm = (typeof ALGORITHMS)[number];

export const TOKEN_TYPES = ['any', 'at+jwt'] as const;

/**
 * What the `typ` header of a token must be. `'any'`: `at+jwt`, `JWT` or none; the last two must not look like
 * an ID token. `'at+jwt'`: RFC 9068 to the letter.
 */
export type TokenType = (typeof TOKEN_TYPES)[number];

export const BEARER_METHODS = ['header', 'body', 'query'] as const;

/** Where a client may put the token (RFC 6750 §2), named as in RFC 9728. */
export type BearerMethod = (typeof BEARER_METHODS)[number];

/** The schemes that carry an access token (RFC 6750 §2.1, RFC 9449 §7.1). */
export type Scheme = 'Bearer' | 'DPoP';

/** How a client authenticates with a secret. */
export type SecretMethod = 'client_secret_basic' | 'client_secret_post';

/**
 * How a client proves its identity to an authorization server, named as in the IANA registry of token
 * endpoint authentication methods.
 */
export type AuthenticationMethod =
  | SecretMethod
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth';
