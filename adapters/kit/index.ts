/** The parts of an adapter, for frameworks that this package doesn't cover. */
export { answerUpgrade } from './answer-upgrade.js';
export {
  challengeHeaders,
  fieldLines,
  type Next,
  type Refusal,
  type Reply,
  refuse,
  replyOf,
  sendAnswer,
  serveMetadata,
  setHeaders,
  toHeaders,
  toResponse,
} from './answers.js';
export { checkRequirements, enforceRequirements } from './check-requirements.js';
export { connectRequestView, seemsToHaveToken, tokenView } from './connect-request.js';
export type { Connection, Line } from './connection.js';
export { ConnectionGate, type ConnectionOptions } from './connection-gate.js';
export { denyRequest } from './deny.js';
export {
  type Caller,
  type Entered,
  type EntranceOptions,
  type FetchArrival,
  FetchEntrance,
  type FetchOptions,
  metadataResponse,
  respond,
  withHeaders,
} from './fetch-entrance.js';
export { checkFirstMessage, type FirstMessageOptions } from './first-message-options.js';
export { Gate } from './gate.js';
export { findAuth, getAuth } from './get-auth.js';
export { type Arrival, arrivedView, type Mistake, type RefusalLog, standInFor } from './passage.js';
export {
  type Declaration,
  declare,
  declared,
  publishedBy,
  type RequirementFamily,
  requireMetadata,
  requirementFamily,
} from './requirements.js';
export { RouteSteps, type Step } from './route-steps.js';
export { proceed, warnOfBug, whenSettled } from './settle.js';
export type * from './socket-types.js';
export { tokenFromSubprotocol } from './subprotocol.js';
