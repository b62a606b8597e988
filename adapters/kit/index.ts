/** What an adapter is made of: for frameworks that this package doesn't cover. */
export {
  challengeHeaders,
  type Next,
  type Reply,
  refuse,
  replyOf,
  sendAnswer,
  serveMetadata,
  setHeaders,
  toHeaders,
  toResponse,
} from './answers.js';
export { connectRequestView } from './connect-request.js';
export { type Arrival, checkRequirements, Gate, getAuth, type Refusal, standInFor } from './gate.js';
export type { RefusalLog } from './refusal-log.js';
export {
  type Declaration,
  declare,
  declared,
  type RequirementFamily,
  requirementFamily,
} from './requirements.js';
export { proceed, whenSettled } from './settle.js';
