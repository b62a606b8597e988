export type { Auth, Requirement } from '../../src/index.js';
export type * from '../kit/core-types.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from '../kit/plain-requirements.js';
export { authenticate, type GrpcOptions } from './authenticate.js';
export { deny } from './deny.js';
export { getAuth } from './get-auth.js';
export type { MethodAccess, Methods } from './methods.js';
