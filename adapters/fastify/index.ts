import './request-types.js';

export type { Auth } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { getAuth } from '../kit/index.js';
export type { OpenApiSecurityOptions, SecurityRequirement } from '../kit/openapi.js';
export * from './deny.js';
export { openapiSecurity, type TransformInput, type TransformOutput } from './openapi.js';
export * from './plugin.js';
export * from './requirements.js';
