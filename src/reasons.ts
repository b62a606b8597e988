// Each reason with the fixed text that the client may read: only characters that RFC 6750 §3 allows in
// `error_description`, and no claim value.

const INVALID_REQUEST = {
  malformed_credentials: 'The credentials are malformed',
  multiple_methods: 'The access token was sent more than once',
  repeated_parameter: 'The access_token parameter is repeated or not a string',
  client_cert_invalid: 'The client certificate header is malformed',
  malformed_message: 'The message is malformed',
  header_mismatch: 'The header fields differ from the message',
} as const;

const INVALID_TOKEN = {
  missing_credentials: 'No access token was sent',
  token_too_large: 'The access token is too large',
  malformed_token: 'The access token is malformed',
  alg_not_allowed: 'The access token is signed with an algorithm that is not accepted',
  typ_mismatch: 'The token is not of the accepted type',
  crit_unsupported: 'The access token requires an extension that is not supported',
  iss_mismatch: 'The access token was issued by an untrusted issuer',
  missing_claim: 'The access token lacks a required claim',
  invalid_claim: 'The access token has a claim of the wrong type',
  expired: 'The access token expired',
  not_yet_valid: 'The access token is not valid yet',
  issued_in_future: 'The access token was issued in the future',
  aud_mismatch: 'The access token is not for this API',
  not_an_access_token: 'The token is not an access token',
  no_matching_key: 'The access token is signed with an unknown key',
  ambiguous_key: 'The access token does not say which key signed it',
  key_mismatch: 'The access token is signed with a key of another algorithm',
  key_rejected: 'The access token is signed with a key that is not accepted',
  signature_invalid: 'The access token signature is invalid',
  unsupported_confirmation: 'The access token is bound to a key and cannot be used as a bearer token',
  dpop_downgrade: 'The access token is bound to a DPoP key and cannot be used as a bearer token',
  dpop_required: 'The access token must be bound to a DPoP key',
  token_not_bound: 'The access token is not bound to a DPoP key',
  jkt_mismatch: 'The access token is bound to another DPoP key',
  certificate_missing: 'The access token is bound to a client certificate and none was presented',
  certificate_mismatch: 'The access token is bound to another client certificate',
  token_inactive: 'The access token is not active',
  token_type_mismatch: 'The token is not of the type of the authentication scheme',
  revoked: 'The access token was revoked',
  exchange_refused: 'The access token is no longer accepted by the authorization server',
} as const;

const INVALID_PROOF = {
  multiple_proofs: 'More than one DPoP proof was sent',
  missing_proof: 'No DPoP proof was sent',
  malformed_proof: 'The DPoP proof is malformed',
  proof_typ_mismatch: 'The DPoP proof is not of the type dpop+jwt',
  proof_alg_not_allowed: 'The DPoP proof is signed with an algorithm that is not accepted',
  jwk_invalid: 'The key in the DPoP proof is not accepted',
  proof_signature_invalid: 'The DPoP proof signature is invalid',
  proof_missing_claim: 'The DPoP proof lacks a required claim',
  htm_mismatch: 'The DPoP proof is for another method',
  htu_mismatch: 'The DPoP proof is for another URL',
  ath_mismatch: 'The DPoP proof is for another access token',
  proof_expired: 'The DPoP proof is too old',
  proof_in_future: 'The DPoP proof was made in the future',
  proof_replayed: 'The DPoP proof was used before',
  nonce_required: 'The DPoP proof needs a nonce from this server',
} as const;

const INSUFFICIENT_USER_AUTHENTICATION = {
  acr_not_met: 'A different authentication level is required',
  authentication_too_old: 'More recent authentication is required',
} as const;

const INSUFFICIENT_SCOPE = {
  insufficient_scope: 'The access token lacks a required scope',
  claims_not_met: 'The access token does not grant access to this resource',
  authorization_details_not_met: 'The access token lacks a required authorization detail',
  unknown_operation: 'No access token grants access to this operation',
  caller_mismatch: 'The access token is for another caller than the one before',
  delegation_refused: 'The access token does not allow this API to act on behalf of its subject',
  origin_not_allowed: 'The page that sent the request may not use this API',
} as const;

