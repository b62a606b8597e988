import './request-types.js';

export type {
  Auth,
  AuthenticationOptions,
  AuthorizationDetail,
  AuthorizationDetailsPredicate,
  ClaimsPredicate,
  Register,
  ResourceOptions,
  ResourceServer,
  ResourceServerOptions,
  Scope,
} from '../../src/index.js';
export { resourceServer } from './plugin.js';
export type { RequirementHook } from './requirements.js';
export {
  getAuth,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
export { resourceMetadata } from './resource-metadata.js';
