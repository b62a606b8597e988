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
export { getAuth, type Reply as PlatformResponse } from '../kit/index.js';
export {
  Auth,
  Public,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequireClaims,
  RequireScope,
} from './decorators.js';
export { ResourceServerException, ResourceServerExceptionFilter } from './exception.js';
export { RESOURCE_SERVER, type RequestResponse, ResourceServerGuard } from './guard.js';
export {
  ResourceServerModule,
  type ResourceServerModuleAsyncOptions,
  type ResourceServerModuleExtras,
  type ResourceServerModuleOptions,
  type ResourceServerOptionsFactory,
} from './module.js';
export type { PlatformRequest } from './platform.js';
