export type * from '../kit/fetch-types.js';
export { getAuth } from '../kit/index.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from '../kit/plain-requirements.js';
export { deny } from './deny.js';
export { type FetchGate, resourceServer } from './resource-server.js';
