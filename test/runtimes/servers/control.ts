import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Harness, Running } from '../../http/harnesses/harness.js';
import { type Setup, setupOptions } from './setup.js';

/**
 * Starts servers of one harness when told to, over HTTP: `POST /` with a {@link Setup} starts one and answers
 * its URL, `GET /?url=…` says how often its handlers ran. Prints its own URL, and the version of the runtime.
 */
export function serveOnDemand({ start }: Harness): void {
  const servers = new Map<string, Running>();
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    if (request.method === 'GET') {
      const url = new URL(request.url ?? '', 'http://localhost').searchParams.get('url');
      return servers.get(url ?? '')?.handled();
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const setup: Setup = JSON.parse(Buffer.concat(chunks).toString());
    const server = await start(setupOptions(setup), setup);
    servers.set(server.url, server);
    return server.url;
  };
  const control = createServer((request, response) => {
    answer(request).then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  control.listen(0, '127.0.0.1', () => {
    const { port } = control.address() as AddressInfo; // a TCP server has no other address
    const { bun, deno, node } = process.versions;
    console.log(JSON.stringify({ url: `http://127.0.0.1:${port}`, version: bun ?? deno ?? node }));
  });
}
