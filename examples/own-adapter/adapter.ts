import type { Requirement, ResourceServerError, ResourceServerOptions } from 'oauth-resource-server';
import {
  checkRequirements,
  connectRequestView,
  denyRequest,
  Gate,
  replyOf,
  requirementFamily,
  sendAnswer,
  setHeaders,
} from 'oauth-resource-server/adapter';
import type { Context, Handler } from './router.js';

const MISTAKE = { name: 'protect', advice: '; wrap its handler in protect()' };

export const {
  requireScope,
  requireAnyScope,
  requireClaims,
  requireAuthentication,
  requireAuthorizationDetails,
} = requirementFamily<Requirement>((requirement) => requirement);

/** Wraps handlers, so that they run for requests with a valid access token only. */
export function resourceServer(options: ResourceServerOptions) {
  const gate = new Gate(options);
  return (handler: Handler, ...requirements: readonly Requirement[]): Handler =>
    async (context) => {
      const { message, response } = context;
      const reply = replyOf(response);
      const arrival = { message, request: context, view: connectRequestView(message, context) };
      const decision = await gate.authenticate(arrival, requirements, 'refuse');
      if (decision.kind === 'denied') return sendAnswer(decision.answer, reply);
      const refusal = checkRequirements(message, requirements, MISTAKE);
      if (refusal !== undefined) return sendAnswer(refusal.answer, reply);
      setHeaders(reply, decision.headers);
      return handler(context);
    };
}

/** Refuses a request that got in, after a check of your own. */
export function deny(error: ResourceServerError, { message, response }: Context): void {
  sendAnswer(denyRequest(message, error, MISTAKE).answer, replyOf(response));
}
