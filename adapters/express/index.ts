export type { Auth, Auth as RequestAuth } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export type { OpenApiSecurityOptions, SecurityRequirement } from '../kit/openapi.js';
export { authenticate, type Middleware, resourceMetadata } from './authenticate.js';
export { deny } from './deny.js';
export {
  type ExpressOpenApiOptions,
  type OpenApiDocument,
  openapiSecurity,
  type SecuredDocument,
} from './openapi.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
