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
export type { Allowed, Answer, AnswerBody, AnswerHeaders, Decision, Denied } from './decision.js';
export type { DecisionMessage, KeysMessage, WarningMessage } from './diagnostics.js';
export { channels } from './diagnostics.js';
export type {
  ErrorCode,
  InsufficientScopeReason,
  InvalidRequestReason,
  InvalidTokenReason,
  Reason,
  UnavailableReason,
} from './errors.js';
export {
  errorKind,
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  isResourceServerError,
  kindOf,
  ResourceServerError,
  reasons,
  UnavailableError,
} from './errors.js';
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
export type { RequestLike, RequestView } from './request.js';
export { isCorsPreflight, NodeRequestView, viewRequest } from './request.js';
export type { ClaimsPredicate, Requirement } from './requirement/requirement.js';
export {
  requirementOfAnyScope,
  requirementOfClaims,
  requirementOfScopes,
} from './requirement/requirement.js';
export type { ResourceServer } from './resource-server.js';
export { createResourceServer, isResourceServer } from './resource-server.js';
