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
export {
  authenticate,
  getAuth,
  type Middleware,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './middleware.js';
export type { RequestAuth } from './request-types.js';
export { resourceMetadata } from './resource-metadata.js';
