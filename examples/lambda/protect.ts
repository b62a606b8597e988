import type { Auth, Requirement, ResourceServer } from 'oauth-resource-server';
import { checkRequirements, Gate, getAuth } from 'oauth-resource-server/adapter';
import { type HttpEvent, type Result, toResult, viewEvent } from './http-event.js';

export type Handler = (event: HttpEvent) => Promise<Result>;

/** A handler that runs only for requests with a valid access token that meets the requirements. */
export function protect(
  server: ResourceServer,
  handle: (event: HttpEvent, auth: Auth) => Result | Promise<Result>,
  ...requirements: readonly Requirement[]
): Handler {
  const gate = new Gate(server);
  return async (event) => {
    const arrival = { message: event, view: viewEvent(event) };
    const decision = await gate.authenticate(arrival, requirements, 'refuse');
    if (decision.kind === 'denied') return toResult(event, decision.answer);
    const refusal = checkRequirements(event, requirements, { name: 'protect', advice: '' });
    if (refusal !== undefined) return toResult(event, refusal.answer);
    const result = await handle(event, getAuth(event));
    for (const [name, value] of Object.entries(decision.headers ?? {}))
      result.headers = { ...result.headers, [name]: String(value) };
    return result;
  };
}

/** Serves the metadata of the API (RFC 9728): for the route of its path, on a domain of your own. */
export function metadata({ resourceMetadata }: ResourceServer): Handler {
  return async (event) => {
    const view = { ...viewEvent(event), url: resourceMetadata?.url ?? '' };
    const answer = await resourceMetadata?.answer(view);
    return toResult(event, answer ?? { status: 404, headers: {}, body: undefined });
  };
}
