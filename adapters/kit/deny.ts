import type { Denied, ResourceServer, ResourceServerError } from '../../src/index.js';
import type { Refusal } from './answers.js';
import { type Mistake, type Passage, requirePassage } from './passage.js';
import { logRefusal } from './refusal-log.js';

/**
 * Refuses a request that your own code rejects, after a check that no requirement covers. The challenge names
 * the scopes that the route requires.
 *
 * @param request the arrival's `message` or `request`
 * @returns the refusal, which is logged
 * @throws {Error} no gate has seen the request
 * @throws {TypeError} `error` isn't an error of this package
 */
export function denyRequest(request: object, error: ResourceServerError, mistake: Mistake): Refusal {
  return denyPassage(requirePassage(request, mistake), error);
}

/** {@link denyRequest} for one resource server. */
export function denyPassage(passage: Passage, error: ResourceServerError): Refusal {
  const { server, arrival, auth, met, refused } = passage;
  if (refused?.error === error) return toRefusal(refused, server);
  return recordRefusal(passage, server.deny(error, auth, met, arrival.view));
}

/** Records and logs a refusal. */
export function recordRefusal(passage: Passage, denied: Denied): Refusal {
  const { server, auth, arrival } = passage;
  passage.refused = denied;
  logRefusal(denied, arrival, auth);
  return toRefusal(denied, server);
}

/** A refusal, with the way this resource server wants it answered. */
export function toRefusal(denied: Denied, { errors }: ResourceServer): Refusal {
  return { ...denied, errors, toResponse: () => denied.toResponse() }; // a copy has no methods
}
