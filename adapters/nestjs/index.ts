export type * from '../kit/core-types.js';
export { getAuth, type Reply as PlatformResponse } from '../kit/index.js';
export * from './decorators.js';
export { ResourceServerException, ResourceServerExceptionFilter } from './exception.js';
export { RESOURCE_SERVER, type RequestResponse, ResourceServerGuard } from './guard.js';
export * from './module.js';
export type { PlatformRequest } from './platform.js';
