import { type Auth, answerMetadata, type Requirement, type ResourceServer } from 'oauth-resource-server';
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
    return {
      ...result,
      headers: {
        ...result.headers,
        ...Object.fromEntries(
          Object.entries(decision.headers ?? {}).map(([name, value]) => [name, String(value)]),
        ),
      },
    };
  };
}

/** The metadata of the API (RFC 9728), for the route `GET /.well-known/oauth-protected-resource`. */
export function metadata({ resourceMetadata }: ResourceServer): Handler {
  const published = resourceMetadata === undefined ? [] : [resourceMetadata];
  return async (event) => {
    const answer = await answerMetadata(published, viewEvent(event));
    return toResult(event, answer ?? { status: 404, headers: {}, body: undefined });
  };
}
