export type { Auth, FetchConnection, Requirement } from '../../src/index.js';
export { getAuth } from '../kit/index.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from './requirements.js';
export { type FetchGate, type FetchOptions, resourceServer } from './resource-server.js';
