/** The parts of an adapter, for frameworks that this package doesn't cover. */
export { answerUpgrade } from './answer-upgrade.js';
export * from './answers.js';
export { checkRequirements, enforceRequirements } from './check-requirements.js';
export * from './connect-request.js';
export type { Connection, Line } from './connection.js';
export * from './connection-gate.js';
export { denyRequest } from './deny.js';
export * from './fetch-entrance.js';
export { checkFirstMessage, type FirstMessageOptions } from './first-message-options.js';
export { Gate } from './gate.js';
export { findAuth, getAuth } from './get-auth.js';
export { type Arrival, arrivedView, type Mistake, standInFor } from './passage.js';
export type { RefusalLog } from './refusal-log.js';
export * from './requirements.js';
export * from './route-steps.js';
export * from './settle.js';
export type * from './socket-types.js';
export * from './subprotocol.js';
