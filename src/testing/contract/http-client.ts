import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

/** A request as it goes over the wire; header lines stay as they are given, repeated ones too. */
export interface RawRequest {
  readonly method?: string;
  /** The request target, sent as it is. */
  readonly path: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All lines of a header field. */
  lines(name: string): readonly string[];
  readonly body: string;
}

const UPGRADE = [
  ...['Connection', 'Upgrade', 'Upgrade', 'websocket'],
  ...['Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];

/**
 * Sends one request over a connection of its own.
 *
 * @param purpose `'WebSocket'`: to upgrade the connection to one, which is then closed
 */
export async function send(
  url: string,
  { method = 'GET', path, headers = [], body = '' }: RawRequest,
  purpose: 'answer' | 'WebSocket' = 'answer',
): Promise<RawResponse> {
  const flat = [...(purpose === 'WebSocket' ? UPGRADE : ['Connection', 'close']), ...headers.flat()];
  if (body !== '' || method === 'POST') flat.push('Content-Length', String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, path, agent: false, headers: ['Host', new URL(url).host, ...flat] },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve(toRawResponse(response, Buffer.concat(chunks).toString())));
      },
    );
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(toRawResponse(response, ''));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function toRawResponse(response: IncomingMessage, body: string): RawResponse {
  const { statusCode = 0, headers, headersDistinct } = response;
  return { status: statusCode, headers, lines: (name) => headersDistinct[name] ?? [], body };
}
