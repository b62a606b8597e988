export type { Auth, Auth as RequestAuth } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export type { OpenApiSecurityOptions, SecurityRequirement } from '../kit/openapi.js';
export * from './authenticate.js';
export * from './deny.js';
export {
  type ExpressOpenApiOptions,
  type OpenApiDocument,
  openapiSecurity,
  type SecuredDocument,
} from './openapi.js';
export * from './requirements.js';
