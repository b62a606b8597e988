export type * from '../kit/core-types.js';
export { getAuth, type Reply as PlatformResponse } from '../kit/index.js';
export * from './decorators.js';
export { ResourceServerException, ResourceServerExceptionFilter } from './exception.js';
export { type FakeCaller, fakeResourceServer } from './fake-resource-server.js';
export { RESOURCE_SERVER, ResourceServerGuard } from './guard.js';
export * from './module.js';
export type { MessageHeaders, PlatformRequest, RequestResponse } from './platform.js';
