export type {
  Auth,
  Auth as RequestAuth,
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
export { authenticate, type Middleware, resourceMetadata } from './authenticate.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
