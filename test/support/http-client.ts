import { type IncomingHttpHeaders, request } from 'node:http';

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

/** Sends one request over a connection of its own. */
export async function send(
  url: string,
  { method = 'GET', path, headers = [], body = '' }: RawRequest,
): Promise<RawResponse> {
  const flat = headers.flat();
  if (body !== '' || method === 'POST') flat.push('Content-Length', String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, path, agent: false, headers: ['Host', new URL(url).host, 'Connection', 'close', ...flat] },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            lines: (name) => response.headersDistinct[name] ?? [],
            body: Buffer.concat(chunks).toString(),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
