/** The parts of an adapter, for frameworks that this package doesn't cover. */
export { answerUpgrade } from './answer-upgrade.js';
export * from './answers.js';
export * from './connect-request.js';
export type { Connection, Line } from './connection.js';
export * from './connection-gate.js';
export * from './fetch-entrance.js';
export { checkFirstMessage, type FirstMessageOptions } from './first-message-options.js';
export {
  type Arrival,
  arrivedView,
  checkRequirements,
  denyRequest,
  enforceRequirements,
  findAuth,
  Gate,
  getAuth,
  type Mistake,
  standInFor,
} from './gate.js';
export type { RefusalLog } from './refusal-log.js';
export * from './requirements.js';
export * from './route-steps.js';
export * from './settle.js';
export type * from './socket-types.js';
export * from './subprotocol.js';
