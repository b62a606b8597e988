export type {
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
  Auth,
  getAuth,
  Public,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequireClaims,
  RequireScope,
} from './decorators.js';
export { ResourceServerException, ResourceServerExceptionFilter } from './exception.js';
export { type RequestResponse, ResourceServerGuard } from './guard.js';
export { ResourceServerModule } from './module.js';
export {
  RESOURCE_SERVER,
  type ResourceServerModuleAsyncOptions,
  type ResourceServerModuleExtras,
  type ResourceServerModuleOptions,
  type ResourceServerOptionsFactory,
} from './module-options.js';
export type { PlatformRequest, PlatformResponse } from './platform.js';
