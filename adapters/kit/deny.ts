import type { Auth, Denied, RequestView, ResourceServer, ResourceServerError } from '../../src/index.js';
import type { Refusal } from './answers.js';
import { type Mistake, type Passage, type RefusalLog, requirePassage } from './passage.js';

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

/** Records a refusal and logs it with the framework's logger, at the levels of `logRefusals`. */
export function recordRefusal(passage: Passage, denied: Denied): Refusal {
  const { server, auth, arrival } = passage;
  passage.refused = denied;
  if (arrival.log !== undefined) logRefusal(denied, arrival.view, arrival.log, auth);
  return toRefusal(denied, server);
}

/** Of the token it logs only the issuer and the client, once they're verified. */
function logRefusal(
  { error: { reason, hint }, answer: { status } }: Denied,
  { method, route }: RequestView,
  log: RefusalLog,
  auth: Auth | undefined,
): void {
  const { issuer, clientId } = auth ?? {};
  const fields = { method, route, status, reason, hint, issuer, clientId };
  log[status >= 500 ? 'warn' : 'info'](fields, 'request refused');
}

/**
 * The reason as a client may know it, where no challenge says why. What failed during an outage is for the
 * log only.
 */
export function toldReason({ status, reason }: Pick<ResourceServerError, 'status' | 'reason'>): string {
  return status === 503 ? 'temporarily_unavailable' : reason;
}

/** A refusal, with the way this resource server wants it answered. */
export function toRefusal(denied: Denied, { errors }: ResourceServer): Refusal {
  return { ...denied, errors, toResponse: () => denied.toResponse() }; // a copy has no methods
}
