import { Agent, type ClientRequest, request } from 'node:http';
import type { RawRequest, RawResponse } from './http-client.js';

export interface KeepAliveClient {
  send(sent: RawRequest): Promise<Pick<RawResponse, 'status' | 'body' | 'lines'>>;
  close(): void;
}

/** Sends requests one after the other over connections that are kept, for tests that send thousands. */
export function keepAliveClient(url: string): KeepAliveClient {
  const agent = new Agent({ keepAlive: true });
  return { send: (sent) => send(url, agent, sent), close: () => agent.destroy() };
}

function send(url: string, agent: Agent, sent: RawRequest): ReturnType<KeepAliveClient['send']> {
  const { method = 'GET', path, headers = [], body = '' } = sent;
  const flat = ['Host', new URL(url).host, ...headers.flat()];
  if (body !== '') flat.push('Content-Length', String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, { method, agent, headers: flat }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          lines: (name) => response.headersDistinct[name] ?? [],
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    outgoing.on('error', (error) => {
      if (wasClosedWhileIdle(outgoing, error)) send(url, agent, sent).then(resolve, reject);
      else reject(error);
    });
    outgoing.end(body);
  });
}

/**
 * A server may close an idle connection at the very moment at which it is used again; Node leaves it to the
 * client to try anew.
 */
function wasClosedWhileIdle(outgoing: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return outgoing.reusedSocket && error.code === 'ECONNRESET';
}
