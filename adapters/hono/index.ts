export type * from '../kit/fetch-types.js';
export { authenticate, type FetchOptions, resourceMetadata } from './authenticate.js';
export { deny } from './deny.js';
export { getAuth } from './get-auth.js';
export {
  type AuthEnv,
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
