// Since TypeScript 6, programs have no types of Node unless they ask for them. Ours would then be `any`.
/// <reference types="node" preserve="true" />
export type { JSONWebKeySet } from 'jose';
export {
  answerMetadata,
  type MetadataSigner,
  type ResourceMetadata,
  type ResourceMetadataDocument,
} from './answer/resource-metadata.js';
export { toHeaders, toResponse } from './answer/response.js';
export {
  type AccessToken,
  type Actor,
  type Auth,
  isAuth,
  type JoseHeader,
  type Register,
  type RegisteredClaims,
  type Scope,
  type StandardClaims,
} from './auth.js';
export type { Allowed, Answer, AnswerBody, AnswerHeaders, Decision, Denied } from './decision.js';
export type { DecisionMessage, IntrospectionMessage, KeysMessage, WarningMessage } from './diagnostics.js';
export { channels } from './diagnostics.js';
export {
  BadGatewayError,
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
export type { CertificateFiles, CertificatePem } from './issuer/client-certificate.js';
export type { Introspect, IntrospectedTokens, WantedMember } from './issuer/introspection-settings.js';
export { type LogRefusalsOptions, logRefusals, type RefusalLogger } from './log-refusals.js';
export { type McpAuthInfo, toMcpAuthInfo } from './mcp-auth-info.js';
export type { CertificateOption } from './options/certificate.js';
export type { ClientAuthenticationOptions } from './options/credential.js';
export type { DpopNonceOptions, DpopOptions } from './options/dpop.js';
export type {
  IntrospectionEndpointOptions,
  IntrospectionFunctionOptions,
  IntrospectionOptions,
  IntrospectionPolicyOptions,
} from './options/introspection.js';
export type { IssuerResolver } from './options/issuers.js';
export { adfs, entraId, entraIdMultiTenant, entraWorkloads } from './options/microsoft-presets.js';
export type { MtlsProxyOptions } from './options/mtls.js';
export type { ResourceServerOptions } from './options/options.js';
export type { PresetOverrides } from './options/preset.js';
export {
  auth0,
  authentik,
  clerk,
  cognito,
  keycloak,
  okta,
  ory,
  pingFederate,
  pingOne,
  type XsuaaBinding,
  xsuaa,
  zitadel,
} from './options/presets.js';
export type { ResourceOptions } from './options/resource.js';
export type { ScopeClaim } from './options/scope-claim.js';
export type { KeysOptions, TrustedIssuer } from './options/trusted-issuer.js';
export { githubActions, google, kubernetes } from './options/workload-presets.js';
export type { Workload, Workloads } from './options/workloads.js';
export type { CertificateHeaderForm } from './proof/certificate-header.js';
export type { MemoryReplayStoreOptions, ReplayStore } from './proof/replay-store.js';
export { createMemoryReplayStore } from './proof/replay-store.js';
export type {
  BadGatewayReason,
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
export { type FetchConnection, FetchRequestView } from './request/fetch-view.js';
export { readForm } from './request/form.js';
export { readJson } from './request/json.js';
export { type FrameworkRequest, NodeRequestView } from './request/node-view.js';
export { isCorsPreflight, type RequestView } from './request/view.js';
export { type RequestLike, viewRequest, type WrappedRequest } from './request/view-request.js';
export { authorizationDetailsOf } from './requirement/check-requirement.js';
export {
  type AuthenticationOptions,
  type AuthenticationRequirement,
  type AuthorizationDetail,
  type AuthorizationDetailsPredicate,
  type ClaimsPredicate,
  type Requirement,
  requirementOfAnyScope,
  requirementOfAuthentication,
  requirementOfAuthorizationDetails,
  requirementOfClaims,
  requirementOfScopes,
} from './requirement/requirement.js';
export { createResourceServer, isResourceServer, type ResourceServer } from './resource-server.js';
export type { Algorithm, AuthenticationMethod, BearerMethod, TokenType } from './terms.js';
export type { ClientSource } from './token/token-rules.js';
