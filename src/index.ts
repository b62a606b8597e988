export type {
  AccessToken,
  Auth,
  JoseHeader,
  Register,
  RegisteredClaims,
  Scope,
  StandardClaims,
} from './auth.js';
export { isAuth } from './auth.js';
export type { CertificateHeaderForm } from './binding/certificate-header.js';
export type { DpopNonceOptions, DpopOptions } from './binding/dpop/dpop-options.js';
export type { MemoryReplayStoreOptions, ReplayStore } from './binding/dpop/replay-store.js';
export { createMemoryReplayStore } from './binding/dpop/replay-store.js';
export type { MtlsProxyOptions } from './binding/mtls-options.js';
export type { Allowed, Answer, AnswerBody, AnswerHeaders, Decision, Denied } from './decision.js';
export type { DecisionMessage, IntrospectionMessage, KeysMessage, WarningMessage } from './diagnostics.js';
export { channels } from './diagnostics.js';
export {
  errorKind,
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  isResourceServerError,
  kindOf,
  ResourceServerError,
  UnavailableError,
} from './errors.js';
export type { IntrospectedTokens, WantedMember } from './introspection/introspection.js';
export type {
  Introspect,
  IntrospectionEndpointOptions,
  IntrospectionFunctionOptions,
  IntrospectionOptions,
  IntrospectionPolicyOptions,
} from './introspection/introspection-options.js';
export type { PresetOverrides } from './issuer-presets.js';
export { auth0, cognito, entraId, keycloak, okta } from './issuer-presets.js';
export type {
  Algorithm,
  BearerMethod,
  KeysOptions,
  ResourceServerOptions,
  TokenType,
  TrustedIssuer,
} from './options.js';
export type {
  ErrorCode,
  InsufficientScopeReason,
  InsufficientUserAuthenticationReason,
  InvalidProofReason,
  InvalidRequestReason,
  InvalidTokenReason,
  Reason,
  UnavailableReason,
} from './reasons.js';
export { reasons } from './reasons.js';
export type { RequestLike, RequestView } from './request.js';
export { isCorsPreflight, NodeRequestView, viewRequest } from './request.js';
export type { AuthenticationRequirement } from './requirement/authentication.js';
export type {
  AuthorizationDetail,
  AuthorizationDetailsPredicate,
} from './requirement/authorization-details.js';
export { authorizationDetailsOf } from './requirement/authorization-details.js';
export type { AuthenticationOptions, ClaimsPredicate, Requirement } from './requirement/requirement.js';
export {
  requirementOfAnyScope,
  requirementOfAuthentication,
  requirementOfAuthorizationDetails,
  requirementOfClaims,
  requirementOfScopes,
} from './requirement/requirement.js';
export type { ResourceServer } from './resource-server.js';
export { createResourceServer, isResourceServer } from './resource-server.js';
export type { ResourceMetadataDocument } from './response/resource-document.js';
export type { ResourceMetadata } from './response/resource-metadata.js';
export type { MetadataSigner, ResourceOptions } from './response/resource-options.js';
