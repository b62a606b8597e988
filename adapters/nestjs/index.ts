export type * from '../kit/core-types.js';
export { type FakeCaller, fakeResourceServer } from '../kit/fake-resource-server.js';
export { getAuth, type Reply as PlatformResponse } from '../kit/index.js';
export type { OpenApiSecurityOptions, SecurityRequirement } from '../kit/openapi.js';
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
export { RESOURCE_SERVER, ResourceServerGuard } from './guard.js';
export {
  ResourceServerModule,
  type ResourceServerModuleAsyncOptions,
  type ResourceServerModuleExtras,
  type ResourceServerModuleOptions,
  type ResourceServerOptionsFactory,
} from './module.js';
export { type OpenApiDocument, openapiSecurity, type ProviderContainer } from './openapi.js';
export type { MessageHeaders, PlatformRequest, RequestResponse } from './platform.js';
