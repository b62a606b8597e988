import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, NodeRequestView, type ResourceMetadata } from '../../src/index.js';

/** A middleware of either HTTP platform that serves the metadata of this API, and lets everything else through. */
export function serveMetadata(
  metadata: ResourceMetadata,
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    const answer = metadata.answer(new NodeRequestView(request));
    if (answer === undefined) next();
    else if (answer instanceof Promise) answer.then((signed) => send(signed, response)).catch(next);
    else send(answer, response);
  };
}

function send({ status, headers, body }: Answer, response: ServerResponse): void {
  if (response.headersSent) return;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  response.end(body);
}
