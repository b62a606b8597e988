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
export { getAuth } from '../kit/index.js';
export { resourceMetadata } from './metadata.js';
export { resourceServer } from './plugin.js';
export type { RequirementHook } from './requirements.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
