export type { Auth, Decision, Requirement } from '../../src/index.js';
export type * from '../kit/core-types.js';
export { type Connection, type FirstMessageOptions, getAuth, tokenFromSubprotocol } from '../kit/index.js';
export {
  requireAnyScope,
  requireAuthentication,
  requireAuthorizationDetails,
  requireClaims,
  requireScope,
} from '../kit/plain-requirements.js';
export type * from '../kit/socket-types.js';
export { WebSocketGate } from './gate.js';