/** All have the same text: what can't be reached is for the log only. */
const UNAVAILABLE = [
  'issuer_unavailable',
  'metadata_unavailable',
  'metadata_invalid',
  'issuer_mismatch',
  'jwks_unavailable',
  'jwks_invalid',
  'introspection_unavailable',
  'introspection_auth_failed',
  'introspection_invalid',
  'replay_store_unavailable',
  'replay_store_full',
  'revocation_unavailable',
] as const;

/** For calls to another API on the caller's behalf. */
const UNAVAILABLE_EXCHANGE = {
  exchange_unavailable: 'The request cannot be completed at the moment',
} as const;

const BAD_GATEWAY = { exchange_failed: 'The request cannot be completed' } as const;

/** Reasons of an {@link InvalidRequestError}: the request has to be sent differently. */
export type InvalidRequestReason = keyof typeof INVALID_REQUEST;

/** Reasons of an {@link InvalidTokenError}: the client needs another access token. */
export type InvalidTokenReason = keyof typeof INVALID_TOKEN;

/** Reasons of an {@link InvalidProofError}: the DPoP proof is wrong or missing (RFC 9449 §4.3). */
export type InvalidProofReason = keyof typeof INVALID_PROOF;

/** Reasons of an {@link InsufficientUserAuthenticationError}. */
export type InsufficientUserAuthenticationReason = keyof typeof INSUFFICIENT_USER_AUTHENTICATION;

/** Reasons of an {@link InsufficientScopeError}: the access token is valid, but doesn't allow this. */
export type InsufficientScopeReason = keyof typeof INSUFFICIENT_SCOPE;

/** Reasons of an {@link UnavailableError}: something that the decision needs is out of reach or unusable. */
export type UnavailableReason = (typeof UNAVAILABLE)[number] | keyof typeof UNAVAILABLE_EXCHANGE;

/** Reasons of a {@link BadGatewayError}: this API can't call another one on behalf of its caller. */
export type BadGatewayReason = keyof typeof BAD_GATEWAY;

/**
 * Why a request was refused. Stable words for logs, metrics and tests; `docs/errors.md` explains each.
 * HTTP and gRPC clients never see them: they get only the registered OAuth `error` code and a fixed
 * description. WebSocket, NestJS message and GraphQL clients do see them, except during an outage.
 */
export type Reason =
  | InvalidRequestReason
  | InvalidTokenReason
  | InvalidProofReason
  | InsufficientUserAuthenticationReason
  | InsufficientScopeReason
  | UnavailableReason
  | BadGatewayReason;

/**
 * The registered OAuth error codes that this package sends (RFC 6750 §3.1, RFC 9449 §12.2, RFC 9470 §3,
 * RFC 6749 §4.1.2.1).
 */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'insufficient_user_authentication'
  | 'insufficient_scope'
  | 'temporarily_unavailable'
  | 'server_error';

/** The text for each reason that the client may read. */
export const DESCRIPTIONS: Readonly<Record<Reason, string>> = {
  ...INVALID_REQUEST,
  ...INVALID_TOKEN,
  ...INVALID_PROOF,
  ...INSUFFICIENT_USER_AUTHENTICATION,
  ...INSUFFICIENT_SCOPE,
  ...(Object.fromEntries(
    UNAVAILABLE.map((reason) => [reason, 'The access token cannot be verified at the moment']),
  ) as Record<(typeof UNAVAILABLE)[number], string>), // one per reason
  ...UNAVAILABLE_EXCHANGE,
  ...BAD_GATEWAY,
};

/** Every reason, for documentation and metrics. */
// `as`: DESCRIPTIONS has a member per reason, and no other.
export const reasons: readonly Reason[] = Object.freeze(Object.keys(DESCRIPTIONS) as Reason[]);
