import './request-types.js';

export type { Auth } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export type { OpenApiSecurityOptions, SecurityRequirement } from '../kit/openapi.js';
export { deny } from './deny.js';
export { openapiSecurity, type TransformInput, type TransformOutput } from './openapi.js';
export { resourceMetadata, resourceServer } from './plugin.js';
export {
  type RequirementHook,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
