import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { bodyOf, close, listen } from './token-endpoint.js';

/** One call as an API saw it. */
interface SeenCall {
  readonly method: string | undefined;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Api {
  readonly origin: string;
  readonly calls: readonly SeenCall[];
}

/** What an API does with a call; the default is 200 with the text `ok`. */
export type Answer = (call: SeenCall, response: ServerResponse) => void;

/** Starts an API on loopback that checks nothing; it stops with the test. */
export async function startApi(answer: Answer = ok): Promise<Api> {
  const calls: SeenCall[] = [];
  const server = createServer(async (request, response) => {
    const { method, url: path = '', headers } = request;
    const call: SeenCall = { method, path, headers, body: await bodyOf(request) };
    calls.push(call);
    answer(call, response);
  });
  onTestFinished(() => close(server));
  return { origin: await listen(server), calls };
}

export const ok: Answer = (_call, response) => {
  response.end('ok');
};

/** 401 as RFC 6750 §3.1 has it. */
export const refuseToken: Answer = (_call, response) => {
  response.writeHead(401, { 'WWW-Authenticate': 'Bearer realm="api", error="invalid_token"' }).end('no');
};

export function redirectTo(status: number, location: string): Answer {
  return (_call, response) => {
    response.writeHead(status, { Location: location }).end('elsewhere');
  };
}
